import { afterEach, expect, test } from 'vitest';
import { data, text } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { Draft } from '../kernel/message.ts';
import type { Route } from '../kernel/route.ts';
import type { TaskEvent } from '../kernel/task.ts';
import type { Exchange } from './exchange.ts';
import { outcomeOf } from './outcome.ts';
import { oneShot } from './sessions.ts';
import { createTestExchange } from './testing.ts';

const echo: CatalogueEntry = {
  address: 'agent:echo',
  kind: 'agent',
  name: 'echo',
  owner: 'echo',
  ownerName: 'echo',
  description: 'Says it again.',
  effect: 'external',
  idempotent: false,
  price: 0,
  state: 'active',
};

const disposables: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of disposables.splice(0)) await item[Symbol.asyncDispose]();
});

async function withEcho(route: Route['deliver']): Promise<Exchange> {
  const made = await createTestExchange();
  disposables.push(made);
  made.exchange.catalogue.put('echo', [echo]);
  made.exchange.routes.bind('echo', { reach: 'local', deliver: route });
  return made.exchange;
}

const caller = (exchange: Exchange) =>
  oneShot({ principal: exchange.authenticate({ kind: 'bearer', token: 'alice' }), edge: 'http' }, Date.now());

async function all(events: AsyncIterable<TaskEvent>): Promise<TaskEvent[]> {
  const seen: TaskEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

test('a request becomes a task whose events are numbered, and its end is the result', async () => {
  const exchange = await withEcho(async function* (call) {
    yield { type: 'working' };
    yield { type: 'output', body: text('a piece') };
    yield { type: 'done', body: call.message.body };
  });
  const call = await exchange.send(caller(exchange), {
    to: 'agent:echo',
    action: 'invoke',
    body: data({ hello: 'world' }),
  });
  const events = await all(call.events());
  expect(events.map((event) => [event.n, event.type, event.state])).toEqual([
    [1, 'submitted', 'submitted'],
    [2, 'working', 'working'],
    [3, 'output', 'working'],
    [4, 'done', 'completed'],
  ]);
  expect(outcomeOf(await call.ended)).toEqual({ ok: true, body: { type: 'data', value: { hello: 'world' } } });
  const replayed = exchange.call('default', call.taskId);
  expect(await all(replayed!.events(2))).toEqual(events.slice(2));
});

test('the same idempotency key leads to the same task, another request under it is refused', async () => {
  let runs = 0;
  const exchange = await withEcho(async function* (call) {
    runs++;
    yield { type: 'done', body: call.message.body };
  });
  const session = caller(exchange);
  const draft = { to: 'agent:echo', action: 'invoke', body: data({ x: 1 }), idempotencyKey: 'k' } as const;
  const [first, second] = await Promise.all([exchange.send(session, draft), exchange.send(session, draft)]);
  expect(second.taskId).toBe(first.taskId);
  await first.ended;
  expect(runs).toBe(1);
  await expect(exchange.send(session, { ...draft, body: data({ x: 2 }) })).rejects.toMatchObject({
    code: 'IDEMPOTENCY_CONFLICT',
  });
});

test('a canceled route that does not end by itself is ended with its effect unknown', async () => {
  const exchange = await withEcho(async function* () {
    yield { type: 'working' };
    await new Promise(() => {});
  });
  const call = await exchange.send(caller(exchange), { to: 'agent:echo', action: 'invoke', body: data({}) });
  call.cancel('caller');
  expect(await call.ended).toMatchObject({ type: 'canceled', reason: 'caller', effect: 'unknown', state: 'canceled' });
}, 10_000);

test('text pieces that follow quickly are recorded as one, none is lost, order is kept', async () => {
  const exchange = await withEcho(async function* () {
    for (let i = 0; i < 100; i++) yield { type: 'output', body: text(`${i},`), artifactId: 'a', append: true };
    yield { type: 'done', body: text('end') };
  });
  const call = await exchange.send(caller(exchange), { to: 'agent:echo', action: 'invoke', body: data({}) });
  const events = await all(call.events());
  const outputs = events.filter((event) => event.type === 'output');
  expect(outputs.length).toBeLessThan(10);
  expect(outputs.map((event) => event.body.value).join('')).toBe([...Array(100).keys()].map((i) => `${i},`).join(''));
});

test('a sender has so many calls under way at a time, whatever their target does with them', async () => {
  const most = 2_000;
  const ended = new Set<() => void>();
  const exchange = await withEcho(async function* (call) {
    await new Promise<void>((resolve) => ended.add(resolve));
    yield { type: 'done', body: call.message.body };
  });
  const send = (more: Partial<Draft> = {}, who = caller(exchange)) =>
    exchange.send(who, { to: 'agent:echo', action: 'invoke', body: data({}), ...more });
  const first = await send({ idempotencyKey: 'first' });
  const calls = await Promise.all(Array.from({ length: most - 1 }, () => send()));
  await expect(send()).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  // Nobody else is affected, and whoever comes back for a call of theirs finds it.
  const bob = oneShot({ principal: exchange.authenticate({ kind: 'bearer', token: 'bob' }), edge: 'http' }, Date.now());
  await expect(send({}, bob)).resolves.toBeDefined();
  expect((await send({ idempotencyKey: 'first' })).taskId).toBe(first.taskId);
  await expect.poll(() => ended.size).toBe(most + 1);
  for (const end of ended) end();
  await Promise.all([first, ...calls].map((call) => call.ended));
  await expect(send()).resolves.toBeDefined();
  for (const end of ended) end();
}, 60_000);

test('a call that breaks before it is accepted gives its place back', async () => {
  const exchange = await withEcho(async function* () {
    yield { type: 'done', body: { type: 'data', value: 1n as never } };
  });
  exchange.catalogue.put('echo', [{ ...echo, effect: 'read' }]);
  const codes = new Set<unknown>();
  for (let n = 0; n < 2_001; n++) {
    const call = exchange.send(caller(exchange), { to: 'agent:echo', action: 'invoke', body: data({}) });
    await call.catch((error: { code?: string }) => codes.add(error.code));
  }
  expect(codes).toEqual(new Set([undefined]));
});
