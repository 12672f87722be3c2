import { claim } from '@aip/conformance';
import { generateKeyPair, type IoapFrame, type IoapPayloads, type Json } from '@aip/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { oneShot } from '../../exchange/index.ts';
import { allArgumentsOf, data, text } from '../../kernel/body.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import { errorBody } from '../../kernel/error-body.ts';
import type { Guard } from '../../kernel/guard.ts';
import type { RouteEvent } from '../../kernel/task.ts';
import { openPeer, startTestGateway, type Peer, type TestGateway } from './testing.ts';

let gateway: TestGateway;
let alice: Peer;
let bob: Peer;
let asks = false;
let rewrite: ((event: RouteEvent) => RouteEvent) | undefined;

const approve: Guard = {
  name: 'approve',
  admit: ({ message, approval }) =>
    asks && message.action !== 'operate' && !approval
      ? { verdict: 'ask', kind: 'approval', body: { why: 'test' }, expires: Date.now() + 60_000 }
      : { verdict: 'pass' },
  inspect: (_crossing, event) => (rewrite ? { verdict: 'replace', event: rewrite(event) } : { verdict: 'pass' }),
};

beforeEach(async () => {
  asks = false;
  rewrite = undefined;
  gateway = await startTestGateway({ slots: { approve } });
  alice = await openPeer(gateway);
  bob = await openPeer(gateway);
  await alice.register({ name: 'alice' });
  await bob.register({
    name: 'bob',
    capabilities: [
      { name: 'echo', idempotent: true },
      { name: 'look', effect: 'read' },
    ],
  });
});
afterEach(() => gateway[Symbol.asyncDispose]());

type Request = Extract<IoapFrame, { type: 'EXEC_REQUEST' | 'INTENT' }>;
const request = async (peer: Peer): Promise<Request> =>
  (await peer.next(({ type }) => type === 'EXEC_REQUEST' || type === 'INTENT')).frame as Request;
const respond = (
  peer: Peer,
  to: IoapFrame,
  payload: Partial<IoapPayloads['EXEC_RESPONSE']> & { kind?: string; effect?: string },
): { id: string; raw: string } =>
  peer.say(
    'EXEC_RESPONSE',
    to.from,
    { status: 'success', execution_time_ms: 1, ...payload },
    { correlation_id: to.id },
  );
const resultOf = (frame: IoapFrame): Json | undefined =>
  frame.type === 'EXEC_RESPONSE' ? frame.payload.result : undefined;
const codeOf = (frame: IoapFrame): string | undefined =>
  frame.type === 'ERROR' ? frame.payload.code : frame.type === 'EXEC_RESPONSE' ? frame.payload.error?.code : undefined;

const TOOL: CatalogueEntry = {
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
};

describe('a request to an agent', () => {
  it(`is its caller’s own frame, and so is the answer: byte for byte, both ways ${claim('P-IOAP.bytes', 'P-IOAP.types')}`, async () => {
    const sent = alice.say('EXEC_REQUEST', bob.did, {
      capability: 'echo',
      args: { text: 'Grüße \u2028 ', n: 1e21 },
      timeout_ms: 5000,
      stream: true,
    });
    const arrived = await bob.next(({ type }) => type === 'EXEC_REQUEST');
    expect(arrived.raw).toBe(sent.raw);
    const piece = respond(bob, arrived.frame, { status: 'partial', seq: 0, result: 'Gr' });
    const last = respond(bob, arrived.frame, { result: { text: 'Grüße' } });
    expect((await alice.next((frame) => frame.correlation_id === sent.id)).raw).toBe(piece.raw);
    expect((await alice.next((frame) => frame.correlation_id === sent.id)).raw).toBe(last.raw);
  });

  it('is signed by the gateway when it was addressed by capability, and names its caller and task', async () => {
    const { id } = alice.say('EXEC_REQUEST', 'capability:echo', { args: { text: 'hi' }, timeout_ms: 5000 });
    const arrived = await request(bob);
    expect(arrived).toMatchObject({
      type: 'EXEC_REQUEST',
      from: gateway.did,
      payload: {
        capability: 'echo',
        args: { text: 'hi' },
        stream: true,
        attempt: 1,
        caller: { id: alice.did, edge: 'ioap' },
      },
    });
    const { task_id, idempotency_key, timeout_ms } = arrived.payload as { task_id?: string } & Request['payload'];
    expect(idempotency_key).toBe(task_id);
    expect(timeout_ms).toBeLessThanOrEqual(5000);
    respond(bob, arrived, { result: 'hi' });
    expect(await alice.answerTo(id)).toMatchObject({
      from: gateway.did,
      payload: { status: 'success', result: 'hi', task_id },
    });
  });

  it.each([
    ['capability:echo', undefined],
    ['agent:bob', 'echo'],
    ['gateway', 'echo'],
    ['gateway', 'capability:echo'],
    ['skill:bob/echo', undefined],
    ['skill:bob/echo', 'echo'],
  ])(`may be addressed as %s with capability %s ${claim('P-IOAP.addresses')}`, async (to, capability) => {
    const { id } = alice.say('EXEC_REQUEST', to === 'gateway' ? gateway.did : to, {
      args: {},
      ...(capability ? { capability } : {}),
    });
    respond(bob, await request(bob), { result: 7 });
    expect(resultOf(await alice.answerTo(id))).toBe(7);
  });

  it.each([
    ['topic:news', undefined, 'UNSUPPORTED_OPERATION'],
    ['nonsense', undefined, 'MALFORMED_MESSAGE'],
    ['skill:bob/echo', 'look', 'MALFORMED_MESSAGE'],
    ['gateway', undefined, 'UNKNOWN_AGENT'],
    ['skill:bob/nothing', undefined, 'UNKNOWN_AGENT'],
  ])('addressed as %s with capability %s is refused as %s', async (to, capability, code) => {
    const { id } = alice.say('EXEC_REQUEST', to === 'gateway' ? gateway.did : to, {
      args: {},
      ...(capability ? { capability } : {}),
    });
    expect(codeOf(await alice.answerTo(id))).toBe(code);
  });

  it('in natural language or structured is an INTENT, answered by EXEC_RESPONSE', async () => {
    for (const payload of [
      { query: 'Extract the clauses', context: 'Legal' },
      { task: 'extract', params: { file: 'doc_123' } },
    ] as const) {
      const sent = alice.say('INTENT', bob.did, payload);
      const arrived = await bob.next(({ type }) => type === 'INTENT');
      expect(arrived.raw).toBe(sent.raw);
      respond(bob, arrived.frame, { result: 'done' });
      expect(resultOf(await alice.answerTo(sent.id))).toBe('done');
    }
    const { id } = alice.say('INTENT', 'agent:bob', { task: 'extract', params: { file: 'doc_123' } });
    const anew = await request(bob);
    expect(anew).toMatchObject({
      type: 'INTENT',
      from: gateway.did,
      payload: { task: 'extract', params: { file: 'doc_123' } },
    });
    respond(bob, anew, {});
    await alice.answerTo(id);
  });

  it(`as an INTENT whose task is a skill asks for that skill, and as words for one skill for no other ${claim('G-KILL.skills')}`, async () => {
    const arguments_ = () => [...gateway.exchange.live.values()].map(({ message }) => allArgumentsOf(message.body));
    const targets = () => [...gateway.exchange.live.values()].map(({ target }) => target.address);
    for (const to of [bob.did, 'agent:bob', 'skill:bob/look', 'capability:look']) {
      const sent = alice.say('INTENT', to, { task: 'look', params: { at: 'x' }, context: 'now' });
      const { frame, raw } = await bob.next(({ type }) => type !== 'ERROR');
      if (to === bob.did) expect(raw).toBe(sent.raw);
      else
        expect(frame).toMatchObject({
          type: 'EXEC_REQUEST',
          payload: { capability: 'look', args: { at: 'x', context: 'now' } },
        });
      expect(targets()).toEqual([`skill:${bob.did}/look`]);
      expect(arguments_()).toEqual([{ at: 'x', context: 'now' }]);
      respond(bob, frame, {});
      await alice.answerTo(sent.id);
    }
    const words = alice.say('INTENT', 'skill:bob/look', { query: 'echo, rather' });
    const arrived = await request(bob);
    expect(arrived).toMatchObject({
      type: 'EXEC_REQUEST',
      payload: { capability: 'look', args: { text: 'echo, rather' } },
    });
    respond(bob, arrived, {});
    await alice.answerTo(words.id);
    const other = alice.say('INTENT', 'skill:bob/look', { task: 'echo' });
    expect(codeOf(await alice.answerTo(other.id))).toBe('MALFORMED_MESSAGE');
    expect(bob.seen).toEqual([]);
  });

  it(`shows policies and people everything that an INTENT says ${claim('G-POLICY.content')}`, async () => {
    for (const [payload, shown] of [
      [{ query: 'pay' }, { text: 'pay' }],
      [
        { query: 'pay', context: { amount: 7 } },
        { text: 'pay', context: { amount: 7 } },
      ],
      [
        { task: 'buy milk', params: { amount: 7 } },
        { amount: 7, task: 'buy milk', params: { amount: 7 } },
      ],
      [
        { task: 'buy milk', context: 'now' },
        { task: 'buy milk', context: 'now' },
      ],
    ] as const) {
      for (const to of [bob.did, 'agent:bob']) {
        const { id } = alice.say('INTENT', to, payload);
        const arrived = await request(bob);
        expect(arrived).toMatchObject({ type: 'INTENT', payload });
        const [task] = gateway.exchange.live.values();
        expect(allArgumentsOf(task!.message.body)).toEqual(shown);
        respond(bob, arrived, {});
        await alice.answerTo(id);
      }
    }
  });

  it.each([
    ['EXEC_REQUEST', { args: { amount: 1 }, note: 'really 1000000' }],
    ['EXEC_REQUEST', { args: {}, task_id: 'x', caller: { id: 'user:admin' } }],
    ['INTENT', { query: 'pay', params: { amount: 1000000 } }],
    ['INTENT', { task: 'look', params: {}, args: { amount: 1000000 } }],
    ['INTENT', { task: 'look', params: { context: 'a' }, context: 'b' }],
  ] as const)(
    `that says what policies would not see is refused: %s %j ${claim('G-POLICY.content')}`,
    async (type, payload) => {
      const { id } = alice.say(type, bob.did, payload);
      expect(codeOf(await alice.answerTo(id))).toBe('MALFORMED_MESSAGE');
      expect(bob.seen).toEqual([]);
    },
  );

  it('with an id that another caller’s open request has as well is signed by the gateway', async () => {
    const carol = await openPeer(gateway);
    await carol.register();
    const first = alice.say('EXEC_REQUEST', bob.did, { capability: 'echo', args: { of: 'alice' } }, { id: 'same' });
    const arrived = await request(bob);
    const second = carol.say('EXEC_REQUEST', bob.did, { capability: 'echo', args: { of: 'carol' } }, { id: 'same' });
    const other = await request(bob);
    expect([arrived.from, other.from]).toEqual([alice.did, gateway.did]);
    respond(bob, other, { result: 'for carol' });
    respond(bob, arrived, { result: 'for alice' });
    expect(resultOf(await alice.answerTo(first.id))).toBe('for alice');
    expect(resultOf(await carol.answerTo(second.id))).toBe('for carol');
  });

  it('goes on with its trace', async () => {
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    alice.say('EXEC_REQUEST', 'capability:echo', { args: {} }, { trace });
    expect((await request(bob)).trace).toBe(trace);
  });
});

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
    rewrite = (event) => (event.type === 'done' ? { ...event, body: text('[redacted]') } : event);
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

describe('a request to what is no agent', () => {
  it(`calls tools and operations through the gateway ${claim('P-IOAP.addresses')}`, async () => {
    gateway.exchange.catalogue.put('files', [TOOL]);
    gateway.exchange.routes.bind('files', {
      reach: 'local',
      async *deliver({ message }) {
        yield { type: 'output', body: text('reading') };
        yield { type: 'done', body: data({ action: message.action, asked: message.body.value as Json }) };
      },
    });
    const { id } = alice.say('EXEC_REQUEST', 'tool:files/read', { args: { path: '/a' }, stream: true });
    expect(await alice.answerTo(id)).toMatchObject({ payload: { status: 'partial', seq: 0, result: 'reading' } });
    expect(resultOf(await alice.answerTo(id))).toEqual({ action: 'call', asked: { path: '/a' } });
    const operation = alice.say('EXEC_REQUEST', 'operation:agents.connect', {
      args: { name: 'alice', protocol: 'ioap', capabilities: [] },
    });
    expect(resultOf(await alice.answerTo(operation.id))).toMatchObject({ did: alice.did });
  });
});

describe('the same request again', () => {
  it(`with the same bytes leads to the running task, from another connection too ${claim('P-IOAP.replay')}`, async () => {
    const sent = alice.say('EXEC_REQUEST', bob.did, { capability: 'echo', args: {} });
    const arrived = await request(bob);
    alice.send(sent.raw);
    const back = await openPeer(gateway, alice.key);
    await back.register();
    back.send(sent.raw);
    await new Promise((resolve) => setTimeout(resolve, 50));
    respond(bob, arrived, { result: 'once' });
    expect(resultOf(await back.answerTo(sent.id))).toBe('once');
    // Also after its end.
    back.send(sent.raw);
    expect(resultOf(await back.answerTo(sent.id))).toBe('once');
    expect(bob.seen).toEqual([]);
  });

  it('sent twice over one connection is answered once', async () => {
    const sent = alice.say('EXEC_REQUEST', bob.did, { capability: 'echo', args: {} });
    alice.send(sent.raw);
    const arrived = await request(bob);
    const ping = alice.say('PING', gateway.did, {});
    await alice.answerTo(ping.id);
    respond(bob, arrived, { result: 'once' });
    await alice.answerTo(sent.id);
    const later = alice.say('PING', gateway.did, {});
    await alice.answerTo(later.id);
    expect(alice.seen).toEqual([]);
    expect(bob.seen).toEqual([]);
  });

  it('with other bytes under its id is a replay', async () => {
    const sent = alice.say('EXEC_REQUEST', bob.did, { capability: 'echo', args: { n: 1 } });
    respond(bob, await request(bob), {});
    await alice.answerTo(sent.id);
    alice.say('EXEC_REQUEST', bob.did, { capability: 'echo', args: { n: 2 } }, { id: sent.id });
    expect(codeOf(await alice.answerTo(sent.id))).toBe('REPLAY_DETECTED');
  });

  it('signed anew under the same idempotency key leads to the same task; with other arguments it is a conflict', async () => {
    const payload = { capability: 'echo', args: { n: 1 }, idempotency_key: 'order-1' };
    const first = alice.say('EXEC_REQUEST', bob.did, payload);
    respond(bob, await request(bob), { result: 'done' });
    expect(resultOf(await alice.answerTo(first.id))).toBe('done');
    const again = alice.say('EXEC_REQUEST', bob.did, payload);
    expect(resultOf(await alice.answerTo(again.id))).toBe('done');
    const other = alice.say('EXEC_REQUEST', bob.did, { ...payload, args: { n: 2 } });
    expect(codeOf(await alice.answerTo(other.id))).toBe('IDEMPOTENCY_CONFLICT');
    expect(bob.seen).toEqual([]);
  });
});

it('two requests under one key are both answered, each under its own id', async () => {
  const payload = { capability: 'echo', args: { n: 1 }, idempotency_key: 'order-2' };
  const first = alice.say('EXEC_REQUEST', bob.did, payload);
  const arrived = await request(bob);
  const second = alice.say('EXEC_REQUEST', bob.did, payload);
  const ping = alice.say('PING', gateway.did, {});
  await alice.answerTo(ping.id);
  await expect.poll(() => gateway.exchange.live.size).toBe(1);
  respond(bob, arrived, { result: 'done' });
  expect(await alice.answerTo(first.id)).toMatchObject({ from: bob.did, payload: { result: 'done' } });
  expect(await alice.answerTo(second.id)).toMatchObject({ from: gateway.did, payload: { result: 'done' } });
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
    asks = true;
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
    asks = true;
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
    asks = true;
    const { id } = alice.say('EXEC_REQUEST', bob.did, { capability: 'echo', args: { x: 1 } });
    await alice.answerTo(id);
    const [task] = [...gateway.exchange.live.keys()];
    void gateway.exchange.resume(task!, { denied: errorBody('APPROVAL_DENIED', 'No.') });
    expect(await alice.answerTo(id)).toMatchObject({
      payload: { status: 'error', error: { code: 'APPROVAL_DENIED', message: 'No.' }, effect: 'none' },
    });
  });
});

describe('a call from elsewhere', () => {
  const caller = () =>
    oneShot(
      { principal: gateway.exchange.authenticate({ kind: 'bearer', token: 'somebody' }), edge: 'mcp' },
      Date.now(),
    );

  it('reaches the agent as a frame of the gateway and gets its native result', async () => {
    const call = await gateway.exchange.send(caller(), {
      to: `skill:${bob.did}/echo`,
      action: 'invoke',
      body: data({ text: 'hi' }),
    });
    const arrived = await request(bob);
    expect(arrived).toMatchObject({
      payload: {
        capability: 'echo',
        args: { text: 'hi' },
        caller: { id: 'service:somebody', name: 'somebody', edge: 'mcp' },
      },
    });
    respond(bob, arrived, { result: { text: 'hi' } });
    expect(await call.ended).toMatchObject({ type: 'done', body: data({ text: 'hi' }) });
  });

  it('as mere text is an INTENT for an agent that can do several things, the one call it offers otherwise', async () => {
    await gateway.exchange.send(caller(), { to: 'agent:bob', action: 'invoke', body: text('say it') });
    expect(await request(bob)).toMatchObject({ type: 'INTENT', payload: { query: 'say it', stream: true } });
    await bob.register({ name: 'bob', capabilities: [{ name: 'echo' }] });
    await gateway.exchange.send(caller(), { to: 'agent:bob', action: 'invoke', body: text('say it') });
    expect(await request(bob)).toMatchObject({
      type: 'EXEC_REQUEST',
      payload: { capability: 'echo', args: { text: 'say it' } },
    });
  });

  it('streams text as one artifact', async () => {
    const call = await gateway.exchange.send(caller(), {
      to: `skill:${bob.did}/echo`,
      action: 'invoke',
      body: data({}),
    });
    const arrived = await request(bob);
    for (const [seq, result] of ['a', 'b', 'c'].entries()) respond(bob, arrived, { status: 'partial', seq, result });
    respond(bob, arrived, { result: 'abc' });
    await call.ended;
    let streamed = '';
    for await (const event of call.events()) if (event.type === 'output') streamed += event.body.value as string;
    expect(streamed).toBe('abc');
  });
});

it('a child call names the task it serves, by its id or by the frame that brought it', async () => {
  const child = async (parent: (arrived: Request) => string, to: string): Promise<string | undefined> => {
    const { id } = alice.say('EXEC_REQUEST', to, { args: {}, capability: 'echo' });
    const arrived = await request(bob);
    const call = bob.say('EXEC_REQUEST', alice.did, { args: {}, parent_id: parent(arrived) });
    const delivered = await request(alice);
    const { parentId } = [...gateway.exchange.live.values()].find(
      ({ message }) => message.from.id === bob.did,
    )!.message;
    respond(alice, delivered, {});
    await bob.answerTo(call.id);
    respond(bob, arrived, {});
    await alice.answerTo(id);
    return parentId;
  };
  expect(await child((arrived) => (arrived.payload as { task_id?: string }).task_id!, 'skill:bob/echo')).toBeDefined();
  expect(await child((arrived) => arrived.id, bob.did)).toBeDefined();
  const orphan = bob.say('EXEC_REQUEST', alice.did, { args: {}, parent_id: generateKeyPair().did });
  expect(codeOf(await bob.answerTo(orphan.id))).toBe('MALFORMED_MESSAGE');
});
