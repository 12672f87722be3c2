import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { errorBody } from '../../kernel/error-body.ts';
import { PASS, type Guard } from '../../kernel/guard.ts';
import { operation } from '../../kernel/operation.ts';
import { plainCallOf } from './fast-call.ts';
import { createTestGateway, post, startHttpUpstream, type TestGateway, type TestUpstream } from './testing.ts';

const policy: Guard = {
  name: 'policy',
  admit: ({ target }) =>
    target.name === 'forbidden' ? { verdict: 'deny', error: errorBody('PERMISSION_DENIED', 'Not this one.') } : PASS,
};

let upstream: TestUpstream;
/** The same platform twice: answered natively, and by the SDK. */
let native: TestGateway;
let oracle: TestGateway;

beforeAll(async () => {
  upstream = await startHttpUpstream('modern');
  const make = (fastCalls: boolean) =>
    createTestGateway({
      servers: { box: { url: upstream.url, tasks: { huge: 'required', add: 'optional' } } },
      slots: { policy },
      edge: { fastCalls },
    });
  native = await make(true);
  oracle = await make(false);
  for (const gateway of [native, oracle]) {
    for (const [skill, body] of [
      ['object', { type: 'data', value: { n: 1 } }],
      ['list', { type: 'data', value: [1, 2] }],
      ['number', { type: 'data', value: 7 }],
      ['nothing', { type: 'data', value: null }],
      ['words', { type: 'text', value: 'plain words' }],
      [
        'parts',
        {
          type: 'a2a',
          value: {
            parts: [
              { text: 'a' },
              { data: [1] },
              { raw: 'AA==', mediaType: 'image/png' },
              { raw: 'AA==', filename: 'f.bin' },
              { url: 'https://example.com/x' },
            ],
          },
        },
      ],
      ['forbidden', { type: 'text', value: 'never' }],
    ] as const) {
      gateway.agent(`agent-${skill}`, skill, async function* () {
        yield { type: 'done', body: body as never };
      });
    }
    gateway.agent('agent-broken', 'broken', async function* () {
      yield {
        type: 'failed',
        error: errorBody('AGENT_UNAVAILABLE', 'It is asleep.', { since: 'noon' }),
        effect: 'none',
      };
    });
    gateway.agent('agent-throws', 'throws', () => {
      throw new Error('a secret detail');
    });
  }
});

afterAll(async () => {
  for (const item of [native, oracle, upstream]) await item[Symbol.asyncDispose]();
});

const calls: readonly (readonly [string, JsonObject])[] = [
  ...['object', 'list', 'number', 'nothing', 'words', 'parts', 'forbidden', 'broken', 'throws'].map(
    (skill) => [`agent-${skill}_${skill}`, {}] as const,
  ),
  ['box_add', { a: 1, b: 2 }],
  ['box_add', { a: 'not a number' }],
  ['box_fail', {}],
  ['box_link', {}],
  ['box_work', {}],
  ['box_greet', {}],
  ['box_huge', {}],
  ['box_nothing', {}],
  ['aip_catalogue_list', { kind: 'skill' }],
  ['aip_tasks_get', { task: 'unknown' }],
  ['aip_tasks_get', {}],
];

describe(`a plain modern tools/call ${claim('P-MCP.fast')}`, () => {
  it.each(calls)('to %s with %j is answered as the SDK answers it', async (name, args) => {
    for (const path of ['/mcp', '/mcp/box', '/mcp/agent-object']) {
      const params = { name: path === '/mcp/box' ? name.replace('box_', '') : name, arguments: args };
      const [own, expected] = await Promise.all(
        [native, oracle].map((gateway) => post(`${gateway.url}${path}`, 'tools/call', params, { id: 42 })),
      );
      expect(own).toEqual(expected);
    }
  });

  it.each([true, false])('ends with the platform, and its task goes on (natively: %s)', async (fastCalls) => {
    await using gateway = await createTestGateway({ edge: { fastCalls } });
    const go = Promise.withResolvers<void>();
    gateway.agent('agent-slow', 'slow', async function* () {
      await go.promise;
      yield { type: 'done', body: { type: 'text', value: 'done' } };
    });
    const asked = post(`${gateway.url}/mcp`, 'tools/call', { name: 'agent-slow_slow', arguments: {} });
    await expect.poll(() => gateway.exchange.live.size).toBe(1);
    const [task] = gateway.exchange.live.keys();
    await gateway.exchange.drain(10);
    const { body } = await asked;
    expect(body['result']).toMatchObject({ isError: true });
    expect(JSON.stringify(body)).toContain(`SHUTTING_DOWN: The platform is shutting down; task ${task} goes on`);
    go.resolve();
    expect(await gateway.exchange.call('default', task!)?.ended).toMatchObject({ type: 'done' });
  });

  it.each([true, false])(
    'to what the platform reads itself ends with its connection (natively: %s)',
    async (fastCalls) => {
      const given: AbortSignal[] = [];
      const waiting = operation({
        name: 'test.wait',
        summary: 'Waits.',
        effect: 'read',
        plane: 'data',
        input: z.object({}),
        output: z.any(),
        handler({ signal }) {
          given.push(signal);
          return new Promise<never>(() => {});
        },
      });
      await using gateway = await createTestGateway({ operations: [waiting], edge: { fastCalls } });
      const leaving = new AbortController();
      const params = { name: 'aip_test_wait', arguments: {} };
      const asked = post(`${gateway.url}/mcp`, 'tools/call', params, { signal: leaving.signal }).catch(() => 'gone');
      await expect.poll(() => given.length).toBe(1);
      leaving.abort();
      await asked;
      await expect.poll(() => given[0]?.reason).toBe('disconnect');
    },
  );

  const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 't' };
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const request = (more: JsonObject = {}, moreParams: JsonObject = {}, moreMeta: JsonObject = {}): JsonObject => ({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    ...more,
    params: { name: 't', arguments: {}, ...moreParams, _meta: { ...meta, ...moreMeta } },
  });

  it('is served natively when it is plain', () => {
    expect(plainCallOf(headers, request())).toMatchObject({ id: 1, params: { name: 't' } });
  });

  it.each([
    ['a header that names another tool', { ...headers, 'mcp-name': 'other' }, request()],
    ['a header that is missing', { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call' }, request()],
    ['another version', { ...headers, 'mcp-protocol-version': '2025-11-25' }, request()],
    ['a progress token', headers, request({}, {}, { progressToken: 1 })],
    ['a log level', headers, request({}, {}, { 'io.modelcontextprotocol/logLevel': 'debug' })],
    [
      'a client that can be asked',
      headers,
      request({}, {}, { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } }),
    ],
    [
      'a client that takes tasks',
      headers,
      request({}, {}, { 'io.modelcontextprotocol/clientCapabilities': { extensions: {} } }),
    ],
    [
      'no capabilities',
      headers,
      { ...request(), params: { name: 't', _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } } },
    ],
    ['an answer to an ask', headers, request({}, { requestState: 'x' })],
    ['arguments that are no object', headers, request({}, { arguments: [] })],
    ['an odd id', headers, request({ id: 1.5 })],
    ['no id', headers, request({ id: null })],
    ['a field that is not JSON-RPC’s', headers, request({ extra: 1 })],
    ['a client without a version', headers, request({}, {}, { 'io.modelcontextprotocol/clientInfo': { name: 'x' } })],
  ])('is left to the SDK with %s', (_what, sent, body) => {
    expect(plainCallOf(sent, body)).toBeUndefined();
  });

  it(`cancels its call when the client closes the connection ${claim('P-MCP.cancel')}`, async () => {
    const before = upstream.cancelled.length;
    const started = upstream.calls.length;
    const stop = new AbortController();
    const call = fetch(`${native.url}/mcp`, {
      method: 'POST',
      signal: stop.signal,
      headers: {
        'content-type': 'application/json',
        authorization: 'Bearer alice',
        ...headers,
        'mcp-name': 'box_hang',
      },
      body: JSON.stringify(request({}, { name: 'box_hang' })),
    });
    call.catch(() => {});
    await expect.poll(() => upstream.calls.length).toBeGreaterThan(started);
    stop.abort();
    await expect.poll(() => upstream.cancelled.length).toBe(before + 1);
  });
});
