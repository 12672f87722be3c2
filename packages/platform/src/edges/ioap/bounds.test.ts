import type { Socket } from 'node:net';
import { claim } from '@aip/conformance';
import { IOAP_MAX_FRAME_BYTES, type IoapFrame } from '@aip/wire';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { oneShot } from '../../exchange/index.ts';
import { data, text } from '../../kernel/body.ts';
import { errorBody } from '../../kernel/error-body.ts';
import type { LimitGuard } from '../../kernel/guard.ts';
import { openPeer, startTestGateway, type Peer, type TestGateway } from './testing.ts';

let gateway: TestGateway;
afterEach(() => gateway[Symbol.asyncDispose]());

const pair = async (limits: object, limit?: LimitGuard): Promise<[Peer, Peer]> => {
  gateway = await startTestGateway({ limits, ...(limit ? { slots: { limit } } : {}) });
  const alice = await openPeer(gateway);
  const bob = await openPeer(gateway);
  await alice.register({ name: 'alice' });
  await bob.register({ name: 'bob', capabilities: [{ name: 'echo' }] });
  return [alice, bob];
};
/** As many messages at once, and then a second. */
const limited = (burst: number, perSecond: number) => {
  let tokens = burst;
  let at = performance.now();
  const refused = vi.fn<() => void>();
  const limit: LimitGuard = {
    name: 'limit',
    admit() {
      tokens = Math.min(burst, tokens + ((performance.now() - at) / 1000) * perSecond);
      at = performance.now();
      if (tokens-- >= 1) return { verdict: 'pass' };
      tokens++;
      refused();
      const error = errorBody('RATE_LIMITED', 'Too fast.', { retry_after_ms: Math.ceil(1000 / perSecond) });
      return { verdict: 'deny', error, record: false };
    },
    weigh() {},
  };
  return { limit, refused };
};
const codeOf = (frame: IoapFrame): string => (frame.type === 'ERROR' ? frame.payload.code : frame.type);
const BIG = 'x'.repeat(60_000);

describe(`a receiver that does not read ${claim('P-IOAP.bounds')}`, () => {
  it('costs its senders SLOW_CONSUMER, and the gateway no more memory than its queue', async () => {
    const [alice, bob] = await pair({ slowAfter: 200 });
    bob.socket.pause();
    // Past what the kernel's buffers and the queue take together.
    const ids = Array.from({ length: 300 }, () => alice.say('OFFER', bob.did, { sdp: BIG }).id);
    const refused = await alice.next(({ type }) => type === 'ERROR');
    expect(codeOf(refused.frame)).toBe('SLOW_CONSUMER');
    expect(ids).toContain(refused.frame.correlation_id);
    // Whoever did not hear of an error will find its frame delivered, in order.
    bob.socket.resume();
    await expect.poll(() => alice.seen.length + 1 + bob.seen.length).toBe(ids.length);
    const failed = new Set([refused, ...alice.seen].map(({ frame }) => frame.correlation_id));
    expect(bob.seen.map(({ frame }) => frame.id)).toEqual(ids.filter((id) => !failed.has(id)));
  });

  it('fails a request to it with no effect', async () => {
    const [alice, bob] = await pair({ slowAfter: 100, queueBytes: 1 });
    bob.socket.pause();
    const session = oneShot(
      { principal: gateway.exchange.authenticate({ kind: 'bearer', token: 'somebody' }), edge: 'http' },
      Date.now(),
    );
    const calls = [];
    for (let i = 0; i < 120; i++)
      calls.push(await gateway.exchange.send(session, { to: 'agent:bob', action: 'invoke', body: text(BIG) }));
    expect(await calls.at(-1)?.ended).toMatchObject({
      type: 'failed',
      error: { code: 'SLOW_CONSUMER' },
      effect: 'none',
    });
    bob.socket.resume();
    alice.socket.terminate();
    for (const call of calls) call.cancel('caller');
  });

  it('of its own answers is disconnected', async () => {
    const [alice] = await pair({ slowAfter: 100 });
    gateway.exchange.catalogue.put('files', [
      {
        address: 'tool:files/read',
        kind: 'tool',
        name: 'read',
        owner: 'files',
        ownerName: 'files',
        description: '',
        effect: 'read',
        idempotent: true,
        price: 0,
        state: 'active',
      },
    ]);
    gateway.exchange.routes.bind('files', {
      reach: 'local',
      async *deliver() {
        yield { type: 'done', body: text('y'.repeat(1_000_000)) };
      },
    });
    alice.socket.pause();
    for (let i = 0; i < 30; i++) alice.say('EXEC_REQUEST', 'tool:files/read', { args: {} });
    await expect.poll(() => gateway.left).toContain(alice.did);
    alice.socket.resume();
    expect((await alice.closed).code).not.toBe(1000);
  });
});

describe(`a sender that floods ${claim('P-IOAP.bounds')}`, () => {
  it('is read only as fast as its frames are handled', async () => {
    const [alice, bob] = await pair({ handling: 4 });
    const ids = Array.from({ length: 500 }, (_, n) => alice.say('OFFER', bob.did, { sdp: `v=${n}` }).id);
    for (const id of ids) expect((await bob.next(() => true)).frame.id).toBe(id);
  });

  it('may have so many open requests', async () => {
    const [alice, bob] = await pair({ calls: 2 });
    const requests = [1, 2].map((n) => alice.say('EXEC_REQUEST', bob.did, { args: { n } }));
    const arrived = [(await bob.next(() => true)).frame, (await bob.next(() => true)).frame];
    const third = alice.say('EXEC_REQUEST', bob.did, { args: { n: 3 } });
    expect(codeOf(await alice.answerTo(third.id))).toBe('RATE_LIMITED');
    bob.say(
      'EXEC_RESPONSE',
      alice.did,
      { status: 'success', execution_time_ms: 1 },
      { correlation_id: arrived[0]!.id },
    );
    await alice.answerTo(requests[0]!.id);
    const fourth = alice.say('EXEC_REQUEST', bob.did, { args: { n: 4 } });
    expect((await bob.next(() => true)).frame.id).toBe(fourth.id);
  });

  it('of pieces is slowed down by the log that records them, and loses none', async () => {
    const [alice, bob] = await pair({});
    const sent = alice.say('EXEC_REQUEST', 'capability:echo', { args: {}, stream: true });
    const { frame } = await bob.next(() => true);
    for (let seq = 0; seq < 1_000; seq++) {
      bob.say(
        'EXEC_RESPONSE',
        frame.from,
        { status: 'partial', seq, result: { seq }, execution_time_ms: 1 },
        { correlation_id: frame.id },
      );
    }
    bob.say('EXEC_RESPONSE', frame.from, { status: 'success', execution_time_ms: 1 }, { correlation_id: frame.id });
    for (let seq = 0; seq < 1_000; seq++)
      expect(await alice.answerTo(sent.id)).toMatchObject({ payload: { status: 'partial', seq, result: { seq } } });
    expect(await alice.answerTo(sent.id)).toMatchObject({ payload: { status: 'success' } });
  }, 20_000);

  it('of PINGs is read at its rate, and each is answered', async () => {
    const { limit, refused } = limited(10, 100);
    const [alice] = await pair({}, limit);
    const began = performance.now();
    const ids = Array.from({ length: 60 }, () => alice.say('PING', gateway.did, {}).id);
    for (const id of ids)
      expect((await alice.next(() => true)).frame).toMatchObject({ type: 'PONG', correlation_id: id });
    // At least what is above the burst; timers may be early by a millisecond.
    expect(performance.now() - began).toBeGreaterThan(450);
    expect(refused).toHaveBeenCalled();
  });

  it('of pieces of an answer is read at its rate, and loses none; the answers themselves cost nothing', async () => {
    const { limit, refused } = limited(10, 100);
    const [alice, bob] = await pair({}, limit);
    const sent = alice.say('EXEC_REQUEST', 'capability:echo', { args: {}, stream: true });
    const { frame } = await bob.next(() => true);
    const began = performance.now();
    const answer = (payload: object): unknown =>
      bob.say('EXEC_RESPONSE', frame.from, { ...payload, execution_time_ms: 1 } as never, { correlation_id: frame.id });
    for (let seq = 0; seq < 40; seq++) answer({ status: 'partial', seq, result: { seq } });
    answer({ status: 'success' });
    // What comes after them waits its turn as well: this would end the connection, and the task with it.
    bob.say('UNREGISTER', gateway.did, {});
    for (let seq = 0; seq < 40; seq++)
      expect(await alice.answerTo(sent.id)).toMatchObject({ payload: { status: 'partial', result: { seq } } });
    expect(await alice.answerTo(sent.id)).toMatchObject({ payload: { status: 'success' } });
    expect(performance.now() - began).toBeGreaterThan(250);
    expect(refused).toHaveBeenCalled();
  });

  it(`of large pieces of an answer is read no faster than its bytes may be kept, and loses none ${claim('G-GUARD.bytes')}`, async () => {
    const { limit } = limited(1_000, 1_000);
    const weights = vi.fn<LimitGuard['weigh']>();
    const refused = vi.fn<() => void>();
    let slow = '';
    let free = 0;
    const [alice, bob] = await pair(
      {},
      {
        ...limit,
        admit(crossing) {
          if (crossing.principal.id !== slow || performance.now() >= free) return limit.admit(crossing);
          refused();
          const error = errorBody('RATE_LIMITED', 'Too much.', { retry_after_ms: 20 });
          return { verdict: 'deny', error, record: false };
        },
        weigh(principal, bytes) {
          weights(principal, bytes);
          // Each large piece has to be paid for before the next one.
          if (principal.id === slow && bytes > BIG.length) free = performance.now() + 50;
        },
      },
    );
    slow = bob.did;
    const sent = alice.say('EXEC_REQUEST', 'capability:echo', { args: {}, stream: true });
    const { frame } = await bob.next(() => true);
    const began = performance.now();
    for (let seq = 0; seq < 8; seq++)
      bob.say(
        'EXEC_RESPONSE',
        frame.from,
        { status: 'partial', seq, result: { seq, text: BIG }, execution_time_ms: 1 },
        { correlation_id: frame.id },
      );
    for (let seq = 0; seq < 8; seq++)
      expect(await alice.answerTo(sent.id)).toMatchObject({ payload: { status: 'partial', result: { seq } } });
    expect(performance.now() - began).toBeGreaterThan(300);
    expect(refused).toHaveBeenCalled();
    // Whoever has asked for them pays for them as well: its next request waits.
    const asked = weights.mock.calls.flatMap(([{ id }, bytes]) => (id === alice.did ? [bytes] : []));
    expect(asked.reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThan(8 * BIG.length);
  });

  it('of REGISTERs pays for their size', async () => {
    const { limit, refused } = limited(10, 100);
    const [alice] = await pair({}, limit);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(refused).not.toHaveBeenCalled();
    const began = performance.now();
    const long = { name: 'alice', description: 'd'.repeat(2_000) };
    await alice.register({ ...long, capabilities: Array.from({ length: 18 }, (_, n) => ({ ...long, name: `c${n}` })) });
    expect(performance.now() - began).toBeGreaterThan(200);
    const capabilities = Array.from({ length: 200 }, (_, n) => ({ ...long, name: `c${n}` }));
    expect(codeOf(await alice.register({ capabilities }))).toBe('PAYLOAD_TOO_LARGE');
  });

  it('of frames that are wrong is read at its rate, and cut off when nothing else comes', async () => {
    const { limit, refused } = limited(50, 500);
    const [alice] = await pair({}, limit);
    const wrong = alice.sign('PING', gateway.did, {}, {}, { signature: 'AAAA' }).raw;
    for (let n = 0; n < 99; n++) alice.send(wrong);
    const { id } = alice.say('PING', gateway.did, {});
    expect(await alice.answerTo(id)).toMatchObject({ type: 'PONG' });
    expect(refused).toHaveBeenCalled();
    for (let n = 0; n < 120; n++) alice.send(wrong);
    expect(await alice.closed).toMatchObject({ code: 4400, reason: '100 frames in a row were wrong.' });
  });

  it('of frames that are wrong is cut off too when a right one comes in the same packet as the last', async () => {
    const [alice] = await pair({});
    const { _socket: tcp } = alice.socket as unknown as { _socket: Socket };
    tcp.cork();
    for (let n = 0; n < 100; n++) alice.send('nonsense');
    alice.say('PING', gateway.did, {});
    tcp.uncork();
    expect(await alice.closed).toMatchObject({ code: 4400, reason: '100 frames in a row were wrong.' });
  });

  it('before it has registered is cut off', async () => {
    gateway = await startTestGateway();
    const peer = await openPeer(gateway);
    for (let i = 0; i < 20; i++) peer.send('nonsense');
    expect(await peer.closed).toMatchObject({ code: 4401 });
  });
});

it('a request that only fits the caller’s protocol is refused before the agent hears of it', async () => {
  const [, bob] = await pair({});
  const session = oneShot(
    { principal: gateway.exchange.authenticate({ kind: 'bearer', token: 'somebody' }), edge: 'http' },
    Date.now(),
  );
  const call = await gateway.exchange.send(session, {
    to: 'agent:bob',
    action: 'invoke',
    body: data({ blob: 'z'.repeat(IOAP_MAX_FRAME_BYTES) }),
  });
  expect(await call.ended).toMatchObject({ type: 'failed', error: { code: 'PAYLOAD_TOO_LARGE' } });
  expect(bob.seen).toEqual([]);
});

it('an agent that leaves while its request waits leaves nothing behind', async () => {
  const [alice, bob] = await pair({});
  const { exchange } = gateway;
  const { send } = exchange;
  let gone: AbortSignal | undefined;
  Object.assign(exchange, {
    async send(...args: Parameters<typeof send>) {
      const call = await send(...args);
      return Object.defineProperty(Object.create(call) as typeof call, 'events', {
        value: (after?: number, listening?: AbortSignal) => call.events(after, (gone = listening)),
      });
    },
  });
  alice.say('EXEC_REQUEST', bob.did, { args: {} });
  await bob.next(() => true);
  expect(gone?.aborted).toBe(false);
  alice.socket.terminate();
  await expect.poll(() => gone?.aborted).toBe(true);
});
