import { claim } from '@aip/conformance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Call } from '../../exchange/index.ts';
import { text } from '../../kernel/body.ts';
import { startGateway, type Gateway } from './testing.ts';

/** Clients that ask for a stream, or for an answer, and leave while the agent is quiet. */

const HEADERS = { authorization: 'Bearer alice', 'content-type': 'application/json' };
const NEW = { ...HEADERS, 'a2a-version': '1.0' };

let gateway: Gateway;
let task: string;
/** Those who go through the events of a task at the moment. */
let listeners = 0;

beforeAll(async () => {
  gateway = await startGateway();
  const { exchange } = gateway;
  const { call, send } = exchange;
  const watched = (one: Call): Call =>
    Object.defineProperty(Object.create(one) as Call, 'events', {
      async *value(after?: number, listening?: AbortSignal) {
        listeners++;
        try {
          yield* one.events(after, listening);
        } finally {
          listeners--;
        }
      },
    });
  Object.assign(exchange, {
    call: (...args: Parameters<typeof call>) => {
      const found = call(...args);
      return found && watched(found);
    },
    send: async (...args: Parameters<typeof send>) => watched(await send(...args)),
  });
  await gateway.agent('quiet', [{ name: 'wait' }], async function* ({ signal }) {
    yield { type: 'output', body: text('a piece'), artifactId: 'result' };
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  });
  task = await started();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const message = (messageId: string = crypto.randomUUID()) => ({
  message: { messageId, role: 'ROLE_USER', parts: [{ text: 'go' }] },
});
const post = (path: string, body: unknown, signal?: AbortSignal, headers: Record<string, string> = NEW) =>
  fetch(gateway.url + path, { method: 'POST', headers, body: JSON.stringify(body), ...(signal ? { signal } : {}) });
const rpc = (method: string, params: unknown) => ({ jsonrpc: '2.0', id: 1, method, params });

async function started(): Promise<string> {
  const answer = await post('/a2a/quiet/message:send', { ...message(), configuration: { returnImmediately: true } });
  return ((await answer.json()) as { task: { id: string } }).task.id;
}

describe(`a client that leaves, ${claim('P-A2A.streams')}`, () => {
  it.each([
    ['subscribed', '/a2a/quiet/tasks/TASK:subscribe', {}],
    ['subscribed over JSON-RPC', '/a2a/quiet', rpc('SubscribeToTask', { id: 'TASK' })],
    ['subscribed in 0.3', '/a2a/quiet', rpc('tasks/resubscribe', { id: 'TASK' })],
    ['having sent and streamed', '/a2a/quiet/message:stream', message()],
    ['waiting for an answer', '/a2a/quiet/message:send', message()],
    ['waiting for an answer over JSON-RPC', '/a2a/quiet', rpc('SendMessage', message())],
  ])('%s, leaves nothing behind, though the task is quiet', async (_how, path, body) => {
    const leaving = new AbortController();
    const headers = JSON.stringify(body).includes('resubscribe') ? { ...HEADERS, 'a2a-version': '0.3' } : NEW;
    const named = (of: unknown): string => JSON.stringify(of).replace('TASK', task);
    const asked = post(path.replace('TASK', task), JSON.parse(named(body)), leaving.signal, headers);
    asked.catch(() => {});
    await expect.poll(() => listeners).toBe(1);
    // A stream has told how the task stands.
    if (!_how.startsWith('waiting')) await (await asked).body?.getReader().read();
    leaving.abort();
    await expect.poll(() => listeners).toBe(0);
    await expect.poll(() => gateway.exchange.sessions.size).toBe(0);
    expect(gateway.exchange.live.has(task)).toBe(true);
  });
});

it('a caller has so many streams, and others have theirs', async () => {
  const leaving = new AbortController();
  const subscribe = (token: string): Promise<Response> =>
    post(`/a2a/quiet/tasks/${task}:subscribe`, {}, leaving.signal, { ...NEW, authorization: `Bearer ${token}` });
  const open = await Promise.all(Array.from({ length: 200 }, () => subscribe('alice')));
  expect(new Set(open.map(({ status }) => status))).toEqual(new Set([200]));
  const refused = await subscribe('alice');
  expect(refused.status).toBe(429);
  expect(await refused.text()).toContain('200 A2A streams are open for you already');
  const stream = await post('/a2a/quiet/message:stream', message(), leaving.signal, {
    ...NEW,
    authorization: 'Bearer bob',
  });
  expect(stream.status).toBe(200);
  leaving.abort();
  await expect.poll(() => gateway.exchange.sessions.size).toBe(0);
  const again = new AbortController();
  expect((await post(`/a2a/quiet/tasks/${task}:subscribe`, {}, again.signal)).status).toBe(200);
  again.abort();
}, 20_000);
