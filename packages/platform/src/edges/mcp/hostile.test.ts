import { claim } from '@aip/conformance';
import {
  array,
  constantFrom,
  dictionary,
  integer,
  jsonValue,
  oneof,
  option,
  record,
  sample,
  string,
  type Arbitrary,
} from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestGateway, type TestGateway } from './testing.ts';

const ROUNDS = Number(process.env['AIP_FUZZ_ROUNDS'] ?? 10_000);
/** Requests at once. */
const WIDTH = 20;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await createTestGateway();
  gateway.agent('echo', 'say', async function* (call) {
    yield { type: 'done', body: call.message.body };
  });
});
afterAll(() => gateway[Symbol.asyncDispose]());

const VERSION = 'io.modelcontextprotocol/protocolVersion';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';

const methods = constantFrom(
  'tools/call',
  'tools/list',
  'resources/read',
  'prompts/get',
  'completion/complete',
  'tasks/get',
  'server/discover',
  'initialize',
  'ping',
  'notifications/cancelled',
  'logging/setLevel',
  '__proto__',
  'constructor',
  '',
);
const meta = dictionary(
  constantFrom(VERSION, CAPABILITIES, 'progressToken', 'traceparent', 'aip/idempotencyKey', '__proto__', 'x'),
  oneof(jsonValue(), constantFrom('2026-07-28', '2025-11-25', {})),
);
const anyParams = oneof(
  jsonValue(),
  record(
    {
      name: oneof(string(), constantFrom('echo_say', 'aip_tasks_get', '__proto__')),
      uri: jsonValue(),
      arguments: jsonValue(),
      requestState: jsonValue(),
      inputResponses: jsonValue(),
      taskId: jsonValue(),
      _meta: oneof(meta, jsonValue()),
    },
    { requiredKeys: [] },
  ),
);
const message = record(
  {
    jsonrpc: constantFrom<unknown>('2.0', '1.0', 2, null),
    id: oneof(jsonValue(), integer()),
    method: oneof(methods, jsonValue()),
    params: anyParams,
  },
  { requiredKeys: [] },
);
const body = oneof(
  { weight: 6, arbitrary: message.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: array(message, { maxLength: 5 }).map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: string({ unit: 'binary', maxLength: 200 }) },
  { weight: 1, arbitrary: integer({ min: 60, max: 3_000 }).map((depth) => '['.repeat(depth)) },
  { weight: 1, arbitrary: methods.map((method) => `{"jsonrpc":"2.0","id":1,"id":2,"method":"${method}"}`) },
);
const header = (...known: string[]) =>
  option(
    oneof(
      constantFrom(...known),
      string({ maxLength: 20 }).map((text) => encodeURIComponent(text)),
    ),
    { nil: undefined },
  );
const paths = constantFrom('/mcp', '/mcp', '/mcp/echo', '/mcp/nobody', '/mcp/%00', '/mcp/__proto__');

/** Nothing about it is right. */
const wild = record({
  method: constantFrom('POST', 'POST', 'POST', 'POST', 'GET', 'DELETE'),
  path: paths,
  body,
  version: header('2026-07-28', '2025-11-25'),
  mcpMethod: header('tools/call', 'tools/list'),
  name: header('echo_say', '=?base64?!!?='),
  session: header('00000000-0000-4000-8000-000000000000'),
  accept: header('application/json, text/event-stream', 'text/html'),
  type: header('application/json', 'text/plain'),
});

/** Almost right: a sound request with hostile arguments, of which at times a piece of the text is changed. */
const almost = record({
  path: constantFrom('/mcp', '/mcp', '/mcp/echo'),
  era: constantFrom('modern', 'legacy'),
  rpc: oneof(
    jsonValue().map((text) => ({ method: 'tools/call', params: { name: 'echo_say', arguments: { text } } })),
    constantFrom(
      { method: 'tools/list', params: {} },
      { method: 'server/discover', params: {} },
      {
        method: 'initialize',
        params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
      },
      { method: 'resources/read', params: { uri: 'mcp:echo/../../etc/passwd' } },
      { method: 'prompts/get', params: { name: '__proto__' } },
      { method: 'tools/call', params: { name: 'aip_tasks_get', arguments: { task: "' OR 1=1" } } },
      {
        method: 'completion/complete',
        params: { ref: { type: 'ref/prompt', name: 'x' }, argument: { name: 'a', value: 'b' } },
      },
    ),
  ),
  id: integer(),
  extra: meta,
  cut: option(integer({ min: 0, max: 400 }), { nil: undefined, freq: 1 }),
  put: string({ maxLength: 3 }),
}).map(({ path, era, rpc, id, extra, cut, put }) => {
  const modern = era === 'modern';
  const params = {
    ...rpc.params,
    _meta: { ...extra, ...(modern ? { [VERSION]: '2026-07-28', [CAPABILITIES]: {} } : {}) },
  };
  const text = JSON.stringify({ jsonrpc: '2.0', id, method: rpc.method, params });
  const name = 'name' in rpc.params ? rpc.params.name : 'uri' in rpc.params ? rpc.params.uri : undefined;
  return {
    method: 'POST',
    path,
    body: cut === undefined ? text : `${text.slice(0, cut)}${put}${text.slice(cut + 1)}`,
    version: modern ? '2026-07-28' : undefined,
    mcpMethod: modern ? rpc.method : undefined,
    name: modern ? name : undefined,
    session: undefined,
    accept: undefined,
    type: undefined,
  };
});
const request: Arbitrary<HostileRequest> = oneof(wild, almost);

interface HostileRequest {
  method: string;
  path: string;
  body: string;
  version: string | undefined;
  mcpMethod: string | undefined;
  name: string | undefined;
  session: string | undefined;
  accept: string | undefined;
  type: string | undefined;
}

async function send({
  method,
  path,
  version,
  mcpMethod,
  name,
  session,
  accept,
  type,
  body: content,
}: HostileRequest): Promise<number> {
  const given = {
    'mcp-protocol-version': version,
    'mcp-method': mcpMethod,
    'mcp-name': name,
    'mcp-session-id': session,
    accept: accept ?? 'application/json, text/event-stream',
    'content-type': type ?? 'application/json',
  };
  const headers = Object.fromEntries(Object.entries(given).filter(([, value]) => value)) as Record<string, string>;
  const options = { method, headers: { authorization: 'Bearer eve', ...headers }, signal: AbortSignal.timeout(10_000) };
  const response = await fetch(`${gateway.url}${path}`, method === 'POST' ? { ...options, body: content } : options);
  await response.text();
  return response.status;
}

describe(`hostile requests ${claim('P-MCP.hostile')}`, () => {
  it(`are all answered, and leave nothing behind (${ROUNDS})`, async () => {
    const seed = Date.now() % 2 ** 31;
    const statuses = new Map<number, number>();
    const waiting = sample(request, { numRuns: ROUNDS, seed });
    const worker = async (): Promise<void> => {
      for (let next = waiting.pop(); next; next = waiting.pop()) {
        const status = await send(next);
        expect(status, `seed ${seed}: ${JSON.stringify(next).slice(0, 2_000)}`).toBeLessThan(500);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: WIDTH }, worker));
    // The fuzz has to get past the door to mean anything.
    expect(statuses.get(200)).toBeGreaterThan(ROUNDS / 100);
    expect(gateway.exchange.live.size).toBe(0);
    for (const attached of gateway.exchange.sessions.all()) attached.close('KILLED', 'test');
    expect(gateway.exchange.sessions.size).toBe(0);
  }, 300_000);

  it('are refused above four megabytes, and as anything but JSON', async () => {
    const post = (type: string, content: string) =>
      fetch(`${gateway.url}/mcp`, {
        method: 'POST',
        headers: { authorization: 'Bearer alice', 'content-type': type },
        body: content,
      });
    expect((await post('application/json', JSON.stringify('x'.repeat(5 * 1024 * 1024)))).status).toBe(413);
    expect((await post('text/plain', '{}')).status).toBe(415);
    expect(await (await post('application/json', '{')).json()).toMatchObject({ error: { code: -32700 } });
    expect(await (await post('application/json', '{"a":1,"a":2}')).json()).toMatchObject({ error: { code: -32700 } });
  });
});
