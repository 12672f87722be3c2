import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { claim } from '@aip/conformance';
import { afterEach, describe, expect, it } from 'vitest';
import { createEdge } from './edge.ts';
import type { McpEdgeOptions } from './index.ts';
import { startPeerServer } from './peers.testing.ts';
import { createLegacySessions, SESSION_LIMITS } from './sessions.ts';
import { connectV2, createTestGateway, type TestGateway } from './testing.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0)) await item[Symbol.asyncDispose]();
});

async function withSessions(sessions: McpEdgeOptions['sessions'] = {}): Promise<TestGateway & { endpoint: string }> {
  const gateway = await createTestGateway({ edge: { sessions } });
  open.push(gateway);
  return Object.assign(gateway, { endpoint: `${gateway.url}/mcp` });
}

const headers = (token: string, session?: string): Record<string, string> => ({
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  authorization: `Bearer ${token}`,
  ...(session === undefined ? {} : { 'mcp-session-id': session }),
});

const rpc = (method: string, params = {}): string => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });

async function initialize(endpoint: string, token = 'alice', version = '2025-11-25'): Promise<Response> {
  const params = { protocolVersion: version, capabilities: {}, clientInfo: { name: 'test', version: '1' } };
  const response = await fetch(endpoint, { method: 'POST', headers: headers(token), body: rpc('initialize', params) });
  return response;
}

async function openSession(endpoint: string, token = 'alice'): Promise<string> {
  const response = await initialize(endpoint, token);
  await response.text();
  return response.headers.get('mcp-session-id')!;
}

async function ping(endpoint: string, session: string, token = 'alice'): Promise<number> {
  const response = await fetch(endpoint, { method: 'POST', headers: headers(token, session), body: rpc('ping') });
  await response.text();
  return response.status;
}

describe(`sessions of the older era ${claim('P-MCP.legacy')}`, () => {
  it.each(['2025-11-25', '2025-06-18', '2025-03-26'])('are opened by initialize with %s', async (version) => {
    const { endpoint } = await withSessions();
    const text = await (await initialize(endpoint, 'alice', version)).text();
    expect(text).toContain(`"protocolVersion":"${version}"`);
  });

  it('of 2025-03-26 take several requests in one body, and answer each', async () => {
    const { endpoint } = await withSessions();
    const response = await initialize(endpoint, 'alice', '2025-03-26');
    await response.text();
    const session = response.headers.get('mcp-session-id')!;
    const batch = [1, 2].map((id) => ({ jsonrpc: '2.0', id, method: id === 1 ? 'ping' : 'tools/list', params: {} }));
    const answer = await fetch(endpoint, {
      method: 'POST',
      headers: headers('alice', session),
      body: JSON.stringify(batch),
    });
    const text = await answer.text();
    expect(text).toContain('"id":1');
    expect(text).toContain('"id":2');
    expect(text).toContain('aip_catalogue_list');
  });

  it('are unknown once they have been ended', async () => {
    const { endpoint } = await withSessions();
    const session = await openSession(endpoint);
    expect(await ping(endpoint, session)).toBe(200);
    expect((await fetch(endpoint, { method: 'DELETE', headers: headers('alice', session) })).status).toBe(200);
    expect(await ping(endpoint, session)).toBe(404);
    expect(await ping(endpoint, 'never-heard-of')).toBe(404);
  });

  it('belong to who has opened them, on the endpoint where they were opened', async () => {
    const { endpoint, agent } = await withSessions();
    agent('helper', 'help', async function* () {});
    const session = await openSession(endpoint);
    expect(await ping(endpoint, session, 'bob')).toBe(404);
    expect(await ping(`${endpoint}/helper`, session)).toBe(404);
    expect(await ping(endpoint, session)).toBe(200);
  });

  it('end when nothing is heard from their client', async () => {
    const { endpoint, exchange } = await withSessions({ idle: 2_000 });
    const sessions = await Promise.all(Array.from({ length: 50 }, () => openSession(endpoint)));
    expect(exchange.sessions.size).toBe(50);
    await expect.poll(() => exchange.sessions.size).toBe(0);
    expect(await ping(endpoint, sessions[0]!)).toBe(404);
  });

  it('last as long as their client listens', async () => {
    const { url, exchange } = await withSessions({ idle: 1_000 });
    const client = await connectV2(`${url}/mcp`, 'legacy');
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(exchange.sessions.size).toBe(1);
    await client.ping();
    await client.close();
    await expect.poll(() => exchange.sessions.size).toBe(0);
  });

  it('are bounded for each principal at its own expense, and for all together', async () => {
    const { endpoint } = await withSessions({ perPrincipal: 2, total: 3 });
    const first = await openSession(endpoint);
    const second = await openSession(endpoint);
    const third = await openSession(endpoint);
    expect(await ping(endpoint, first)).toBe(404);
    expect(await ping(endpoint, second)).toBe(200);
    expect(await ping(endpoint, third)).toBe(200);
    await openSession(endpoint, 'bob');
    const refused = await initialize(endpoint, 'cyd');
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ error: { data: { code: 'RATE_LIMITED' } } });
    expect(await ping(endpoint, third)).toBe(200);
  });

  it('are closed by a kill', async () => {
    const { endpoint, exchange } = await withSessions();
    const session = await openSession(endpoint);
    for (const attached of exchange.sessions.all()) attached.close('KILLED', 'test');
    expect(await ping(endpoint, session)).toBe(404);
    expect(exchange.sessions.size).toBe(0);
  });

  it('that only listen, in the newer era, are closed by a kill as well', async () => {
    const { endpoint, exchange } = await withSessions();
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { ...headers('alice'), 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' },
      body: rpc('subscriptions/listen', { notifications: { toolsListChanged: true }, _meta: meta }),
    });
    expect(exchange.sessions.size).toBe(1);
    for (const attached of exchange.sessions.all()) attached.close('KILLED', 'test');
    await expect(response.text()).rejects.toThrow();
    await expect.poll(() => exchange.sessions.size).toBe(0);
  });

  it('are not needed for single requests', async () => {
    const { endpoint, exchange } = await withSessions();
    const response = await fetch(endpoint, { method: 'POST', headers: headers('alice'), body: rpc('tools/list') });
    expect(await response.text()).toContain('aip_catalogue_list');
    expect(exchange.sessions.size).toBe(0);
  });

  it('cancel what still runs for them when they end', async () => {
    const gateway = await withSessions({ idle: 50 });
    let aborted: unknown;
    gateway.agent('sleeper', 'sleep', async function* (call) {
      await new Promise((resolve) => call.signal.addEventListener('abort', resolve, { once: true }));
      aborted = call.signal.reason;
      yield { type: 'failed', error: { code: 'CANCELED', message: 'stopped', retryable: false }, effect: 'none' };
    });
    const session = await openSession(gateway.endpoint);
    const stop = new AbortController();
    const call = fetch(gateway.endpoint, {
      method: 'POST',
      headers: headers('alice', session),
      body: rpc('tools/call', { name: 'sleeper_sleep', arguments: {} }),
      signal: stop.signal,
    });
    const response = await call;
    // A dropped stream is no cancellation in this era; a session that has ended is one.
    stop.abort();
    await response.text().catch(() => {});
    await expect.poll(() => aborted, { timeout: 3_000 }).toBe('disconnect');
  });
});

describe(`a thousand sessions that are opened and abandoned ${claim('P-MCP.legacy')}`, () => {
  it('leave nothing behind once they have been idle for long enough', async () => {
    const upstream = await startPeerServer('v1');
    open.push(upstream);
    const gateway = await createTestGateway({ servers: { peer: { url: upstream.url } } });
    open.push(gateway);
    const { exchange, upstreams } = gateway;
    let passed = 0;
    const clock = { ...exchange.clock, monotonic: () => exchange.clock.monotonic() + passed };
    const edge = createEdge({ ...exchange, clock }, { watch: upstreams.watch });
    const sessions = createLegacySessions(edge, {
      ...SESSION_LIMITS,
      idle: 600_000,
      perPrincipal: 2_000,
    });
    const principal = exchange.authenticate({ kind: 'bearer', token: 'alice' });
    const scope = { kind: 'server', owner: 'peer' } as const;
    const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const body = request.method === 'POST' ? await json(request) : undefined;
      const id = request.headers['mcp-session-id'];
      const exchanged = { request, response, body };
      if (typeof id === 'string') await sessions.serve(id, principal, scope, exchanged);
      else await sessions.open(principal, scope, exchanged);
    };
    const http = createServer((request, response) => void serve(request, response));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
    const send = async (session: string, body: string): Promise<void> => {
      await (await fetch(endpoint, { method: 'POST', headers: headers('alice', session), body })).text();
    };
    const start = { sessions: exchange.sessions.size, live: exchange.live.size };

    for (let batch = 0; batch < 20; batch++)
      await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          const session = await openSession(endpoint);
          if (index === 0) await send(session, rpc('tools/call', { name: 'work' }));
          if (index < 10) await send(session, rpc('resources/subscribe', { uri: 'note://1' }));
        }),
      );
    expect(sessions.size).toBe(1_000);
    expect(sessions.kept).toBeGreaterThan(1_000);
    expect(upstream.subscribed).toBe(1);

    passed = 601_000;
    const last = await openSession(endpoint);
    await expect.poll(() => sessions.size).toBe(1);
    await fetch(endpoint, { method: 'DELETE', headers: headers('alice', last) });
    expect([sessions.size, sessions.kept]).toEqual([0, 0]);
    await expect.poll(() => upstream.subscribed).toBe(0);
    expect({ sessions: exchange.sessions.size, live: exchange.live.size }).toEqual(start);
    await sessions.close();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  }, 60_000);
});
