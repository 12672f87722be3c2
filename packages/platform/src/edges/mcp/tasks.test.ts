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
