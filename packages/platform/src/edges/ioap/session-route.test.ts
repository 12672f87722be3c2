import { claim } from '@aip/conformance';
import type { IoapFrame, IoapPayloads } from '@aip/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { oneShot, outcomeOf, type Call } from '../../exchange/index.ts';
import { data } from '../../kernel/body.ts';
import { openPeer, startTestGateway, type Peer, type TestGateway } from './testing.ts';

const CAPABILITIES = [{ name: 'safe', idempotent: true }, { name: 'look', effect: 'read' as const }, { name: 'risky' }];

let gateway: TestGateway;
let bob: Peer;

beforeEach(async () => {
  gateway = await startTestGateway({ limits: { comeback: 500 } });
  bob = await openPeer(gateway);
  await bob.register({ name: 'bob', capabilities: CAPABILITIES });
});
afterEach(() => gateway[Symbol.asyncDispose]());

const call = (skill: string): Promise<Call> =>
  gateway.exchange.send(
    oneShot(
      { principal: gateway.exchange.authenticate({ kind: 'bearer', token: 'somebody' }), edge: 'http' },
      Date.now(),
    ),
    {
      to: `skill:${bob.did}/${skill}`,
      action: 'invoke',
      body: data({ n: 1 }),
    },
  );
const request = async (peer: Peer): Promise<IoapFrame> =>
  (await peer.next(({ type }) => type === 'EXEC_REQUEST')).frame;
const respond = (peer: Peer, to: IoapFrame, payload: Partial<IoapPayloads['EXEC_RESPONSE']> & object): void =>
  void peer.say(
    'EXEC_RESPONSE',
    to.from,
    { status: 'success', execution_time_ms: 1, ...payload },
    { correlation_id: to.id },
  );
const comeBack = async (): Promise<Peer> => {
  const again = await openPeer(gateway, bob.key);
  await again.register({ name: 'bob', capabilities: CAPABILITIES });
  return again;
};
/** What every frame for the same task has in common. */
const taskOf = ({ payload }: IoapFrame) => payload as { idempotency_key: string; task_id: string; attempt: number };

describe(`an agent that loses its connection while it works ${claim('P-IOAP.redelivery')}`, () => {
  it.each(['safe', 'look'])('gets the step %s again under the same key when it is back', async (skill) => {
    const running = await call(skill);
    const first = taskOf(await request(bob));
    bob.socket.terminate();
    const back = await comeBack();
    const again = await request(back);
    expect(taskOf(again)).toMatchObject({ idempotency_key: first.idempotency_key, task_id: first.task_id, attempt: 2 });
    respond(back, again, { result: 'done' });
    expect(outcomeOf(await running.ended)).toMatchObject({ ok: true, body: { value: 'done' } });
  });

  it(`gets it five times at most: a step that costs it its life each time ends as failed ${claim('O-EXEC.poison')}`, async () => {
    const running = await call('safe');
    for (let attempt = 1; attempt <= 5; attempt++) {
      expect(taskOf(await request(bob)).attempt).toBe(attempt);
      bob.socket.terminate();
      bob = await comeBack();
    }
    expect(outcomeOf(await running.ended)).toMatchObject({
      ok: false,
      error: { code: 'DELIVERED_TOO_OFTEN' },
      effect: 'unknown',
    });
    const ping = bob.say('PING', gateway.did, {});
    await bob.answerTo(ping.id);
    expect(bob.seen).toEqual([]);
    const types = (await Array.fromAsync(running.events())).map(({ type }) => type);
    expect(types).toEqual(['submitted', 'redelivered', 'redelivered', 'redelivered', 'redelivered', 'failed']);
  });

  it('gets it again, too, when a newer connection has replaced the old one', async () => {
    const running = await call('safe');
    await request(bob);
    const back = await comeBack();
    respond(back, await request(back), { result: 'done' });
    expect(outcomeOf(await running.ended)).toMatchObject({ ok: true });
  });

  it('ends a step that is not idempotent with its effect unknown, even if it is back at once', async () => {
    const running = await call('risky');
    await request(bob);
    const back = await comeBack();
    expect(outcomeOf(await running.ended)).toMatchObject({
      ok: false,
      error: { code: 'AGENT_UNAVAILABLE' },
      effect: 'unknown',
    });
    const ping = back.say('PING', gateway.did, {});
    await back.answerTo(ping.id);
    expect(back.seen).toEqual([]);
  });

  it('ends an idempotent step when it does not come back in time', async () => {
    const running = await call('safe');
    await request(bob);
    bob.socket.terminate();
    expect(outcomeOf(await running.ended)).toMatchObject({
      ok: false,
      error: { code: 'AGENT_UNAVAILABLE' },
      effect: 'unknown',
    });
  });

  it('is not waited for when the caller cancels', async () => {
    const running = await call('safe');
    await request(bob);
    bob.socket.terminate();
    await expect.poll(() => gateway.exchange.routes.get(bob.did)).toBeUndefined();
    running.cancel('caller');
    const began = Date.now();
    expect(outcomeOf(await running.ended)).toMatchObject({ error: { code: 'CANCELED' } });
    expect(Date.now() - began).toBeLessThan(400);
  });

  it('gets its caller’s original frame again, byte for byte', async () => {
    const alice = await openPeer(gateway);
    await alice.register();
    const sent = alice.say('EXEC_REQUEST', bob.did, { capability: 'safe', args: {} });
    await request(bob);
    bob.socket.terminate();
    const back = await comeBack();
    const again = await back.next(({ type }) => type === 'EXEC_REQUEST');
    expect(again.raw).toBe(sent.raw);
    respond(back, again.frame, { result: 'done' });
    expect(await alice.answerTo(sent.id)).toMatchObject({ from: bob.did, payload: { result: 'done' } });
  });

  it('begins its stream anew: what the old connection has sent is replaced, not doubled', async () => {
    const running = await call('safe');
    respond(bob, await request(bob), { status: 'partial', seq: 0, result: 'old' });
    await expect.poll(() => running.last?.type).toBe('output');
    bob.socket.terminate();
    const back = await comeBack();
    const again = await request(back);
    respond(back, again, { status: 'partial', seq: 0, result: 'new' });
    respond(back, again, {});
    await running.ended;
    const pieces: unknown[] = [];
    for await (const event of running.events())
      if (event.type === 'output') pieces.push([event.append, event.body.value]);
    expect(pieces).toEqual([
      [false, 'old'],
      [false, 'new'],
    ]);
  });
});

describe('a kill', () => {
  it('closes the agent’s connection; its tasks are canceled with the effect unknown', async () => {
    const running = await call('safe');
    await request(bob);
    for (const session of gateway.exchange.sessions.all()) session.close('KILLED', 'runaway');
    gateway.exchange.cancel(running.taskId, 'kill');
    expect(await bob.closed).toMatchObject({ code: 4403 });
    expect(await running.ended).toMatchObject({ type: 'canceled', reason: 'kill', effect: 'unknown' });
  });

  it('of a task is a CANCELED for its agent; an answer that comes nevertheless goes nowhere', async () => {
    const running = await call('safe');
    const arrived = await request(bob);
    gateway.exchange.cancel(running.taskId, 'kill');
    expect((await bob.next(({ type }) => type === 'ERROR')).frame.payload).toMatchObject({
      code: 'CANCELED',
      details: { reason: 'kill' },
    });
    respond(bob, arrived, { result: 'nevertheless' });
    expect(await running.ended).toMatchObject({ type: 'canceled', reason: 'kill', effect: 'applied' });
  });

  it('after which an agent says nothing ends within the grace', async () => {
    const running = await call('look');
    await request(bob);
    gateway.exchange.cancel(running.taskId, 'kill');
    expect(await running.ended).toMatchObject({ type: 'canceled', reason: 'kill', effect: 'none' });
    const late = bob.say('PING', gateway.did, {});
    await bob.answerTo(late.id);
  });
});

it('signals of other protocols cannot be put into a signed frame', async () => {
  const session = oneShot(
    { principal: gateway.exchange.authenticate({ kind: 'bearer', token: 'somebody' }), edge: 'mcp' },
    Date.now(),
  );
  const signal = gateway.exchange.signal(session, { to: `agent:${bob.did}`, action: 'signal', body: data({}) });
  await expect(signal).rejects.toMatchObject({ code: 'UNSUPPORTED_OPERATION' });
});
