import { claim } from '@aip/conformance';
import { generateKeyPair, type Json } from '@aip/wire';
import { describe, expect, it } from 'vitest';
import { oneShot } from '../../exchange/index.ts';
import { allArgumentsOf, data, text } from '../../kernel/body.ts';
import { alice, bob, gateway, useTwoAgents, request, respond, resultOf, codeOf, TOOL } from './requests.testing.ts';
import type { RequestFrame } from './targets.ts';
import { openPeer } from './testing.ts';

useTwoAgents();

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
    const { task_id, idempotency_key, timeout_ms } = arrived.payload as { task_id?: string } & RequestFrame['payload'];
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
  const child = async (parent: (arrived: RequestFrame) => string, to: string): Promise<string | undefined> => {
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
