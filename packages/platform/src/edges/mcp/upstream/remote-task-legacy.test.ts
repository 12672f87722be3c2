import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { ElicitRequestSchema, LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, it } from 'vitest';
import type { Call } from '../../../exchange/index.ts';
import { oneShot } from '../../../exchange/sessions.ts';
import {
  startLegacyTaskServer,
  type LegacyTaskServer,
  type LegacyTaskServerOptions,
} from '../legacy-task-server.testing.ts';
import { connectV1, connectV2, createTestGateway, post, type TestGateway } from '../testing.ts';

const TASKS = 'io.modelcontextprotocol/tasks';
const RELATED = 'io.modelcontextprotocol/related-task';
const capabilities = { elicitation: { form: {} }, extensions: { [TASKS]: {} } };

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0).toReversed()) await item[Symbol.asyncDispose]();
});

let server: LegacyTaskServer;
let gateway: TestGateway;
async function setup(options?: LegacyTaskServerOptions): Promise<void> {
  open.push((server = await startLegacyTaskServer(options)));
  open.push((gateway = await createTestGateway({ servers: { jobs: { url: server.url } } })));
}

const send = async (method: string, params: JsonObject, can: JsonObject = {}): Promise<JsonObject> => {
  const { body } = await post(`${gateway.url}/mcp`, method, params, { capabilities: can });
  return (body['result'] ?? body) as JsonObject;
};
const call = (name: string) => ({ name: `jobs_${name}`, arguments: {} });
const job = call('job');
const form = { action: 'accept', content: {} } as const;
const methods = (): string[] => server.seen.map(({ method }) => method);

/** The job called by who can be asked nothing, at the exchange itself. */
async function called(more: { deadline?: number }): Promise<Call> {
  const { exchange } = gateway;
  const principal = exchange.authenticate({ kind: 'bearer', token: 'bob' });
  const session = oneShot({ principal, edge: 'http' }, Date.now());
  const body = { type: 'data', value: {} } as const;
  return exchange.send(session, { to: 'tool:jobs/job', action: 'call', body, accepts: {}, ...more });
}

async function began(): Promise<string> {
  await expect.poll(() => server.tasks()).toHaveLength(1);
  return server.tasks()[0]!.taskId;
}

describe(`a tool that a server of 2025-11-25 runs as a task ${claim('P-MCP-GW.legacy-tasks')}`, () => {
  it('is followed to its result for whoever takes no tasks, and says how far it has come', async () => {
    await setup();
    const client = await connectV2(`${gateway.url}/mcp`, 'auto');
    const heard: unknown[] = [];
    const onprogress = ({ message }: { message?: string | undefined }): void => void heard.push(message);
    const result = client.callTool(job, { onprogress });
    const taskId = await began();
    await server.say(taskId, 'working', 'compiling');
    await expect.poll(() => heard).toEqual(['compiling']);
    await server.finish(taskId);
    const { content, _meta } = await result;
    expect(content).toEqual([{ type: 'text', text: 'built' }]);
    // Which task it was is between the server and the gateway.
    expect(_meta ?? {}).not.toHaveProperty(RELATED);
    expect(server.seen.find(({ method }) => method === 'tools/call')?.params['task']).toEqual({ ttl: 86_400_000 });
    await client.close();
  });

  it('is offered to everybody, as a task and as an ordinary call', async () => {
    await setup();
    const client = await connectV1(`${gateway.url}/mcp`);
    const { tools } = await client.listTools();
    const supports = tools.map(({ name, execution }) => [name, execution?.taskSupport]);
    expect(supports).toContainEqual(['jobs_job', 'optional']);
    expect(supports).toContainEqual(['jobs_quick', 'optional']);
    await client.close();
    expect(await send('tools/call', call('quick'))).toMatchObject({ content: [{ text: 'at once' }] });
    expect(await send('tools/call', call('plain'))).toMatchObject({ content: [{ text: 'no task' }] });
    const sent = server.seen.filter(({ method }) => method === 'tools/call');
    expect(sent.map(({ params }) => [params['name'], 'task' in params])).toEqual([
      ['quick', true],
      ['plain', false],
    ]);
  });

  it('is a task here as well, for a client that takes them', async () => {
    await setup();
    const created = await send('tools/call', job, capabilities);
    expect(created).toMatchObject({ resultType: 'task', status: 'working' });
    const task = { taskId: created['taskId']! };
    const taskId = await began();
    expect(task.taskId).not.toBe(taskId);
    await server.finish(taskId);
    await expect
      .poll(() => send('tasks/get', task, capabilities))
      .toMatchObject({ status: 'completed', result: { content: [{ text: 'built' }] } });
  });

  it('asks its caller in the middle, while other calls of the same caller go on', async () => {
    await setup();
    const client = await connectV1(`${gateway.url}/mcp`, { elicitation: { form: {} } });
    const { promise: answered, resolve: answer } = Promise.withResolvers<typeof form>();
    const asked: unknown[] = [];
    const logged: unknown[] = [];
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void logged.push(params.data));
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      asked.push(params);
      return answered;
    });
    const asking = client.callTool(call('ask'));
    await expect.poll(() => asked).toMatchObject([{ message: 'Sure?' }]);
    expect(logged).toEqual(['about to ask']);
    expect(asked[0]).not.toHaveProperty(['_meta', RELATED]);
    expect(server.tasks()).toMatchObject([{ status: 'input_required' }]);
    // One connection for this caller, and nobody waits for a task on it.
    const running = client.callTool(job);
    await expect.poll(() => server.tasks()).toHaveLength(2);
    await server.finish(server.tasks()[1]!.taskId);
    expect(await running).toMatchObject({ content: [{ text: 'built' }] });
    answer(form);
    const { content } = await asking;
    const heard = JSON.parse((content as { text: string }[])[0]!.text) as JsonObject;
    expect(heard).toMatchObject({ ...form, _meta: { [RELATED]: { taskId: server.tasks()[0]!.taskId } } });
    await client.close();
  });

  it('is told when its caller gives up, and when the deadline has passed', async () => {
    await setup();
    const created = await send('tools/call', job, capabilities);
    await began();
    await send('tasks/cancel', { taskId: created['taskId']! }, capabilities);
    await expect.poll(() => server.tasks()).toMatchObject([{ status: 'cancelled' }]);
    await called({ deadline: Date.now() + 400 });
    await expect.poll(() => server.tasks()).toMatchObject([{}, { status: 'cancelled' }]);
    // No longer than it is of use, and long enough to be fetched from a server that was away.
    expect(server.tasks()[1]!.ttl).toBeGreaterThan(600_000);
    expect(server.tasks()[1]!.ttl).toBeLessThanOrEqual(600_400);
  });

  it('says why it has failed, or that it was cancelled there', async () => {
    await setup();
    const failing = send('tools/call', job);
    await server.finish(await began(), { content: [{ type: 'text', text: 'out of fuel' }], isError: true });
    expect(await failing).toMatchObject({ isError: true, content: [{ text: 'out of fuel' }] });
    // The official SDK has no result for this one: what it says instead is its error.
    const broken = send('tools/call', job);
    await expect.poll(() => server.tasks()).toHaveLength(2);
    await server.say(server.tasks()[1]!.taskId, 'failed', 'lost');
    expect(await broken).toMatchObject({ error: { message: expect.stringContaining('no result stored') } });
    const cancelled = send('tools/call', job);
    await expect.poll(() => server.tasks()).toHaveLength(3);
    await server.say(server.tasks()[2]!.taskId, 'cancelled', 'Enough.');
    expect(await cancelled).toMatchObject({ isError: true, _meta: { 'aip/error': { code: 'CANCELED' } } });
  });

  it('is looked at when the server says that it stands otherwise', async () => {
    await setup({ pollInterval: 60_000 });
    const client = await connectV2(`${gateway.url}/mcp`, 'auto');
    const heard: unknown[] = [];
    const onprogress = ({ message }: { message?: string | undefined }): void => void heard.push(message);
    const result = client.callTool(job, { onprogress });
    const taskId = await began();
    await expect.poll(methods).toContain('tasks/get');
    // Progress of the call goes on under its token after the call has been answered with a task.
    const { _meta } = server.seen.find(({ method }) => method === 'tools/call')!.params as JsonObject;
    const { progressToken } = _meta as JsonObject;
    await server.notify('notifications/progress', { progressToken, progress: 1, message: 'a third' });
    await expect.poll(() => heard).toEqual(['a third']);
    await server.say(taskId, 'working', 'compiling');
    await server.notify('notifications/tasks/status', { ...server.tasks()[0]! });
    await expect.poll(() => heard).toEqual(['a third', 'compiling']);
    await server.say(taskId, 'cancelled', 'Enough.');
    await server.notify('notifications/tasks/status', { ...server.tasks()[0]! });
    expect(await result).toMatchObject({ isError: true });
    await client.close();
  });

  it('outlives the connection, and is begun once', async () => {
    await setup();
    const plain = send('tools/call', job);
    await began();
    const client = await connectV1(`${gateway.url}/mcp`, { elicitation: { form: {} } });
    // One on the connection of everybody, one on that of a caller who can be asked.
    const asked = client.callTool(job);
    await expect.poll(() => server.tasks()).toHaveLength(2);
    await expect.poll(() => methods().filter((method) => method === 'tasks/result')).toHaveLength(2);
    await server.crash();
    await server.revive();
    for (const { taskId } of server.tasks()) await server.finish(taskId);
    for (const result of [plain, asked]) expect(await result).toMatchObject({ content: [{ text: 'built' }] });
    expect(server.tasks()).toHaveLength(2);
    await client.close();
  });

  it('outlives requests that are cut, though the server keeps it to its session', async () => {
    await setup({ bound: true });
    const client = await connectV1(`${gateway.url}/mcp`, { elicitation: { form: {} } });
    const results = [send('tools/call', job), client.callTool(job)];
    await expect.poll(() => server.tasks()).toHaveLength(2);
    server.hangUp(true);
    await expect.poll(() => server.hangUp(true)).toBeGreaterThan(1);
    server.hangUp(false);
    for (const { taskId } of server.tasks()) await server.finish(taskId);
    for (const result of results) expect(await result).toMatchObject({ content: [{ text: 'built' }] });
    await client.close();
  });

  it('asks nobody for a task that is not there', async () => {
    await setup();
    const client = await connectV1(`${gateway.url}/mcp`, { elicitation: { form: {} } });
    let asked = 0;
    client.setRequestHandler(ElicitRequestSchema, () => {
      asked++;
      return form;
    });
    expect(await client.callTool(call('wonder'))).toMatchObject({ content: [{ text: JSON.stringify(form) }] });
    expect(await client.callTool(call('stray'))).toMatchObject({ isError: true });
    expect(asked).toBe(1);
    await client.close();
  });

  it('stays on the connection that it was made on, whichever of its caller’s are free by then', async () => {
    const { promise: mayMake, resolve: make } = Promise.withResolvers<void>();
    await setup({ bound: true, mayMake });
    const client = await connectV1(`${gateway.url}/mcp`, { elicitation: { form: {} } });
    const { promise: answered, resolve: answer } = Promise.withResolvers<typeof form>();
    const asked = Promise.withResolvers<void>();
    client.setRequestHandler(ElicitRequestSchema, () => {
      asked.resolve();
      return answered;
    });
    const wondering = client.callTool(call('wonder'));
    await asked.promise;
    const running = client.callTool(job);
    await expect.poll(() => methods().filter((method) => method === 'tools/call')).toHaveLength(2);
    answer(form);
    await wondering;
    make();
    await server.finish(await began());
    expect(await running).toMatchObject({ content: [{ text: 'built' }] });
    await client.close();
  });

  it('is cancelled though it was only being made when its caller gave up', async () => {
    const { promise: mayMake, resolve: make } = Promise.withResolvers<void>();
    await setup({ mayMake });
    const making = await called({});
    await expect.poll(methods).toContain('tools/call');
    making.cancel('caller');
    make();
    await expect.poll(() => server.tasks()).toMatchObject([{ status: 'cancelled' }]);
  });

  it('has its result once that has come, though its server lets it go by then', async () => {
    await setup({ letsGo: true });
    const result = send('tools/call', job);
    await server.finish(await began());
    expect(await result).toMatchObject({ content: [{ text: 'built' }] });
  });

  it('leaves the effect unknown when its server does not know it any more', async () => {
    await setup();
    const result = send('tools/call', job);
    await began();
    server.forget();
    expect(await result).toMatchObject({ isError: true, _meta: { 'aip/error': { code: 'EFFECT_UNKNOWN' } } });
  });

  it('is not made one where the server does not declare it', async () => {
    await setup({ declares: false });
    await send('tools/call', job);
    const sent = server.seen.find(({ method }) => method === 'tools/call');
    expect(sent?.params).not.toHaveProperty('task');
  });
});
