import { TaskState, type AgentCard, type StreamResponse, type Task } from '@a2a-js/sdk';
import { ClientFactory, DefaultAgentCardResolver, JsonRpcTransportFactory, type Client } from '@a2a-js/sdk/client';
import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { text, textOf } from '../../kernel/body.ts';
import { send, startGateway, type Gateway } from './testing.ts';

/** Clients of A2A 0.3, on the same URL. */

let gateway: Gateway;
let client: Client;
let card: JsonObject;

beforeAll(async () => {
  gateway = await startGateway();
  await gateway.agent('echo', [{ name: 'echo' }], async function* (call) {
    const said = textOf(call.message.body);
    if (said === 'wait') await new Promise((_resolve, reject) => call.signal.addEventListener('abort', reject));
    yield { type: 'working', body: text('listening') };
    yield { type: 'done', body: text(said) };
  });
  const response = await fetch(`${gateway.url}/a2a/echo/.well-known/agent-card.json`, {
    headers: { 'a2a-version': '0.3' },
  });
  card = (await response.json()) as JsonObject;
  const fetchImpl: typeof fetch = (input, init) =>
    fetch(input, { ...init, headers: { ...(init?.headers as Record<string, string>), authorization: 'Bearer alice' } });
  const legacyCompat = { enabled: true };
  const factory = new ClientFactory({
    transports: [new JsonRpcTransportFactory({ fetchImpl, legacyCompat })],
    cardResolver: new DefaultAgentCardResolver({ legacyCompat }),
  });
  client = await factory.createFromAgentCard(card as unknown as AgentCard);
});
afterAll(() => gateway[Symbol.asyncDispose]());

const blocking = (words: string, more: Parameters<typeof send>[1] = {}) => client.sendMessage(send(words, more));

async function post(body: JsonObject, version?: string): Promise<JsonObject> {
  const headers = {
    authorization: 'Bearer alice',
    'content-type': 'application/json',
    ...(version === undefined ? {} : { 'a2a-version': version }),
  };
  const response = await fetch(`${gateway.url}/a2a/echo`, { method: 'POST', headers, body: JSON.stringify(body) });
  return (await response.json()) as JsonObject;
}

describe(`A2A 0.3 ${claim('P-A2A.version')}`, () => {
  it('has a card of its own shape for those who ask for it', () => {
    expect(card).toMatchObject({
      protocolVersion: '0.3.0',
      preferredTransport: 'JSONRPC',
      url: expect.stringContaining('/a2a/did:key:') as string,
      skills: [{ id: 'echo' }],
    });
    expect(client.protocolVersion).toBe('0.3');
  });

  it('sends, reads, streams and cancels', async () => {
    const task = (await blocking('hello')) as Task;
    expect(task.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
    expect(task.artifacts[0]?.parts[0]?.content?.value).toBe('hello');
    expect((await client.getTask({ tenant: '', id: task.id })).id).toBe(task.id);

    const seen: StreamResponse[] = [];
    for await (const event of client.sendMessageStream(send('hi'))) seen.push(event);
    expect(seen.map(({ payload }) => payload?.$case)).toEqual([
      'task',
      'statusUpdate',
      'artifactUpdate',
      'statusUpdate',
    ]);

    const waiting = (await blocking('wait', { returnImmediately: true })) as Task;
    expect((await client.cancelTask({ tenant: '', id: waiting.id, metadata: undefined })).id).toBe(waiting.id);
  });

  it('is what a request without a version means, in the words of 0.3', async () => {
    const message = { kind: 'message', messageId: 'old-1', role: 'user', parts: [{ kind: 'text', text: 'hi' }] };
    const answer = await post({
      jsonrpc: '2.0',
      id: 1,
      method: 'message/send',
      params: { message, configuration: { blocking: true } },
    });
    expect(answer).toMatchObject({
      id: 1,
      result: { kind: 'task', status: { state: 'completed' }, artifacts: [{ parts: [{ kind: 'text', text: 'hi' }] }] },
    });
  });

  it('refuses with the codes of 0.3', async () => {
    const ask = (method: string, params: JsonObject) => post({ jsonrpc: '2.0', id: 1, method, params }, '0.3');
    expect(await ask('tasks/get', { id: 'nope' })).toMatchObject({ error: { code: -32001 } });
    expect(await ask('tasks/resubscribe', { id: 'nope' })).toMatchObject({ id: 1, error: { code: -32001 } });
    expect(
      await ask('tasks/pushNotificationConfig/set', {
        taskId: 'x',
        pushNotificationConfig: { url: 'https://example.com' },
      }),
    ).toMatchObject({ error: { code: -32003 } });
    expect(await ask('message/send', { message: 5 })).toMatchObject({ error: { code: -32602 } });
    expect(await ask('message/stream', {})).toMatchObject({ error: { code: -32602 } });
    expect(await ask('tasks/coffee', {})).toMatchObject({ error: { code: -32601 } });
    expect(await post({ jsonrpc: '2.0', id: 1, method: 'message/send', params: {} }, '1.0')).toMatchObject({
      error: { code: -32601 },
    });
  });

  it('hands a message on to a task that asked', async () => {
    await gateway.agent('asker', [], async function* (call) {
      yield { type: 'asked', ask: { id: 'a', of: 'caller', kind: 'input', body: { message: 'Which?' } } };
      yield { type: 'done', body: { type: 'a2a', value: { parts: [{ text: textOf(await call.answer('a')) }] } } };
    });
    const url = `${gateway.url}/a2a/asker`;
    const ask = async (message: JsonObject) => {
      const body = {
        jsonrpc: '2.0',
        id: 1,
        method: 'message/send',
        params: {
          configuration: { blocking: true },
          message: { kind: 'message', role: 'user', parts: [{ kind: 'text', text: 'this' }], ...message },
        },
      };
      const response = await fetch(url, {
        method: 'POST',
        headers: { authorization: 'Bearer alice', 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return ((await response.json()) as { result: { id: string; status: { state: string } } }).result;
    };
    const asked = await ask({ messageId: 'q' });
    expect(asked.status.state).toBe('input-required');
    expect((await ask({ messageId: 'r', taskId: asked.id })).status.state).toBe('completed');
  });
});
