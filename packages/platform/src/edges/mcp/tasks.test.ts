import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestGateway, post, type TestGateway } from './testing.ts';

const TASKS = 'io.modelcontextprotocol/tasks';
const capabilities = { elicitation: { form: {} }, extensions: { [TASKS]: {} } };

let gateway: TestGateway;
let finish: () => void;
beforeAll(async () => {
  gateway = await createTestGateway();
  gateway.agent('slow', 'work', async function* () {
    yield { type: 'progress', progress: 1, total: 2, message: 'half of it' };
    await new Promise<void>((resolve) => (finish = resolve));
    yield { type: 'done', body: { type: 'data', value: { n: 1 } } };
  });
  gateway.agent('quick', 'work', async function* () {
    yield { type: 'done', body: { type: 'data', value: { n: 2 } } };
  });
  gateway.agent('curious', 'work', async function* (call) {
    const [first, second] = ['first', 'second'].map((id) => call.answer(id));
    const body = { message: 'Which?' };
    yield { type: 'asked', ask: { id: 'first', of: 'caller', kind: 'elicitation', body, more: 1 } };
    yield { type: 'asked', ask: { id: 'second', of: 'caller', kind: 'elicitation', body } };
    yield { type: 'done', body: { type: 'data', value: [(await first)!.value, (await second)!.value] as never } };
  });
});
afterAll(() => gateway[Symbol.asyncDispose]());

const send = async (method: string, params: JsonObject, can: JsonObject = capabilities): Promise<JsonObject> => {
  const { body } = await post(`${gateway.url}/mcp`, method, params, { capabilities: can });
  return (body['result'] ?? body) as JsonObject;
};
const form = (name: string): JsonObject => ({ action: 'accept', content: { name } });

describe(`a call by a client that takes tasks ${claim('P-MCP.tasks')}`, () => {
  it('is answered as ever when it is quick', async () => {
    expect(await send('tools/call', { name: 'quick_work', arguments: {} })).toMatchObject({
      resultType: 'complete',
      structuredContent: { n: 2 },
    });
  });

  it('becomes a task when it takes long, that says how far it has come and ends with the result', async () => {
    const created = await send('tools/call', { name: 'slow_work', arguments: {} });
    expect(created).toMatchObject({ resultType: 'task', status: 'working', statusMessage: 'half of it' });
    const task = { taskId: created['taskId']! };
    expect(await send('tasks/get', task)).toMatchObject({ status: 'working', statusMessage: 'half of it' });
    finish();
    await expect
      .poll(() => send('tasks/get', task))
      .toMatchObject({
        status: 'completed',
        result: { structuredContent: { n: 1 } },
      });
  });

  it('of a client that does not take them lasts as long as it lasts', async () => {
    const call = send('tools/call', { name: 'slow_work', arguments: {} }, {});
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    finish();
    expect(await call).toMatchObject({ resultType: 'complete', structuredContent: { n: 1 } });
  });
});

describe(`questions that are put together ${claim('P-MCP.asks')}`, () => {
  it('are one round, and what is left of it is asked again', async () => {
    const call = { name: 'curious_work', arguments: {} };
    const asked = await send('tools/call', call);
    expect(Object.keys(asked['inputRequests'] as JsonObject)).toEqual(['first', 'second']);
    const again = await send('tools/call', {
      ...call,
      requestState: asked['requestState']!,
      inputResponses: { second: form('two'), third: form('three') },
    });
    expect(Object.keys(again['inputRequests'] as JsonObject)).toEqual(['first']);
    const done = await send('tools/call', {
      ...call,
      requestState: again['requestState']!,
      inputResponses: { first: form('one') },
    });
    expect(done).toMatchObject({ structuredContent: [form('one'), form('two')] });
  });

  it('are answered at once from what the client has sent along', async () => {
    const inputResponses = { first: form('one'), second: form('two') };
    expect(await send('tools/call', { name: 'curious_work', arguments: {}, inputResponses })).toMatchObject({
      structuredContent: [form('one'), form('two')],
    });
  });
});

describe(`a client that listens to its tasks ${claim('P-MCP.task-notifications')}`, () => {
  async function listen(filter: JsonObject, can: JsonObject = capabilities, token = 'alice') {
    const leaving = new AbortController();
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': can,
    };
    const response = await fetch(`${gateway.url}/mcp`, {
      method: 'POST',
      signal: leaving.signal,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        authorization: `Bearer ${token}`,
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'subscriptions/listen',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 7,
        method: 'subscriptions/listen',
        params: { notifications: filter, _meta },
      }),
    });
    const heard: { method?: string; params?: JsonObject; error?: JsonObject; result?: JsonObject }[] = [];
    const whole = (async () => {
      let text = '';
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        const events = text.split('\n\n');
        text = events.pop()!;
        for (const event of events) {
          const line = event.split('\n').find((part) => part.startsWith('data: '));
          if (line) heard.push(JSON.parse(line.slice('data: '.length)));
        }
      }
      if (text !== '') heard.push(JSON.parse(text));
    })().catch(() => {});
    return { response, heard, whole, [Symbol.dispose]: () => leaving.abort() };
  }
  const statuses = (heard: { method?: string; params?: JsonObject }[]) =>
    heard.filter(({ method }) => method === 'notifications/tasks').map(({ params }) => params!['status']);

  it('is told at once how each stands, and whatever tasks/get would say from then on, to the end', async () => {
    const created = await send('tools/call', { name: 'slow_work', arguments: {} });
    const taskId = created['taskId']!;
    using stream = await listen({ taskIds: [taskId] });
    const { heard } = stream;
    await expect.poll(() => heard).toHaveLength(2);
    expect(heard[0]).toMatchObject({
      method: 'notifications/subscriptions/acknowledged',
      params: {
        notifications: { taskIds: [taskId] },
        _meta: { 'io.modelcontextprotocol/subscriptionId': 7 },
      },
    });
    expect(heard[1]).toMatchObject({
      method: 'notifications/tasks',
      params: { taskId, status: 'working', statusMessage: 'half of it' },
    });
    finish();
    await expect.poll(() => heard).toHaveLength(3);
    const { _meta, ...last } = heard[2]!.params!;
    const { resultType, _meta: __, ...got } = await send('tasks/get', { taskId });
    expect(resultType).toBe('complete');
    expect(last).toEqual(got);
    expect(_meta).toEqual({ 'io.modelcontextprotocol/subscriptionId': 7 });
    // What has ended already is told as well.
    using late = await listen({ taskIds: [taskId] });
    await expect.poll(() => statuses(late.heard)).toEqual(['completed']);
  });

  it('hears what is asked, and that it has been answered', async () => {
    const heardOf = Promise.withResolvers<void>();
    gateway.agent('nosy', 'work', async function* (call) {
      yield { type: 'working' };
      await heardOf.promise;
      const answer = call.answer('name');
      yield { type: 'asked', ask: { id: 'name', of: 'caller', kind: 'elicitation', body: { message: 'Who?' } } };
      yield { type: 'done', body: { type: 'data', value: ((await answer) as { value: JsonObject }).value } };
    });
    const created = await send('tools/call', { name: 'nosy_work', arguments: {} });
    using stream = await listen({ taskIds: [created['taskId']!], toolsListChanged: true });
    await expect.poll(() => statuses(stream.heard)).toEqual(['working']);
    heardOf.resolve();
    await expect.poll(() => statuses(stream.heard)).toEqual(['working', 'input_required']);
    await send('tasks/update', { taskId: created['taskId']!, inputResponses: { name: form('Ada') } });
    await expect.poll(() => statuses(stream.heard)).toEqual(['working', 'input_required', 'working', 'completed']);
    expect(stream.heard.at(-1)!.params).toMatchObject({ result: { structuredContent: form('Ada') } });
  });

  it('is told nothing of tasks that are somebody else’s, nor without the extension', async () => {
    const created = await send('tools/call', { name: 'slow_work', arguments: {} });
    const filter = { taskIds: [created['taskId']!, 'no-such-task'] };
    using stranger = await listen(filter, capabilities, 'bob');
    await stranger.whole;
    expect(stranger.heard).toMatchObject([
      { method: 'notifications/subscriptions/acknowledged', params: { notifications: {} } },
      { result: { resultType: 'complete' } },
    ]);
    using plain = await listen(filter, {});
    await plain.whole;
    expect(plain.heard).toMatchObject([{ error: { code: -32021 } }]);
    finish();
  });
});
