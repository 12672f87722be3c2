import { claim } from '@aip/conformance';
import type { IoapFrame, Json } from '@aip/wire';
import { describe, expect, it } from 'vitest';
import { data, text } from '../../kernel/body.ts';
import { errorBody } from '../../kernel/error-body.ts';
import {
  alice,
  bob,
  gateway,
  govern,
  useTwoAgents,
  request,
  respond,
  resultOf,
  codeOf,
  TOOL,
} from './requests.testing.ts';
import { openPeer } from './testing.ts';

useTwoAgents();

describe('the answer', () => {
  it(`comes in numbered pieces if the caller streams, whoever it was asked by ${claim('P-IOAP.stream')}`, async () => {
    const { id } = alice.say('EXEC_REQUEST', 'capability:echo', { args: {}, stream: true });
    const arrived = await request(bob);
    respond(bob, arrived, { status: 'partial', seq: 0, result: { piece: 1 } });
    respond(bob, arrived, {
      status: 'partial',
      seq: 1,
      result: { progress: 1, total: 2, message: 'half' },
      kind: 'progress',
    });
    respond(bob, arrived, { status: 'partial', seq: 2, result: { piece: 2 } });
    respond(bob, arrived, { result: 'all' });
    const frames = [
      await alice.answerTo(id),
      await alice.answerTo(id),
      await alice.answerTo(id),
      await alice.answerTo(id),
    ];
    expect(frames.map(({ payload }) => payload)).toMatchObject([
      { status: 'partial', seq: 0, result: { piece: 1 } },
      { status: 'partial', seq: 1, kind: 'progress', result: { progress: 1, total: 2, message: 'half' } },
      { status: 'partial', seq: 2, result: { piece: 2 } },
      { status: 'success', result: 'all' },
    ]);
  });

  it('comes whole if the caller does not stream', async () => {
    const { id } = alice.say('EXEC_REQUEST', 'capability:echo', { args: {} });
    const arrived = await request(bob);
    respond(bob, arrived, { status: 'partial', seq: 0, result: 'a piece' });
    respond(bob, arrived, { result: 'all' });
    expect(resultOf(await alice.answerTo(id))).toBe('all');
    expect(alice.seen).toEqual([]);
  });

  it(`comes only from the agent that was asked, to whom asked ${claim('P-IOAP.assignee')}`, async () => {
    const carol = await openPeer(gateway);
    await carol.register();
    const { id } = alice.say('EXEC_REQUEST', bob.did, { capability: 'echo', args: {} });
    const arrived = await request(bob);
    const intruder = respond(carol, arrived, { result: 'mine' });
    expect(codeOf(await carol.answerTo(intruder.id))).toBe('POLICY_DENIED');
    const astray = bob.say(
      'EXEC_RESPONSE',
      carol.did,
      { status: 'success', execution_time_ms: 1 },
      { correlation_id: arrived.id },
    );
    expect(codeOf(await bob.answerTo(astray.id))).toBe('MALFORMED_MESSAGE');
    const twice = [respond(bob, arrived, { result: 'right' }), respond(bob, arrived, { result: 'late' })];
    expect(resultOf(await alice.answerTo(id))).toBe('right');
    expect(codeOf(await bob.answerTo(twice[1]!.id))).toBe('NOT_FOUND');
  });

  it('may not repeat a piece', async () => {
    const { id } = alice.say('EXEC_REQUEST', bob.did, { capability: 'echo', args: {}, stream: true });
    const arrived = await request(bob);
    respond(bob, arrived, { status: 'partial', seq: 0, result: 'a' });
    const again = respond(bob, arrived, { status: 'partial', seq: 0, result: 'a' });
    expect(codeOf(await bob.answerTo(again.id))).toBe('REPLAY_DETECTED');
    respond(bob, arrived, {});
    await alice.answerTo(id);
    await alice.answerTo(id);
  });

  it('that a guard has changed is signed by the gateway: the original bytes do not get around it', async () => {
    govern({ rewrite: (event) => (event.type === 'done' ? { ...event, body: text('[redacted]') } : event) });
    const { id } = alice.say('EXEC_REQUEST', bob.did, { capability: 'echo', args: {} });
    respond(bob, await request(bob), { result: 'a secret' });
    expect(await alice.answerTo(id)).toMatchObject({ from: gateway.did, payload: { result: '[redacted]' } });
  });

  it('that failed says why, and what is known of the effect', async () => {
    const failWith = async (capability: string, payload: object): Promise<IoapFrame> => {
      const { id } = alice.say('EXEC_REQUEST', bob.did, { capability, args: {} });
      respond(bob, await request(bob), { status: 'error', ...payload });
      return alice.answerTo(id);
    };
    expect(
      await failWith('echo', { error: { code: 'NOT_FOUND', message: 'no such file' }, effect: 'none' }),
    ).toMatchObject({
      payload: { status: 'error', error: { code: 'NOT_FOUND', message: 'no such file' }, effect: 'none' },
    });
    expect(await failWith('echo', { error: { code: 'E_STRANGE', message: 'who knows' } })).toMatchObject({
      payload: { error: { code: 'UPSTREAM_FAILED', details: { agent_code: 'E_STRANGE' } }, effect: 'unknown' },
    });
    expect(await failWith('look', { error: { code: 'TIMEOUT', message: 'slow' } })).toMatchObject({
      payload: { effect: 'none' },
    });
    // An agent does not speak for the platform.
    expect(await failWith('echo', { error: { code: 'APPROVAL_DENIED', message: 'says the agent' } })).toMatchObject({
      payload: { error: { code: 'UPSTREAM_FAILED' } },
    });
    // What is in vain for the agent is in vain for its caller, and the code of the agent's own call is not the caller's.
    const refused = { code: 'PERMISSION_DENIED', retryable: false, task: 'its own' };
    expect(
      await failWith('echo', { error: { code: 'PERMISSION_DENIED', message: 'says another', details: refused } }),
    ).toMatchObject({
      payload: {
        error: {
          code: 'UPSTREAM_FAILED',
          details: { agent_code: 'PERMISSION_DENIED', retryable: false, task: 'its own' },
        },
        effect: 'unknown',
      },
    });
  });

  it('may be an ERROR', async () => {
    const { id } = alice.say('EXEC_REQUEST', bob.did, { capability: 'echo', args: {} });
    const arrived = await request(bob);
    bob.say('ERROR', arrived.from, { code: 'INTERNAL_ERROR', message: 'broken' }, { correlation_id: arrived.id });
    expect(await alice.answerTo(id)).toMatchObject({
      payload: { status: 'error', error: { code: 'INTERNAL_ERROR', message: 'broken' } },
    });
  });

  it('that fits into no frame is told as such', async () => {
    gateway.exchange.catalogue.put('files', [TOOL]);
    gateway.exchange.routes.bind('files', {
      reach: 'local',
      async *deliver() {
        yield { type: 'done', body: text('x'.repeat(2_000_000)) };
      },
    });
    const { id } = alice.say('EXEC_REQUEST', 'tool:files/read', { args: {} });
    expect(codeOf(await alice.answerTo(id))).toBe('PAYLOAD_TOO_LARGE');
  });
});

it.each([
  [
    'nested deeper than a reader takes',
    Array.from({ length: 80 }).reduce<Json>((inner) => [inner], 1),
    'PAYLOAD_TOO_LARGE',
  ],
  ['not Unicode', 'half a character: \ud800', 'MALFORMED_MESSAGE'],
])('a result that is %s is told as such, not sent', async (_what, value, code) => {
  gateway.exchange.catalogue.put('files', [TOOL]);
  gateway.exchange.routes.bind('files', {
    reach: 'local',
    async *deliver() {
      yield { type: 'done', body: data(value) };
    },
  });
  const { id } = alice.say('EXEC_REQUEST', 'tool:files/read', { args: {} });
  expect(codeOf(await alice.answerTo(id))).toBe(code);
});

describe('canceling', () => {
  it(`by the caller reaches the agent, whose word on the effect counts ${claim('P-IOAP.cancel')}`, async () => {
    const { id } = alice.say('EXEC_REQUEST', bob.did, { capability: 'echo', args: {} });
    const arrived = await request(bob);
    alice.say('ERROR', bob.did, { code: 'CANCELED', message: 'never mind' }, { correlation_id: id });
    const told = await bob.next(({ type }) => type === 'ERROR');
    expect(told.frame).toMatchObject({
      from: gateway.did,
      correlation_id: arrived.id,
      payload: { code: 'CANCELED', details: { reason: 'caller' } },
    });
    respond(bob, arrived, { status: 'error', error: { code: 'CANCELED', message: 'stopped' }, effect: 'none' });
    expect(await alice.answerTo(id)).toMatchObject({
      payload: { status: 'error', error: { code: 'CANCELED' }, effect: 'none' },
    });
  });

  it('by the deadline reaches the agent; without its word the effect is unknown', async () => {
    const { id } = alice.say('EXEC_REQUEST', bob.did, { capability: 'echo', args: {}, timeout_ms: 50 });
    await request(bob);
    expect((await bob.next(({ type }) => type === 'ERROR')).frame).toMatchObject({
      payload: { code: 'CANCELED', details: { reason: 'deadline' } },
    });
    expect(await alice.answerTo(id)).toMatchObject({ payload: { error: { code: 'TIMEOUT' }, effect: 'unknown' } });
  });

  it('of nothing is TASK_NOT_CANCELABLE; of another’s request as well', async () => {
    const { id } = alice.say('EXEC_REQUEST', bob.did, { capability: 'echo', args: {} });
    const arrived = await request(bob);
    const carol = await openPeer(gateway);
    await carol.register();
    const attempt = carol.say('ERROR', bob.did, { code: 'CANCELED', message: 'stop' }, { correlation_id: id });
    expect(codeOf(await carol.answerTo(attempt.id))).toBe('TASK_NOT_CANCELABLE');
    respond(bob, arrived, { result: 'undisturbed' });
    expect(resultOf(await alice.answerTo(id))).toBe('undisturbed');
  });
});

describe('a request that waits for an approval', () => {
  it(`says so, and goes on when it is given ${claim('P-IOAP.addresses')}`, async () => {
    govern({ asks: true });
    const sent = alice.say('EXEC_REQUEST', bob.did, { capability: 'echo', args: { x: 1 } });
    const waiting = await alice.answerTo(sent.id);
    expect(waiting).toMatchObject({
      payload: {
        status: 'partial',
        seq: 0,
        kind: 'asked',
        result: { state: 'auth_required', ask: { kind: 'approval', body: { why: 'test' } } },
      },
    });
    expect(bob.seen).toEqual([]);
    const [task] = [...gateway.exchange.live.keys()];
    const { ask } = resultOf(waiting) as { ask: { id: string } };
    void gateway.exchange.resume(task!, { approval: { askId: ask.id, by: 'user:admin' } });
    const arrived = await bob.next(({ type }) => type === 'EXEC_REQUEST');
    expect(arrived.raw).toBe(sent.raw);
    respond(bob, arrived.frame, { result: 'approved' });
    expect(resultOf(await alice.answerTo(sent.id))).toBe('approved');
  });

  it(`gets for the agent’s only skill that skill, when the agent has more of them by then ${claim('G-KILL.skills')}`, async () => {
    govern({ asks: true });
    await bob.register({ name: 'bob', capabilities: [{ name: 'echo' }] });
    const sent = alice.say('INTENT', bob.did, { query: 'look, rather' });
    const { ask } = resultOf(await alice.answerTo(sent.id)) as { ask: { id: string } };
    await bob.register({ name: 'bob', capabilities: [{ name: 'echo' }, { name: 'look' }] });
    const [task] = [...gateway.exchange.live.keys()];
    void gateway.exchange.resume(task!, { approval: { askId: ask.id, by: 'user:admin' } });
    const arrived = await request(bob);
    expect(arrived).toMatchObject({
      type: 'EXEC_REQUEST',
      from: gateway.did,
      payload: { capability: 'echo', args: { text: 'look, rather' } },
    });
    respond(bob, arrived, {});
    await alice.answerTo(sent.id);
  });

  it('is told when it is denied', async () => {
    govern({ asks: true });
    const { id } = alice.say('EXEC_REQUEST', bob.did, { capability: 'echo', args: { x: 1 } });
    await alice.answerTo(id);
    const [task] = [...gateway.exchange.live.keys()];
    void gateway.exchange.resume(task!, { denied: errorBody('APPROVAL_DENIED', 'No.') });
    expect(await alice.answerTo(id)).toMatchObject({
      payload: { status: 'error', error: { code: 'APPROVAL_DENIED', message: 'No.' }, effect: 'none' },
    });
  });
});
