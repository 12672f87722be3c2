import { parseSseStream } from '@a2a-js/sdk';
import { claim } from '@aip/conformance';
import { AipError, type JsonObject } from '@aip/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { passing, trusting } from '../../exchange/testing.ts';
import { text } from '../../kernel/body.ts';
import type { Credential } from '../../kernel/principal.ts';
import { startGateway, type Gateway } from './testing.ts';

/** What goes over the wire, seen without an SDK. */

let gateway: Gateway;
beforeAll(async () => {
  const authenticate = (credential: Credential) => {
    if (credential.kind !== 'bearer' || credential.token === 'expired')
      throw new AipError('UNAUTHENTICATED', 'Send a valid bearer token.');
    return trusting(credential);
  };
  gateway = await startGateway({
    slots: {
      authenticate,
      gate: {
        name: 'gate',
        admit: (crossing) =>
          crossing.message.to.endsWith('/flood')
            ? {
                verdict: 'deny',
                error: { code: 'RATE_LIMITED', message: 'Slow down.', retryable: true },
                record: false,
              }
            : passing('gate').admit(crossing),
      },
    },
  });
  await gateway.agent('echo', [{ name: 'echo' }, { name: 'flood' }], async function* (call) {
    yield { type: 'working', body: text('one') };
    yield { type: 'working', body: text('two') };
    yield { type: 'done', body: call.message.body };
  });
});
afterAll(() => gateway[Symbol.asyncDispose]());

const HEADERS = { authorization: 'Bearer alice', 'a2a-version': '1.0', 'content-type': 'application/json' };

async function post(path: string, body: unknown, headers: Record<string, string | undefined> = {}) {
  const all = Object.fromEntries(
    Object.entries({ ...HEADERS, ...headers }).filter(([, value]) => value !== undefined),
  ) as Record<string, string>;
  const response = await fetch(gateway.url + path, {
    method: 'POST',
    headers: all,
    body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
  });
  const answer = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (answer.startsWith('{') ? JSON.parse(answer) : answer) as JsonObject,
  };
}

let ids = 0;
const message = (more: JsonObject = {}) => ({
  message: { messageId: `m-${ids++}`, role: 'ROLE_USER', parts: [{ text: 'hi' }], ...more },
});
const rpc = (method: string, params?: unknown, more: JsonObject = {}) => ({
  jsonrpc: '2.0',
  id: 7,
  method,
  ...(params === undefined ? {} : { params }),
  ...more,
});

describe(`JSON-RPC ${claim('P-A2A.errors')}`, () => {
  it('answers under the id of the request, in ProtoJSON', async () => {
    const { status, headers, body } = await post('/a2a/echo', rpc('SendMessage', message()));
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
    expect(body).toMatchObject({
      jsonrpc: '2.0',
      id: 7,
      result: {
        task: {
          status: { state: 'TASK_STATE_COMPLETED' },
          artifacts: [{ artifactId: 'result', parts: [{ text: 'hi' }] }],
        },
      },
    });
  });

  it.each([
    ['no JSON', '{"jsonrpc":', -32700, null],
    ['a duplicate key', '{"jsonrpc":"2.0","id":7,"id":8,"method":"GetTask"}', -32700, null],
    ['a prototype', '{"jsonrpc":"2.0","id":7,"method":"GetTask","params":{"__proto__":{}}}', -32700, null],
    ['no UTF-8', Uint8Array.from([0x22, 0xff, 0x22]), -32700, null],
    ['a batch', [rpc('GetTask', { id: 'x' })], -32600, null],
    ['another version of JSON-RPC', { ...rpc('GetTask'), jsonrpc: '1.0' }, -32600, 7],
    ['an id that is none', { ...rpc('GetTask'), id: {} }, -32600, null],
    ['no method', { jsonrpc: '2.0', id: 7 }, -32600, 7],
    ['an unknown method', rpc('MakeCoffee', {}), -32601, 7],
    ['no parameters', rpc('SendMessage'), -32602, 7],
    ['an unknown task', rpc('GetTask', { id: 'nope' }), -32001, 7],
    ['push notifications', rpc('CreateTaskPushNotificationConfig', { taskId: 'x' }), -32003, 7],
    ['the extended card', rpc('GetExtendedAgentCard', {}), -32004, 7],
  ])('answers %s with its own code', async (_what, request, code, id) => {
    const { status, body } = await post('/a2a/echo', request);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      jsonrpc: '2.0',
      id,
      error: { code, data: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo' }] },
    });
  });

  it('names the A2A reason of an error and, for its own failures, the stable code', async () => {
    const missing = await post('/a2a/echo', rpc('GetTask', { id: 'nope' }));
    expect(missing.body).toMatchObject({ error: { data: [{ reason: 'TASK_NOT_FOUND', domain: 'a2a-protocol.org' }] } });
    const unknown = await post('/a2a/nobody', rpc('SendMessage', message()));
    expect(unknown.body).toMatchObject({
      error: {
        code: -32602,
        data: [{ reason: 'UNKNOWN_AGENT', domain: 'aip', metadata: { code: 'UNKNOWN_AGENT', retryable: 'false' } }],
      },
    });
  });

  it('streams numbered events, each a JSON-RPC response', async () => {
    const response = await fetch(`${gateway.url}/a2a/echo`, {
      method: 'POST',
      headers: HEADERS,
      body: JSON.stringify(rpc('SendStreamingMessage', message())),
    });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const raw = await response.text();
    expect(
      raw
        .split('\n\n')
        .filter(Boolean)
        .map((event) => [
          /^id: (\d+)$/m.exec(event)?.[1],
          Object.keys(JSON.parse(/^data: (.*)$/m.exec(event)?.[1] as string).result)[0],
        ]),
    ).toEqual([
      ['1', 'task'],
      ['2', 'statusUpdate'],
      ['3', 'statusUpdate'],
      [undefined, 'artifactUpdate'],
      ['4', 'statusUpdate'],
    ]);
    expect(raw).not.toContain('final');
  });
});

describe(`HTTP+JSON ${claim('P-A2A.errors')}`, () => {
  it('answers in application/a2a+json and takes both media types', async () => {
    for (const type of ['application/json', 'application/a2a+json', 'application/a2a+json; charset=utf-8']) {
      const { status, headers, body } = await post('/a2a/echo/message:send', message(), { 'content-type': type });
      expect([status, headers.get('content-type')]).toEqual([200, 'application/a2a+json; charset=utf-8']);
      expect(body).toMatchObject({ task: { status: { state: 'TASK_STATE_COMPLETED' } } });
    }
  });

  it.each([
    ['no JSON', '/a2a/echo/message:send', '{', 400, 'INVALID_ARGUMENT', 'INVALID_PARAMS'],
    [
      'a wrong field',
      '/a2a/echo/message:send',
      { message: { messageId: 1 } },
      400,
      'INVALID_ARGUMENT',
      'INVALID_PARAMS',
    ],
    ['an unknown task', '/a2a/echo/tasks/nope:cancel', {}, 404, 'NOT_FOUND', 'TASK_NOT_FOUND'],
    ['an unknown verb', '/a2a/echo/tasks/nope:eat', {}, 404, 'UNIMPLEMENTED', 'METHOD_NOT_FOUND'],
    ['an unknown agent', '/a2a/nobody/message:send', {}, 404, 'NOT_FOUND', 'UNKNOWN_AGENT'],
    [
      'push notifications',
      '/a2a/echo/tasks/nope/pushNotificationConfigs',
      {},
      400,
      'FAILED_PRECONDITION',
      'PUSH_NOTIFICATION_NOT_SUPPORTED',
    ],
    [
      'a rate limit',
      '/a2a/echo/message:send',
      message({ metadata: { skill: 'flood' } }),
      429,
      'RESOURCE_EXHAUSTED',
      'RATE_LIMITED',
    ],
  ])('answers %s as a google.rpc.Status', async (_what, path, request, code, status, reason) => {
    const answer = await post(path, request);
    expect(answer.status).toBe(code);
    expect(answer.body).toMatchObject({
      error: { code, status, details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason }] },
    });
  });

  it('takes list parameters from the query and refuses wrong ones', async () => {
    const get = async (path: string) =>
      (await fetch(gateway.url + path, { headers: HEADERS })).json() as Promise<JsonObject>;
    await post('/a2a/echo/message:send', message());
    const listed = await get(
      '/a2a/echo/tasks?pageSize=1&includeArtifacts=true&status=TASK_STATE_COMPLETED&historyLength=0',
    );
    expect(listed).toMatchObject({ pageSize: 1, tasks: [{ artifacts: [{}] }] });
    expect((listed['tasks'] as JsonObject[])[0]).not.toHaveProperty('history');
    expect(await get('/a2a/echo/tasks?contextId=unknown')).toEqual({
      tasks: [],
      nextPageToken: '',
      pageSize: 50,
      totalSize: 0,
    });
    for (const query of [
      'pageSize=x',
      'pageSize=0',
      'status=ASLEEP',
      'historyLength=-1',
      'includeArtifacts=perhaps',
      'statusTimestampAfter=soon',
      'pageToken=bogus',
      'tenant=other',
    ]) {
      expect(await get(`/a2a/echo/tasks?${query}`), query).toMatchObject({
        error: { code: 400, status: 'INVALID_ARGUMENT' },
      });
    }
  });
});

describe('both bindings', () => {
  it(`a request without a version counts as 0.3 and is told so; patch numbers do not matter ${claim('P-A2A.version')}`, async () => {
    const absent = await post('/a2a/echo', rpc('GetTask', { id: 'x' }), { 'a2a-version': undefined });
    expect(absent.body).toMatchObject({
      error: { code: -32009, message: expect.stringContaining('A2A-Version: 1.0') as string },
    });
    expect((await post('/a2a/echo/message:send', message(), { 'a2a-version': '' })).body).toMatchObject({
      error: { code: 400, details: [{ reason: 'VERSION_NOT_SUPPORTED' }] },
    });
    for (const version of ['0.4', '2.0', '1.1', 'one'])
      expect((await post('/a2a/echo', rpc('GetTask', { id: 'x' }), { 'a2a-version': version })).body).toMatchObject({
        error: { code: -32009 },
      });
    for (const version of ['1.0', '1.0.1', '1'])
      expect((await post('/a2a/echo', rpc('SendMessage', message()), { 'a2a-version': version })).body).toHaveProperty(
        'result',
      );
    expect(
      (await post('/a2a/echo?A2A-Version=1.0', rpc('SendMessage', message()), { 'a2a-version': undefined })).body,
    ).toHaveProperty('result');
  });

  it('a missing or wrong credential is 401 with a challenge', async () => {
    for (const authorization of [undefined, 'Basic abc', 'Bearer expired', 'Bearer']) {
      for (const path of ['/a2a/echo', '/a2a/echo/message:send']) {
        const { status, headers, body } = await post(path, rpc('SendMessage', message()), { authorization });
        expect([status, headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
        expect(JSON.stringify(body)).toContain('UNAUTHENTICATED');
      }
    }
  });

  it('a body that is too large or of another type is refused in the words of the binding', async () => {
    const large = JSON.stringify(rpc('SendMessage', message({ parts: [{ text: 'x'.repeat(1024 * 1024) }] })));
    expect((await post('/a2a/echo', large)).status).toBe(413);
    expect((await post('/a2a/echo/message:send', large)).body).toMatchObject({ error: { code: 413 } });
    expect(
      (await post('/a2a/echo', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' })).body,
    ).toMatchObject({ jsonrpc: '2.0', id: null, error: { code: -32005 } });
    expect((await post('/a2a/echo/message:send', 'a=b', { 'content-type': 'text/plain' })).body).toMatchObject({
      error: { code: 400, details: [{ reason: 'CONTENT_TYPE_NOT_SUPPORTED' }] },
    });
  });

  it.each([
    ['message', { message: 5 }],
    ['message.messageId', message({ messageId: '' })],
    ['message.messageId', message({ messageId: 'x'.repeat(257) })],
    ['message.role', message({ role: 'ROLE_AGENT' })],
    ['message.role', message({ role: 'user' })],
    ['message.parts', message({ parts: [] })],
    ['message.parts[0]', message({ parts: ['hi'] })],
    ['message.parts[0]', message({ parts: [{}] })],
    ['message.parts[1]', message({ parts: [{ text: 'a' }, { text: 'a', data: 1 }] })],
    ['message.parts[0].text', message({ parts: [{ text: 5 }] })],
    ['message.parts[0].raw', message({ parts: [{ raw: 'no base64!' }] })],
    ['message.parts[0].metadata', message({ parts: [{ text: 'a', metadata: [] }] })],
    ['message.metadata', message({ metadata: 'x' })],
    ['message.contextId', message({ contextId: 5 })],
    ['message.extensions[0]', message({ extensions: [1] })],
    ['configuration', { ...message(), configuration: [] }],
    ['configuration.historyLength', { ...message(), configuration: { historyLength: 1.5 } }],
    ['configuration.returnImmediately', { ...message(), configuration: { returnImmediately: 'yes' } }],
    ['tenant', { ...message(), tenant: 'other' }],
  ])('names the field that is wrong: %s', async (field, params) => {
    const { body } = await post('/a2a/echo', rpc('SendMessage', params));
    expect(body).toMatchObject({
      error: { code: -32602, message: expect.stringContaining(`${field}: expected`) as string },
    });
  });

  it('takes fields under their original names too, and every kind of part', async () => {
    const parts = [
      { text: 'a', media_type: 'text/plain' },
      { data: null },
      { data: { x: [1] } },
      { raw: 'aGk=', filename: 'hi' },
      { url: 'https://example.com/x' },
    ];
    const params = {
      message: {
        message_id: 'snake',
        context_id: 'snakes',
        role: 1,
        parts,
        reference_task_ids: ['t'],
        extensions: ['urn:x'],
      },
      configuration: { history_length: 1 },
    };
    const { body } = await post('/a2a/echo', rpc('SendMessage', params));
    expect(body).toMatchObject({ result: { task: { contextId: 'snakes', history: [{}] } } });
    const listed = await post(
      '/a2a/echo',
      rpc('ListTasks', { context_id: 'snakes', include_artifacts: true, history_length: 5 }),
    );
    expect((listed.body['result'] as { tasks: JsonObject[] }).tasks[0]).toMatchObject({
      history: [
        {
          messageId: 'snake',
          parts: [
            { text: 'a', mediaType: 'text/plain' },
            { data: null },
            { data: { x: [1] } },
            { raw: 'aGk=', filename: 'hi' },
            { url: 'https://example.com/x' },
          ],
          referenceTaskIds: ['t'],
          extensions: ['urn:x'],
        },
        {},
        {},
      ],
    });
  });

  it(`a stream resumes after the event that the client has seen last, even when the task has ended meanwhile ${claim('P-A2A.streams')}`, async () => {
    const opened = await fetch(`${gateway.url}/a2a/echo/message:stream`, {
      method: 'POST',
      headers: HEADERS,
      body: JSON.stringify(message()),
    });
    const events = [];
    for await (const event of parseSseStream(opened)) events.push(JSON.parse(event.data) as JsonObject);
    const { id } = (events[0] as { task: { id: string } }).task;
    const resume = async (lastSeen: number) => {
      const response = await fetch(`${gateway.url}/a2a/echo/tasks/${id}:subscribe`, {
        method: 'POST',
        headers: { ...HEADERS, 'last-event-id': String(lastSeen) },
      });
      const seen = [];
      for await (const event of parseSseStream(response)) seen.push(JSON.parse(event.data) as JsonObject);
      return seen;
    };
    const afterTwo = await resume(2);
    expect(afterTwo[0]).toMatchObject({
      task: { id, status: { state: 'TASK_STATE_WORKING', message: { parts: [{ text: 'one' }] } } },
    });
    expect(afterTwo.slice(1)).toEqual(events.slice(2));
    expect(await resume(4)).toMatchObject([{ task: { status: { state: 'TASK_STATE_COMPLETED' } } }]);
    expect(await resume(4_000)).toEqual(await resume(4));
  });
});

describe(`a stream ${claim('P-A2A.streams')}`, () => {
  it('can be subscribed to by GET as well, as a browser does', async () => {
    const { body } = await post('/a2a/echo/message:send', message());
    const { id } = (body as { task: { id: string } }).task;
    const response = await fetch(`${gateway.url}/a2a/echo/tasks/${id}:subscribe?A2A-Version=1.0`, {
      headers: { authorization: 'Bearer alice', 'last-event-id': '1' },
    });
    expect(await response.text()).toMatch(/^id: 1\ndata: \{"task"/);
  });

  it('ends with an error event when its session is closed from inside, as a kill does', async () => {
    await gateway.agent('idle', [], async function* () {
      yield { type: 'working' };
      await new Promise(() => {});
    });
    for (const path of ['/a2a/idle', '/a2a/idle/message:stream']) {
      const response = await fetch(gateway.url + path, {
        method: 'POST',
        headers: HEADERS,
        body: JSON.stringify(path.endsWith('idle') ? rpc('SendStreamingMessage', message()) : message()),
      });
      await expect.poll(() => gateway.exchange.sessions.size).toBe(1);
      for (const session of gateway.exchange.sessions.all()) session.close('KILLED', 'Stopped by the operator.');
      const last = (await response.text()).trim().split('\n\n').at(-1) as string;
      expect(last).toMatch(/^event: error\n/);
      expect(last).toContain('Stopped by the operator.');
      expect(last).toContain('KILLED');
      expect(gateway.exchange.sessions.size).toBe(0);
    }
  });
});
