import { parseSseStream, type AgentCard } from '@a2a-js/sdk';
import {
  AgentEvent,
  DefaultRequestHandler,
  InMemoryTaskStore,
  JsonRpcTransportHandler,
  ServerCallContext,
  type AgentExecutor,
} from '@a2a-js/sdk/server';
import { claim } from '@aip/conformance';
import type { Json, JsonObject } from '@aip/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { text } from '../../kernel/body.ts';
import { startGateway, type Gateway } from './testing.ts';

/** The same requests to the official server with an equivalent agent and to this edge: the answers have the same shape. */

const part = (value: string) => ({
  content: { $case: 'text' as const, value },
  metadata: undefined,
  filename: '',
  mediaType: '',
});

/** submitted, working with a message, an artifact in two pieces, completed. */
const executor: AgentExecutor = {
  async execute({ taskId, contextId, userMessage }, bus) {
    const place = { taskId, contextId };
    const status = (state: number, say?: string) =>
      AgentEvent.statusUpdate({
        ...place,
        metadata: undefined,
        status: {
          state,
          timestamp: new Date().toISOString(),
          message:
            say === undefined
              ? undefined
              : {
                  ...place,
                  messageId: crypto.randomUUID(),
                  role: 2,
                  parts: [part(say)],
                  metadata: undefined,
                  extensions: [],
                  referenceTaskIds: [],
                },
        },
      });
    const artifact = (value: string, append: boolean) =>
      AgentEvent.artifactUpdate({
        ...place,
        append,
        lastChunk: append,
        metadata: undefined,
        artifact: {
          artifactId: 'story',
          name: 'story.txt',
          description: '',
          parts: [part(value)],
          metadata: undefined,
          extensions: [],
        },
      });
    bus.publish(
      AgentEvent.task({
        id: taskId,
        contextId,
        artifacts: [],
        history: [userMessage],
        metadata: undefined,
        status: { state: 1, message: undefined, timestamp: new Date().toISOString() },
      }),
    );
    bus.publish(status(2, 'writing'));
    bus.publish(artifact('Once ', false));
    bus.publish(artifact('upon', true));
    bus.publish(status(3));
  },
  async cancelTask() {},
};

const capabilities = { streaming: true, pushNotifications: false, extensions: [], extendedAgentCard: false };
const interfaces = [{ url: 'http://localhost', protocolBinding: 'JSONRPC', protocolVersion: '1.0', tenant: '' }];
const card = {
  name: 'writer',
  description: '',
  version: '1',
  supportedInterfaces: interfaces,
  capabilities,
  skills: [],
} as unknown as AgentCard;
const official = new JsonRpcTransportHandler(new DefaultRequestHandler(card, new InMemoryTaskStore(), executor));

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
  await gateway.agent('writer', [], async function* () {
    yield { type: 'working', body: text('writing') };
    yield { type: 'output', artifactId: 'story', name: 'story.txt', body: text('Once ') };
    yield { type: 'output', artifactId: 'story', name: 'story.txt', append: true, last: true, body: text('upon') };
    yield { type: 'done', body: text('') };
  });
});
afterAll(() => gateway[Symbol.asyncDispose]());

type Ask = (request: JsonObject) => Promise<JsonObject[]>;

const askOfficial: Ask = async (request) => {
  const answer = await official.handle(structuredClone(request), new ServerCallContext({ requestedVersion: '1.0' }));
  if (!(Symbol.asyncIterator in answer)) return [answer as unknown as JsonObject];
  const seen: JsonObject[] = [];
  try {
    for await (const event of answer) seen.push(event as unknown as JsonObject);
  } catch (error) {
    seen.push({
      jsonrpc: '2.0',
      id: request['id'] as Json,
      error: JsonRpcTransportHandler.mapToJSONRPCError(error) as unknown as JsonObject,
    });
  }
  return seen;
};

const askOurs: Ask = async (request) => {
  const headers = { authorization: 'Bearer alice', 'a2a-version': '1.0', 'content-type': 'application/json' };
  const response = await fetch(`${gateway.url}/a2a/writer`, { method: 'POST', headers, body: JSON.stringify(request) });
  if (response.headers.get('content-type') !== 'text/event-stream') return [(await response.json()) as JsonObject];
  const seen: JsonObject[] = [];
  for await (const event of parseSseStream(response)) seen.push(JSON.parse(event.data) as JsonObject);
  return seen;
};

/** What two servers may say differently: identifiers, times, the words and facts of an error. */
const FREE: ReadonlySet<string> = new Set(['id', 'taskId', 'contextId', 'messageId', 'timestamp', 'nextPageToken']);

function shape(value: Json, key = ''): Json {
  if (Array.isArray(value)) return value.map((item) => shape(item));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(
      ([name]) =>
        !(name === 'domain' || (name === 'metadata' && '@type' in value) || (name === 'message' && 'code' in value)),
    );
    return Object.fromEntries(entries.map(([name, item]) => [name, shape(item, name)]));
  }
  return FREE.has(key) ? `<${typeof value}>` : value;
}

let ids = 0;
const message = (more: JsonObject = {}): JsonObject => ({
  messageId: `d-${ids++}`,
  role: 'ROLE_USER',
  parts: [{ text: 'write' }],
  ...more,
});
const request = (method: string, params?: Json, more: JsonObject = {}): JsonObject => ({
  jsonrpc: '2.0',
  id: 1,
  method,
  ...(params === undefined ? {} : { params }),
  ...more,
});

async function compare(make: (task: string, context: string) => JsonObject): Promise<void> {
  const answers: Json[] = [];
  for (const ask of [askOfficial, askOurs]) {
    const [first] = await ask(request('SendMessage', { message: message() }));
    const { id, contextId } = (first as { result: { task: { id: string; contextId: string } } }).result.task;
    answers.push(shape(await ask(make(id, contextId))));
  }
  expect(answers[1]).toEqual(answers[0]);
}

describe(`the same as the official server ${claim('P-A2A.official')}`, () => {
  it.each<[string, (task: string, context: string) => JsonObject]>([
    ['a blocking send', () => request('SendMessage', { message: message() })],
    [
      'a blocking send without history',
      () => request('SendMessage', { message: message(), configuration: { historyLength: 0 } }),
    ],
    ['a send in a known context', (_task, contextId) => request('SendMessage', { message: message({ contextId }) })],
    ['a stream', () => request('SendStreamingMessage', { message: message() })],
    ['GetTask', (id) => request('GetTask', { id })],
    ['GetTask with some history', (id) => request('GetTask', { id, historyLength: 1 })],
    ['ListTasks of one context', (_id, contextId) => request('ListTasks', { contextId, historyLength: 0 })],
    [
      'ListTasks with artifacts',
      (_id, contextId) => request('ListTasks', { contextId, historyLength: 5, includeArtifacts: true }),
    ],
    ['ListTasks that finds nothing', () => request('ListTasks', { contextId: 'nowhere' })],
    ['a text as id of the request', (id) => request('GetTask', { id }, { id: 'abc' })],
    ['GetTask of an unknown task', () => request('GetTask', { id: 'nope' })],
    ['GetTask without an id', () => request('GetTask', {})],
    ['CancelTask of an ended task', (id) => request('CancelTask', { id })],
    ['CancelTask of an unknown task', () => request('CancelTask', { id: 'nope' })],
    ['SubscribeToTask of an ended task', (id) => request('SubscribeToTask', { id })],
    ['SubscribeToTask of an unknown task', () => request('SubscribeToTask', { id: 'nope' })],
    ['a message to an ended task', (taskId) => request('SendMessage', { message: message({ taskId }) })],
    ['a message to an unknown task', () => request('SendMessage', { message: message({ taskId: 'nope' }) })],
    [
      'a message without an id',
      () => request('SendMessage', { message: { role: 'ROLE_USER', parts: [{ text: 'x' }] } }),
    ],
    ['no message', () => request('SendMessage', {})],
    ['parameters that are none', () => request('SendMessage', 5)],
    ['a page that is too large', () => request('ListTasks', { pageSize: 101 })],
    [
      'push notifications',
      (taskId) => request('CreateTaskPushNotificationConfig', { taskId, url: 'https://example.com' }),
    ],
    ['the extended card', () => request('GetExtendedAgentCard', {})],
  ])('%s', (_what, make) => compare(make));
});
