import { claim } from '@aip/conformance';
import { describe, expect, test, vi } from 'vitest';
import { data, text } from '../kernel/body.ts';
import type { Route, RouteCall } from '../kernel/route.ts';
import { rounds, until } from '../kernel/testing.ts';
import { agent, withAgents, as, asAgent, invoke, entries } from './agents.testing.ts';
import { outcomeOf } from './outcome.ts';
import { oneShot } from './sessions.ts';

describe('a task ends exactly once', () => {
  const ends: Record<string, [Route['deliver'], object]> = {
    'as failed, without its detail, when the route throws': [
      async function* () {
        throw new Error('secret detail');
      },
      {
        type: 'failed',
        effect: 'unknown',
        error: { code: 'INTERNAL_ERROR', message: expect.not.stringContaining('secret detail') },
      },
    ],
    'as failed when the route throws before its first step': [
      () => {
        throw new Error('no generator');
      },
      { type: 'failed', error: { code: 'INTERNAL_ERROR' } },
    ],
    'as failed when the route ends without a result': [
      async function* () {},
      { type: 'failed', error: { code: 'UPSTREAM_FAILED' }, effect: 'unknown' },
    ],
    'with the first of several ends': [
      async function* () {
        yield { type: 'done', body: text('first') };
        yield { type: 'done', body: text('second') };
        yield { type: 'failed', error: { code: 'INTERNAL_ERROR', message: '', retryable: false }, effect: 'unknown' };
      },
      { type: 'done', body: text('first') },
    ],
  };
  test.for(Object.entries(ends))('%s', async ([, [deliver, expected]]) => {
    const exchange = await withAgents({ scout: deliver });
    const call = await exchange.send(as(exchange, 'alice'), invoke('scout'));
    expect(await call.ended).toMatchObject(expected);
    await until(() => exchange.live.size === 0);
    expect(entries(exchange).filter((entry) => entry.kind === 'settle')).toHaveLength(1);
  });

  test('and its log takes nothing afterwards, and nothing out of number', async () => {
    const exchange = await withAgents({
      async *scout() {
        yield { type: 'done', body: text('done') };
      },
    });
    const call = await exchange.send(as(exchange, 'alice'), invoke('scout'));
    const { n } = await call.ended;
    const commit = (kind: string, at: number, task = call.taskId) =>
      exchange.journal.commit({
        tenant: 'default',
        entries: [{ kind, task, n: at, head: { type: 'working', state: 'working' } }],
      });
    expect(await commit('event', n + 1)).toMatchObject({ ok: false, error: { code: 'CONFLICT' } });
    expect(await commit('settle', n + 1)).toMatchObject({ ok: false, error: { code: 'CONFLICT' } });
    expect(await commit('event', 2, 'unknown')).toMatchObject({ ok: false, error: { code: 'CONFLICT' } });
    expect(await commit('event', 1, 'unknown')).toMatchObject({ ok: false, error: { code: 'TASK_NOT_FOUND' } });
  });
});

describe('a delegated call', () => {
  test(`names the task it is done for, which must be the sender's own and live ${claim('P-BRIDGE.delegation')}`, async () => {
    const hold = Promise.withResolvers<void>();
    const exchange = await withAgents({
      async *scout() {
        await hold.promise;
        yield { type: 'done', body: text('done') };
      },
      async *scribe() {
        yield { type: 'done', body: text('done') };
      },
    });
    const parent = await exchange.send(as(exchange, 'alice'), invoke('scout'));
    const child = await exchange.send(asAgent('scout'), invoke('scribe', { parentId: parent.taskId }));
    expect(entries(exchange).find((entry) => entry.task === child.taskId)?.head).toMatchObject({
      parent: parent.taskId,
      depth: 1,
      scopes: expect.arrayContaining(['agent:service:alice', 'agent:scout', 'agent:scribe']),
    });
    for (const [who, parentId] of [
      [asAgent('scribe'), parent.taskId],
      [as(exchange, 'alice'), parent.taskId],
      [asAgent('scout'), 'unknown'],
    ] as const) {
      await expect(exchange.send(who, invoke('scribe', { parentId }))).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('parentId'),
      });
    }
    hold.resolve();
    await parent.ended;
    await expect(exchange.send(asAgent('scout'), invoke('scribe', { parentId: parent.taskId }))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  test(`that goes round in circles ends as a loop, not as a storm ${claim('P-BRIDGE.delegation')}`, async () => {
    let deepest = 0;
    const exchange = await withAgents({
      async *scout(call: RouteCall) {
        deepest++;
        const child = await exchange.send(asAgent('scout'), invoke('scout', { parentId: call.message.taskId }));
        const outcome = outcomeOf(await child.ended);
        if (outcome.ok) yield { type: 'done', body: outcome.body };
        else yield { type: 'failed', error: outcome.error, effect: 'none' };
      },
    });
    const call = await exchange.send(as(exchange, 'alice'), invoke('scout'));
    expect(await call.ended).toMatchObject({ type: 'failed', error: { code: 'LOOP_DETECTED' } });
    expect(deepest).toBe(17);
  });
});

describe('a body', () => {
  test('of more than 64 KiB is kept as a blob, and comes back whole', async () => {
    const exchange = await withAgents({
      async *scout(call) {
        yield { type: 'output', body: call.message.body };
        yield { type: 'done', body: call.message.body };
      },
    });
    const big = text('é'.repeat(300_000));
    const call = await exchange.send(as(exchange, 'alice'), invoke('scout', { body: big }));
    expect(await call.ended).toMatchObject({ body: big });
    const stored = entries(exchange).filter((entry) => entry.task === call.taskId);
    expect(stored.map((entry) => entry.body)).toEqual([undefined, undefined, undefined]);
    expect(stored.map((entry) => exchange.journal.read.body(entry)!.length).every((length) => length > 300_000)).toBe(
      true,
    );
    const replayed = await Array.fromAsync(exchange.call('default', call.taskId)!.events());
    expect(replayed).toEqual(await Array.fromAsync(call.events()));
  });

  test('just under the border stays in its entry', async () => {
    const exchange = await withAgents({
      async *scout() {
        yield { type: 'done', body: text('x'.repeat(65_000)) };
      },
    });
    const call = await exchange.send(as(exchange, 'alice'), invoke('scout'));
    await call.ended;
    expect(entries(exchange).at(-1)!.body).toContain('xxxx');
  });
});

test('a stream is the same from memory and from the log, from any number', async () => {
  const exchange = await withAgents({
    async *scout() {
      for (let i = 0; i < 30; i++) {
        yield { type: 'output', body: text(`${i},`), artifactId: `a${i % 3}`, append: i > 2 };
        if (i % 10 === 0) yield { type: 'progress', progress: i, total: 30 };
        if (i % 12 === 0) await new Promise((resolve) => setTimeout(resolve, 60));
      }
      yield { type: 'done', body: data({ n: 30 }) };
    },
  });
  const call = await exchange.send(as(exchange, 'alice'), invoke('scout'));
  const live = await Array.fromAsync(call.events());
  await until(() => exchange.live.size === 0);
  for (let after = 0; after <= live.length; after++) {
    expect(await Array.fromAsync(exchange.call('default', call.taskId)!.events(after))).toEqual(live.slice(after));
  }
});

test('a stream longer than a page of the log comes back whole, and its call has ended', async () => {
  const exchange = await withAgents({});
  const { journal } = exchange;
  const head = {
    message: 'm',
    from: 'service:alice',
    fromName: 'alice',
    to: 'agent:scout',
    action: 'invoke',
    edge: 'http',
    assignee: 'scout',
    scopes: [],
    depth: 0,
    effect: 'read',
    idempotent: true,
  };
  const step = (n: number) => ({
    kind: 'event',
    task: 'long',
    n,
    head: { type: 'working', state: 'working' },
    body: '{"type":"working"}',
  });
  await journal.commit({ tenant: 'default', entries: [{ kind: 'accept', task: 'long', n: 1, head, body: '{}' }] });
  for (let n = 2; n < 10_500; n += 1_000)
    await journal.commit({ tenant: 'default', entries: Array.from({ length: 1_000 }, (_, i) => step(n + i)) });
  await journal.commit({
    tenant: 'default',
    entries: [
      {
        kind: 'settle',
        task: 'long',
        n: 11_002,
        head: { type: 'done', state: 'completed' },
        body: '{"type":"done","body":{"type":"text","value":"end"}}',
      },
    ],
  });
  const call = exchange.call('default', 'long')!;
  expect(await call.ended).toMatchObject({ type: 'done', n: 11_002 });
  const seen = await Array.fromAsync(call.events());
  expect(seen.map(({ n }) => n)).toEqual(Array.from({ length: 11_002 }, (_, i) => i + 1));
});

describe('an idempotency key', () => {
  const echo: Route['deliver'] = async function* (call) {
    yield { type: 'done', body: call.message.body };
  };

  test('leads any number of simultaneous requests to one task', async () => {
    const deliver = vi.fn(echo);
    const exchange = await withAgents({ scout: deliver });
    for (let round = 0; round < rounds(10); round++) {
      const calls = await Promise.all(
        Array.from({ length: 10 }, () =>
          exchange.send(as(exchange, 'alice'), invoke('scout', { idempotencyKey: `k${round}` })),
        ),
      );
      expect(new Set(calls.map((call) => call.taskId)).size).toBe(1);
      await calls[0]!.ended;
    }
    expect(deliver).toHaveBeenCalledTimes(rounds(10));
  }, 60_000);

  test('belongs to its sender, and to one content, attachments included', async () => {
    const exchange = await withAgents({ scout: echo });
    const first = await exchange.send(as(exchange, 'alice'), invoke('scout', { idempotencyKey: 'k' }));
    const other = await exchange.send(as(exchange, 'bob'), invoke('scout', { idempotencyKey: 'k' }));
    expect(other.taskId).not.toBe(first.taskId);
    const attached = (raw: string) =>
      invoke('scout', { idempotencyKey: 'file', body: { type: 'a2a', value: { parts: [{ text: 'see' }, { raw }] } } });
    await exchange.send(as(exchange, 'alice'), attached('AAAA'));
    await expect(exchange.send(as(exchange, 'alice'), attached('BBBB'))).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
  });

  test('of a signed frame tells the same bytes from a replay', async () => {
    const exchange = await withAgents({ scout: echo });
    const frame = (signed: string) => invoke('scout', { idempotencyKey: 'id', signed });
    const first = await exchange.send(as(exchange, 'alice'), frame('{"a":1}'));
    expect((await exchange.send(as(exchange, 'alice'), frame('{"a":1}'))).taskId).toBe(first.taskId);
    await expect(exchange.send(as(exchange, 'alice'), frame('{"a":2}'))).rejects.toMatchObject({
      code: 'REPLAY_DETECTED',
    });
  });
});

test('a question to the caller is answered by the caller alone, once', async () => {
  const exchange = await withAgents({
    async *scout(call) {
      yield { type: 'asked', ask: { id: 'q', of: 'caller', kind: 'input', body: { question: 'which?' } } };
      const answer = await call.answer('q');
      yield { type: 'done', body: answer };
    },
  });
  const alice = as(exchange, 'alice');
  const call = await exchange.send(alice, invoke('scout'));
  await until(() => call.last?.type === 'asked');
  expect(call.last).toMatchObject({ state: 'input_required' });
  const other = oneShot({ principal: { ...alice.principal, tenant: 'other' }, edge: 'http' }, Date.now());
  for (const stranger of [as(exchange, 'bob'), other]) {
    await expect(exchange.answer(stranger, call.taskId, 'q', text('no'))).rejects.toMatchObject({
      code: 'TASK_NOT_FOUND',
    });
  }
  await expect(exchange.answer(alice, call.taskId, 'another', text('no'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await exchange.answer(alice, call.taskId, 'q', text('this one'));
  expect(await call.ended).toMatchObject({ type: 'done', body: text('this one') });
  await expect(exchange.answer(alice, call.taskId, 'q', text('again'))).rejects.toMatchObject({
    code: 'TASK_NOT_FOUND',
  });
});

test('a platform that drains takes nothing new and waits for what is under way', async () => {
  const go = Promise.withResolvers<void>();
  const exchange = await withAgents({
    async *scout() {
      await go.promise;
      yield { type: 'done', body: text('done') };
    },
  });
  const call = await exchange.send(as(exchange, 'alice'), invoke('scout'));
  let underWay: number | undefined;
  const drained = exchange.drain(5_000, (count) => (underWay = count));
  expect(underWay).toBe(1);
  await expect(exchange.send(as(exchange, 'alice'), invoke('scout'))).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  go.resolve();
  await drained;
  expect(call.last).toMatchObject({ type: 'done' });
});

describe('a target', () => {
  test('that is not connected is unavailable, and that is recorded', async () => {
    const exchange = await withAgents({});
    exchange.catalogue.put('scout', [agent('scout')]);
    await expect(exchange.send(as(exchange, 'alice'), invoke('scout'))).rejects.toMatchObject({
      code: 'AGENT_UNAVAILABLE',
    });
    expect(entries(exchange).map((entry) => [entry.kind, entry.head['code']])).toEqual([['deny', 'AGENT_UNAVAILABLE']]);
  });

  test('that nobody knows is named', async () => {
    const exchange = await withAgents({});
    await expect(exchange.send(as(exchange, 'alice'), invoke('nobody'))).rejects.toMatchObject({
      code: 'UNKNOWN_AGENT',
      message: expect.stringContaining('nobody'),
    });
    await expect(exchange.send(as(exchange, 'alice'), { ...invoke('x'), to: 'tool:notes/gone' })).rejects.toMatchObject(
      { code: 'UNKNOWN_TARGET' },
    );
  });
});

test('an id without canonical form is refused alone and leaves no trace', async () => {
  const exchange = await withAgents({
    async *scout() {
      yield { type: 'done', body: text('done') };
    },
  });
  const alice = as(exchange, 'alice');
  const broken = exchange.send(
    alice,
    invoke('scout', { conversationId: '\ud800', idempotencyKey: 'k', taskId: 'chosen' }),
  );
  const sound = exchange.send(alice, invoke('scout'));
  await expect(broken).rejects.toMatchObject({ code: 'MALFORMED_MESSAGE' });
  expect(await (await sound).ended).toMatchObject({ type: 'done' });
  expect(exchange.call('default', 'chosen')).toBeUndefined();
  expect(await (await exchange.send(alice, invoke('scout', { idempotencyKey: 'k' }))).ended).toMatchObject({
    type: 'done',
  });
});
