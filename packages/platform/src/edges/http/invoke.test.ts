import { setTimeout as delay } from 'node:timers/promises';
import { claim } from '@aip/conformance';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { text } from '../../kernel/body.ts';
import { errorBody } from '../../kernel/error-body.ts';
import type { Guard } from '../../kernel/guard.ts';
import type { Message } from '../../kernel/message.ts';
import { createTestEdge, readEvents, type TestEdge } from './testing.ts';

let edge: TestEdge;
let url: string;

/** Calls to the agent "careful" wait for a person. */
const approve: Guard = {
  name: 'approve',
  admit: ({ message, approval }) =>
    message.to === 'agent:careful' && !approval
      ? { verdict: 'ask', kind: 'approval', body: { what: 'a call' }, expires: Date.now() + 60_000 }
      : { verdict: 'pass' },
};

beforeEach(async () => {
  edge = await createTestEdge({ slots: { approve } });
  url = await edge.listen();
  edge.agent('echo', async function* ({ message }) {
    yield { type: 'output', body: text('a piece') };
    yield { type: 'done', body: message.body };
  });
  edge.agent('careful', async function* ({ message }) {
    yield { type: 'done', body: message.body };
  });
});
afterEach(() => edge[Symbol.asyncDispose]());

const invoke = (body: object, headers = {}, signal?: AbortSignal): Promise<Response> =>
  fetch(`${url}/v1/invoke`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', authorization: 'Bearer alice', ...headers },
    ...(signal ? { signal } : {}),
  });

const follow = (task: string, headers = {}): Promise<Response> =>
  fetch(`${url}/v1/tasks/${task}/events`, { headers: { authorization: 'Bearer alice', ...headers } });

describe(`POST /v1/invoke ${claim('P-BRIDGE.http')}`, () => {
  it('answers with the result of the task', async () => {
    const answer = await invoke({ to: 'agent:echo', arguments: { x: 1 } });
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { task: expect.any(String), state: 'completed', result: { x: 1 } },
    ]);
  });

  it('says which task goes on without its caller when the platform stops', async () => {
    let go = (): void => {};
    const gone = new Promise<void>((resolve) => (go = resolve));
    edge.agent('slow', async function* ({ message }) {
      await gone;
      yield { type: 'done', body: message.body };
    });
    const answer = invoke({ to: 'agent:slow' });
    await expect.poll(() => edge.exchange.live.size).toBe(1);
    const [task] = edge.exchange.live.keys();
    await edge.exchange.drain(10);
    const { status, body } = await answer.then(async (it) => ({ status: it.status, body: await it.json() }));
    expect(status).toBe(503);
    expect(body).toMatchObject({ error: { code: 'SHUTTING_DOWN', retryable: false, details: { task } } });
    go();
    expect(await edge.exchange.call('default', task!)?.ended).toMatchObject({ type: 'done' });
  });

  it('takes a text as well', async () => {
    expect(await (await invoke({ to: 'agent:echo', arguments: 'hello' })).json()).toMatchObject({ result: 'hello' });
  });

  it('carries key, conversation, deadline and trace context along', async () => {
    let seen: Message | undefined;
    edge.agent('spy', async function* ({ message }) {
      seen = message;
      yield { type: 'done', body: message.body };
    });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await invoke(
      { to: 'agent:spy', conversation: 'c1', timeout_ms: 5_000 },
      { 'idempotency-key': 'k', traceparent, tracestate: 'a=b' },
    );
    expect(seen).toMatchObject({
      edge: 'http',
      action: 'invoke',
      idempotencyKey: 'k',
      conversationId: 'c1',
      trace: { traceparent, tracestate: 'a=b' },
    });
    expect(seen!.deadline! - Date.now()).toBeGreaterThan(1_000);
  });

  it('leads the same key to the same task', async () => {
    const [first, second] = await Promise.all(
      [1, 2].map(async () => (await invoke({ to: 'agent:echo' }, { 'idempotency-key': 'same' })).json()),
    );
    expect(second).toEqual(first);
  });

  it('answers a failure with its status, its code and what is known of its effect', async () => {
    edge.agent('broken', async function* () {
      yield {
        type: 'failed',
        error: { code: 'UPSTREAM_FAILED', message: 'It broke.', retryable: true },
        effect: 'unknown',
      };
    });
    const answer = await invoke({ to: 'agent:broken' });
    expect([answer.status, await answer.json()]).toEqual([
      502,
      {
        task: expect.any(String),
        state: 'failed',
        effect: 'unknown',
        error: { code: 'UPSTREAM_FAILED', message: 'It broke.', retryable: true },
      },
    ]);
  });

  it.each([
    [{}, 'INVALID_ARGUMENT'],
    [{ to: 'echo' }, 'INVALID_ARGUMENT'],
    [{ to: 'agent:nobody' }, 'UNKNOWN_AGENT'],
    [{ to: 'tool:nowhere/x' }, 'UNKNOWN_TARGET'],
    [{ to: 'operation:samples.count' }, 'INVALID_ARGUMENT'],
    [{ to: 'topic:news' }, 'INVALID_ARGUMENT'],
    [{ to: 'agent:echo', arguments: 7 }, 'INVALID_ARGUMENT'],
    [{ to: 'agent:echo', timeout_ms: 0 }, 'INVALID_ARGUMENT'],
    [{ to: 'agent:echo', surprise: 1 }, 'INVALID_ARGUMENT'],
    [{ to: 'agent:echo', parent: 'not-mine' }, 'INVALID_ARGUMENT'],
  ])('refuses %j', async (body, code) => {
    const answer = await invoke(body);
    expect(((await answer.json()) as { error: { code: string } }).error.code).toBe(code);
    expect(answer.status).toBe(code === 'INVALID_ARGUMENT' ? 400 : 404);
  });

  it('cancels the call of a caller that has gone, unless it can come back with its key', async () => {
    edge.agent('slow', async function* ({ signal }) {
      yield { type: 'working' };
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      yield { type: 'failed', error: { code: 'CANCELED', message: '', retryable: false }, effect: 'none' };
    });
    const gone = new AbortController();
    const call = invoke({ to: 'agent:slow' }, {}, gone.signal).catch(() => undefined);
    const kept = new AbortController();
    const keyed = invoke({ to: 'agent:slow', arguments: { keyed: 1 } }, { 'idempotency-key': 'k' }, kept.signal).catch(
      () => undefined,
    );
    await expect.poll(() => edge.exchange.live.size).toBe(2);
    gone.abort();
    kept.abort();
    await Promise.all([call, keyed]);
    await expect.poll(() => [...edge.exchange.live.values()].map((task) => task.message.idempotencyKey)).toEqual(['k']);
  });
});

describe(`a streamed call ${claim('P-BRIDGE.http')}`, () => {
  it('sends every event with its number and ends with the task', async () => {
    const answer = await invoke({ to: 'agent:echo', arguments: { x: 1 }, stream: true });
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const events = await readEvents(answer);
    expect(events.map(({ id, event }) => [id, event])).toEqual([
      ['1', 'submitted'],
      ['2', 'output'],
      ['3', 'done'],
    ]);
    expect(events[2]?.data).toMatchObject({
      task: answer.headers.get('x-aip-task'),
      state: 'completed',
      body: { type: 'data', value: { x: 1 } },
    });
  });

  it('goes on after the last event the client has, until there is nothing more', async () => {
    const answer = await invoke({ to: 'agent:echo', stream: true });
    const task = answer.headers.get('x-aip-task')!;
    await readEvents(answer);
    expect((await readEvents(await follow(task, { 'last-event-id': '1' }))).map(({ id }) => id)).toEqual(['2', '3']);
    expect((await follow(task, { 'last-event-id': '3' })).status).toBe(204);
    expect((await follow(task, { 'last-event-id': 'abc' })).status).toBe(400);
  });

  it('outlives its connection', async () => {
    const step = Promise.withResolvers<void>();
    edge.agent('steady', async function* () {
      yield { type: 'working' };
      await step.promise;
      yield { type: 'done', body: text('made it') };
    });
    const answer = await invoke({ to: 'agent:steady', stream: true });
    const before = await readEvents(answer, (events) => events.length === 2);
    const resumed = readEvents(await follow(answer.headers.get('x-aip-task')!, { 'last-event-id': before.at(-1)!.id }));
    step.resolve();
    expect((await resumed).map(({ id, event }) => [id, event])).toEqual([['3', 'done']]);
  });

  it('is not for others', async () => {
    const { task } = (await (await invoke({ to: 'agent:echo' })).json()) as { task: string };
    const answer = await follow(task, { authorization: 'Bearer mallory' });
    expect([answer.status, ((await answer.json()) as { error: { code: string } }).error.code]).toEqual([
      404,
      'TASK_NOT_FOUND',
    ]);
    expect((await follow('no-such-task')).status).toBe(404);
  });

  it('is closed by its session, as a kill does, and says why', async () => {
    edge.agent('endless', async function* () {
      yield { type: 'working' };
      await new Promise(() => {});
    });
    const answer = await invoke({ to: 'agent:endless', stream: true });
    for (const session of edge.exchange.sessions.all()) session.close('KILLED', 'enough');
    expect((await readEvents(answer)).at(-1)).toEqual({ event: 'closed', data: { code: 'KILLED', reason: 'enough' } });
    await expect.poll(() => edge.exchange.sessions.size).toBe(0);
  });

  it('leaves nothing behind when its client is gone before the call is accepted', async () => {
    const { send } = edge.exchange;
    let accepted = false;
    const slow: typeof send = async (session, draft) => {
      const call = await send(session, draft);
      await delay(100);
      accepted = true;
      return call;
    };
    Object.assign(edge.exchange, { send: slow });
    const gone = AbortSignal.timeout(30);
    await expect(invoke({ to: 'agent:echo', stream: true }, {}, gone)).rejects.toThrow();
    expect(edge.exchange.sessions.size).toBe(1);
    await expect.poll(() => accepted).toBe(true);
    await expect.poll(() => edge.exchange.sessions.size).toBe(0);
  });

  it('cancels a call whose client is gone before it is accepted', async () => {
    const canceled = Promise.withResolvers<unknown>();
    edge.agent('endless', async function* ({ signal }) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      canceled.resolve(signal.reason);
      yield { type: 'failed', error: errorBody('CANCELED', 'As asked.'), effect: 'none' };
    });
    const { send } = edge.exchange;
    const slow: typeof send = async (session, draft) => {
      const call = await send(session, draft);
      await delay(100);
      return call;
    };
    Object.assign(edge.exchange, { send: slow });
    await expect(invoke({ to: 'agent:endless' }, {}, AbortSignal.timeout(30))).rejects.toThrow();
    expect(await canceled.promise).toBe('disconnect');
  });
});

describe(`a call that waits for a person ${claim('P-BRIDGE.http')}`, () => {
  const parked = async (): Promise<{ task: string; ask: { id: string } }> =>
    (await invoke({ to: 'agent:careful', arguments: { pay: 5 } })).json() as never;
  const approval = (ask: string) => ({ approval: { askId: ask, by: 'user:admin' } });

  it('answers 202 with the ask, and the result to the same call again', async () => {
    const first = await invoke({ to: 'agent:careful', arguments: { pay: 5 } });
    const body = (await first.json()) as { task: string; ask: { id: string } };
    expect([first.status, body]).toEqual([
      202,
      {
        task: expect.any(String),
        state: 'auth_required',
        ask: { id: expect.any(String), kind: 'approval', expires_at: expect.any(String) },
      },
    ]);
    expect((await parked()).task).toBe(body.task);
    await edge.exchange.resume(body.task, approval(body.ask.id));
    const again = await invoke({ to: 'agent:careful', arguments: { pay: 5 } });
    expect([again.status, await again.json()]).toEqual([
      200,
      { task: body.task, state: 'completed', result: { pay: 5 } },
    ]);
    // The result has been handed over: the next call asks anew.
    await expect.poll(async () => (await parked()).task).not.toBe(body.task);
  });

  it('streams on when it is approved', async () => {
    const answer = await invoke({ to: 'agent:careful', stream: true });
    const events = readEvents(answer);
    const task = answer.headers.get('x-aip-task')!;
    const { last } = edge.exchange.call('default', task)!;
    await edge.exchange.resume(task, approval(last?.type === 'asked' ? last.ask.id : ''));
    expect((await events).map(({ event }) => event)).toEqual(['asked', 'submitted', 'done']);
  });
});
