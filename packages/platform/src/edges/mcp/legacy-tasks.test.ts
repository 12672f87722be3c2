import { claim } from '@aip/conformance';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  CallToolResultSchema,
  CreateTaskResultSchema,
  ElicitRequestSchema,
  TaskStatusNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectV1, createTestGateway, type TestGateway } from './testing.ts';

let gateway: TestGateway;
let client: Client;
let finish: () => void;
beforeEach(async () => {
  gateway = await createTestGateway();
  gateway.agent('slow', 'work', async function* () {
    yield { type: 'progress', progress: 1, message: 'half of it' };
    await new Promise<void>((resolve) => (finish = resolve));
    yield { type: 'done', body: { type: 'text', value: 'worth it' } };
  });
  gateway.agent('broken', 'work', async function* () {
    yield { type: 'done', body: { type: 'mcp', value: { content: [{ type: 'text', text: 'no' }], isError: true } } };
  });
  gateway.agent('curious', 'work', async function* (call) {
    const answer = call.answer('name');
    const body = { mode: 'form', message: 'Who?', requestedSchema: { type: 'object', properties: {} } };
    yield { type: 'asked', ask: { id: 'name', of: 'caller', kind: 'elicitation', body } };
    yield { type: 'done', body: { type: 'data', value: (await answer).value as never } };
  });
  client = await connectV1(`${gateway.url}/mcp`, { elicitation: { form: {} } });
  await client.listTools();
});
afterEach(async () => {
  await client.close();
  await gateway[Symbol.asyncDispose]();
});

const stream = (name: string) =>
  client.experimental.tasks.callToolStream({ name, arguments: {} }, CallToolResultSchema, { task: {} });

/** The task of a call, left to itself. */
async function begin(name: string): Promise<string> {
  for await (const message of stream(name)) if (message.type === 'taskCreated') return message.task.taskId;
  throw new Error('No task was created.');
}

describe(`the experimental tasks of 2025-11-25, for the official v1 client ${claim('P-MCP.legacy-tasks')}`, () => {
  it('are offered for every tool that makes a task', async () => {
    expect(client.getServerCapabilities()?.tasks).toEqual({ list: {}, cancel: {}, requests: { tools: { call: {} } } });
    const { tools } = await client.listTools();
    const supports = (name: string) => tools.find((tool) => tool.name === name)?.execution?.taskSupport;
    expect(supports('slow_work')).toBe('optional');
    expect(supports('aip_tasks_get')).toBeUndefined();
  });

  it('say how a call stands, and give its result in the end', async () => {
    const seen: unknown[] = [];
    const whole = (async () => {
      for await (const message of stream('slow_work')) {
        if (message.type === 'taskStatus') seen.push(message.task.statusMessage);
        if (message.type === 'result') return message.result;
        if (message.type === 'error') throw message.error;
      }
      return undefined;
    })();
    await expect.poll(() => seen, { timeout: 4_000 }).toContain('half of it');
    finish();
    expect(await whole).toMatchObject({ content: [{ text: 'worth it' }] });
  });

  it('wait for their end when the result is asked for, and keep it', async () => {
    const taskId = await begin('slow_work');
    expect(await client.experimental.tasks.getTask(taskId)).toMatchObject({ taskId, status: 'working', ttl: null });
    const result = client.experimental.tasks.getTaskResult(taskId, CallToolResultSchema);
    finish();
    expect(await result).toMatchObject({
      content: [{ text: 'worth it' }],
      _meta: { 'io.modelcontextprotocol/related-task': { taskId } },
    });
    const another = await connectV1(`${gateway.url}/mcp`);
    expect(await another.experimental.tasks.getTaskResult(taskId, CallToolResultSchema)).toMatchObject({
      content: [{ text: 'worth it' }],
    });
    expect((await another.experimental.tasks.listTasks()).tasks).toMatchObject([{ taskId, status: 'completed' }]);
    await another.close();
  });

  it('ask their caller while it waits for the result', async () => {
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      expect(params._meta).toMatchObject({ 'io.modelcontextprotocol/related-task': {} });
      return { action: 'accept', content: { name: 'Ada' } };
    });
    const taskId = await begin('curious_work');
    await expect.poll(() => client.experimental.tasks.getTask(taskId)).toMatchObject({ status: 'input_required' });
    expect(await client.experimental.tasks.getTaskResult(taskId, CallToolResultSchema)).toMatchObject({
      structuredContent: { action: 'accept', content: { name: 'Ada' } },
    });
  });

  it('fail when their tool says that it failed, and can be cancelled until they end', async () => {
    const broken = await begin('broken_work');
    await expect.poll(() => client.experimental.tasks.getTask(broken)).toMatchObject({ status: 'failed' });
    expect(await client.experimental.tasks.getTaskResult(broken, CallToolResultSchema)).toMatchObject({
      isError: true,
    });
    const slow = await begin('slow_work');
    expect(await client.experimental.tasks.cancelTask(slow)).toMatchObject({ taskId: slow, status: 'cancelled' });
    await expect(client.experimental.tasks.cancelTask(slow)).rejects.toMatchObject({ code: -32602 });
    await expect(client.experimental.tasks.getTaskResult(slow, CallToolResultSchema)).rejects.toThrow(/canceled/);
  });

  it('tell the session that made them, and no other, whenever they stand otherwise', async () => {
    const heard: unknown[] = [];
    const another = await connectV1(`${gateway.url}/mcp`);
    const overheard: unknown[] = [];
    for (const [listener, to] of [
      [client, heard],
      [another, overheard],
    ] as const)
      listener.setNotificationHandler(TaskStatusNotificationSchema, ({ params }) => void to.push(params));
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: {} }));
    const curious = await begin('curious_work');
    await expect.poll(() => heard).toMatchObject([{ taskId: curious, status: 'input_required', ttl: null }]);
    await client.experimental.tasks.getTaskResult(curious, CallToolResultSchema);
    await expect.poll(() => heard.slice(1)).toMatchObject([{ status: 'working' }, { status: 'completed' }]);
    const broken = await begin('broken_work');
    await expect.poll(() => heard.slice(3)).toMatchObject([{ taskId: broken, status: 'failed' }]);
    const slow = await begin('slow_work');
    await client.experimental.tasks.cancelTask(slow);
    await expect.poll(() => heard.slice(4)).toMatchObject([{ taskId: slow, status: 'cancelled' }]);
    // Progress alone is not told of.
    expect(heard).toHaveLength(5);
    expect(overheard).toEqual([]);
    await another.close();
  });

  it('are told of as many at a time as one session may follow, and of the next when one has ended', async () => {
    const ends = new Map<unknown, () => void>();
    gateway.agent('keen', 'work', async function* ({ message }) {
      await new Promise<void>((resolve) => ends.set((message.body.value as { n: number }).n, resolve));
      yield { type: 'done', body: { type: 'text', value: 'done' } };
    });
    const told = new Set<string>();
    client.setNotificationHandler(TaskStatusNotificationSchema, ({ params }) => void told.add(params.taskId));
    const start = async (n: number): Promise<string> => {
      const params = { name: 'keen_work', arguments: { n }, task: {} };
      return (await client.request({ method: 'tools/call', params }, CreateTaskResultSchema)).task.taskId;
    };
    const tasks: string[] = [];
    for (let n = 0; n < 257; n++) tasks.push(await start(n));
    ends.get(256)!();
    await gateway.exchange.call('default', tasks[256]!)!.ended;
    ends.get(0)!();
    await expect.poll(() => [...told]).toEqual([tasks[0]]);
    const next = await start(257);
    await expect.poll(() => ends.has(257)).toBe(true);
    ends.get(257)!();
    await expect.poll(() => [...told]).toEqual([tasks[0], next]);
    for (const end of ends.values()) end();
  });

  it('say what is wrong with a request, and not that something went wrong inside', async () => {
    await expect(client.experimental.tasks.listTasks('nonsense')).rejects.toMatchObject({
      code: -32602,
      message: expect.stringContaining('cursor'),
      data: { code: 'INVALID_ARGUMENT' },
    });
  });

  it('are nobody else’s, and none of what is not there', async () => {
    await expect(client.experimental.tasks.getTask('none')).rejects.toMatchObject({ code: -32602 });
    const messages = [];
    for await (const message of stream('nothing_here')) messages.push(message);
    expect(messages).toMatchObject([{ type: 'error', error: { message: expect.stringContaining('Unknown tool') } }]);
  });
});
