import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTaskServer, type TaskServer } from '../task-server.testing.ts';
import { connectV1, connectV2, createTestGateway, post, type TestGateway } from '../testing.ts';

const TASKS = 'io.modelcontextprotocol/tasks';
const capabilities = { elicitation: { form: {} }, extensions: { [TASKS]: {} } };

let server: TaskServer;
let gateway: TestGateway;
beforeEach(async () => {
  server = await startTaskServer();
  gateway = await createTestGateway({ servers: { jobs: { url: server.url } } });
});
afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const send = async (method: string, params: JsonObject, can: JsonObject = capabilities): Promise<JsonObject> => {
  const { body } = await post(`${gateway.url}/mcp`, method, params, { capabilities: can });
  return (body['result'] ?? body) as JsonObject;
};
const job = { name: 'jobs_job', arguments: {} };
const done = { status: 'completed', result: { content: [{ type: 'text', text: 'built' }] } };

describe(`a server that makes a task of a call ${claim('P-MCP-GW.tasks')}`, () => {
  it('is followed, so that whoever takes no tasks gets the result, and hears how far it has come', async () => {
    for (const connect of [connectV1, (url: string) => connectV2(url, 'auto')]) {
      server.stand({ status: 'working', statusMessage: 'compiling' });
      const client = await connect(`${gateway.url}/mcp`);
      const heard: unknown[] = [];
      const onprogress = ({ message }: { message?: string | undefined }): void => void heard.push(message);
      const call =
        'experimental' in client
          ? client.callTool(job, undefined, { onprogress })
          : client.callTool(job, { onprogress });
      await expect.poll(() => heard).toEqual(['compiling']);
      server.stand(done);
      expect(await call).toMatchObject({ content: [{ text: 'built' }] });
      await client.close();
    }
    expect(server.seen.calls).toBe(2);
  });

  it('is a task here as well, for a client that takes them', async () => {
    server.stand({ status: 'working', statusMessage: 'compiling' });
    const created = await send('tools/call', job);
    expect(created).toMatchObject({ resultType: 'task', status: 'working' });
    const task = { taskId: created['taskId']! };
    // An id of its own: the server's is between it and the gateway.
    expect(task.taskId).not.toBe('job-1');
    await expect.poll(() => send('tasks/get', task)).toMatchObject({ statusMessage: 'compiling' });
    server.stand(done);
    await expect.poll(() => send('tasks/get', task)).toMatchObject(done);
  });

  it('is answered by whoever called, once for each question', async () => {
    const params = { mode: 'form', message: 'Sure?', requestedSchema: { type: 'object', properties: {} } };
    const created = await send('tools/call', job);
    const task = { taskId: created['taskId']! };
    server.stand({ status: 'input_required', inputRequests: { sure: { method: 'elicitation/create', params } } });
    await expect.poll(() => send('tasks/get', task)).toMatchObject({ status: 'input_required' });
    const standing = await send('tasks/get', task);
    const [[key, request]] = Object.entries(standing['inputRequests'] as JsonObject) as [[string, JsonObject]];
    expect(request).toMatchObject({ method: 'elicitation/create', params: { message: 'Sure?' } });
    await send('tasks/update', { ...task, inputResponses: { [key]: { action: 'accept', content: {} } } });
    await expect
      .poll(() => send('tasks/get', task))
      .toMatchObject({ status: 'completed', result: { content: [{ text: 'answered' }] } });
    expect(server.seen.answers).toEqual([{ sure: { action: 'accept', content: {} } }]);
  });

  it('is told when its caller gives up', async () => {
    const created = await send('tools/call', job);
    const task = { taskId: created['taskId']! };
    await send('tasks/cancel', task);
    await expect.poll(() => server.seen.cancelled).toEqual(['job-1']);
    await expect.poll(() => send('tasks/get', task)).toMatchObject({ status: 'cancelled' });
  });

  it('says why it has failed, or that it was cancelled there', async () => {
    server.stand({ status: 'failed', error: { code: -32050, message: 'out of fuel' } });
    expect(await send('tools/call', job, {})).toMatchObject({ error: { code: -32050, message: 'out of fuel' } });
    server.stand({ status: 'cancelled' });
    expect(await send('tools/call', job, {})).toMatchObject({
      isError: true,
      _meta: { 'aip/error': { code: 'CANCELED' } },
    });
  });

  it('leaves the effect unknown when it does not know the task any more', async () => {
    const call = send('tools/call', job, {});
    await expect.poll(() => server.seen.polls).toBeGreaterThan(0);
    server.forget();
    expect(await call).toMatchObject({ isError: true, _meta: { 'aip/error': { code: 'EFFECT_UNKNOWN' } } });
  });

  it('is not taken at its word where nobody asked for a task', async () => {
    server.stand({ status: 'completed', resultType: 'complete', result: { resultType: 'task', content: [] } });
    expect(await send('tools/call', job, {})).toMatchObject({ content: [] });
    expect(server.seen.calls).toBe(1);
  });
});
