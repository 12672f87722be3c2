import { connect } from 'node:net';
import { claim } from '@aip/conformance';
import { AipError } from '@aip/wire';
import { afterEach, describe, expect, it } from 'vitest';
import { trusting } from '../../exchange/testing.ts';
import { errorBody } from '../../kernel/error-body.ts';
import { PASS, type Guard, type LimitGuard } from '../../kernel/guard.ts';
import type { Credential, Principal } from '../../kernel/principal.ts';
import { createTestGateway, startHttpUpstream, type TestGateway, type TestGatewayOptions } from './testing.ts';

/** Who may do what with which of their tokens: a token of `alice operator tools,resources` says it all. */

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0).toReversed()) await item[Symbol.asyncDispose]();
});

/** `<name>[@tenant] [roles] [scopes]` */
function authenticate(credential: Credential): Principal {
  const known = trusting(credential);
  if (credential.kind !== 'bearer') return known;
  const [who = '', roles = '', scopes] = credential.token.split('/');
  const [name = '', tenant = 'default'] = who.split('@');
  return {
    ...known,
    id: `service:${name}`,
    name,
    tenant,
    roles: roles.split(','),
    ...(scopes === undefined ? {} : { scopes: scopes.split(',') }),
    token: credential.token,
  };
}

const NEEDED: Partial<Record<string, string>> = { call: 'tools', read: 'resources' };
const missing = ({ scopes }: Principal, action: string): string[] => {
  const needed = NEEDED[action];
  return needed === undefined || scopes === undefined || scopes.includes(needed) ? [] : [needed];
};

const trust: Guard = {
  name: 'trust',
  admit: ({ principal, message }) =>
    missing(principal, message.action).length === 0
      ? PASS
      : { verdict: 'deny', error: errorBody('INSUFFICIENT_SCOPE', 'The access token lacks the scope.') },
};
const policy: Guard = {
  name: 'policy',
  admit: ({ principal, target }) =>
    target.name === 'tasks.list' && !principal.roles.includes('operator')
      ? { verdict: 'deny', error: errorBody('PERMISSION_DENIED', 'For operators.') }
      : PASS,
};

async function setup(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const upstream = await startHttpUpstream('modern');
  open.push(upstream);
  const gateway = await createTestGateway({
    servers: { box: { url: upstream.url } },
    edge: { missingScopes: missing },
    ...options,
    slots: { authenticate, trust, policy, ...options.slots },
  });
  open.push(gateway);
  return gateway;
}

const headersOf = (token: string, session?: string): Record<string, string> => ({
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  authorization: `Bearer ${token}`,
  ...(session === undefined ? {} : { 'mcp-session-id': session }),
});

const rpc = (method: string, params = {}, id = 1) => ({ jsonrpc: '2.0', id, method, params });

async function send(url: string, token: string, body: unknown, session?: string) {
  const response = await fetch(url, {
    method: 'POST',
    headers: headersOf(token, session),
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

async function openSession(url: string, token: string, protocolVersion = '2025-11-25'): Promise<string> {
  const params = { protocolVersion, capabilities: {}, clientInfo: { name: 'test', version: '1' } };
  const { headers, text } = await send(url, token, rpc('initialize', params));
  return headers.get('mcp-session-id') ?? expect.fail(text);
}

const READ = rpc('resources/read', { uri: 'note://1' });
const ADD = rpc('tools/call', { name: 'add', arguments: { a: 1, b: 2 } });
const LIST = rpc('tools/call', { name: 'aip_tasks_list', arguments: {} });

describe(`a session of the older era ${claim('P-MCP.legacy')}`, () => {
  it('lends nobody the roles of the token that it was opened with', async () => {
    const { url } = await setup();
    const session = await openSession(`${url}/mcp`, 'alice/operator');
    expect((await send(`${url}/mcp`, 'alice/operator', LIST, session)).text).not.toContain('PERMISSION_DENIED');
    expect((await send(`${url}/mcp`, 'alice/caller', LIST, session)).text).toContain('PERMISSION_DENIED');
    expect((await send(`${url}/mcp`, 'alice/operator', LIST, session)).text).not.toContain('PERMISSION_DENIED');
  });

  it('lets a client go on with a token that has more scopes', async () => {
    const { url } = await setup();
    const session = await openSession(`${url}/mcp/box`, 'alice/caller/tools');
    const refused = await send(`${url}/mcp/box`, 'alice/caller/tools', READ, session);
    expect(refused.status).toBe(403);
    expect(refused.headers.get('www-authenticate')).toContain('scope="tools resources"');
    const read = await send(`${url}/mcp/box`, 'alice/caller/tools,resources', READ, session);
    expect(read.text).toContain('"contents"');
  });

  it('keeps to the scopes of a token that has fewer, in a batch too', async () => {
    const { url } = await setup();
    const endpoint = `${url}/mcp/box`;
    const session = await openSession(endpoint, 'alice/caller', '2025-03-26');
    expect((await send(endpoint, 'alice/caller', [ADD], session)).text).toContain('"result"');
    for (const body of [ADD, [ADD], [rpc('ping'), { ...ADD, id: 2 }]])
      expect((await send(endpoint, 'alice/caller/resources', body, session)).status).toBe(403);
  });

  it('is unknown to the same name in another tenant', async () => {
    const { url } = await setup();
    const session = await openSession(`${url}/mcp`, 'alice');
    expect((await send(`${url}/mcp`, 'alice@other', rpc('ping'), session)).status).toBe(404);
    expect((await send(`${url}/mcp`, 'alice', rpc('ping'), session)).status).toBe(200);
  });

  it('loses a stream whose own token is revoked, and goes on', async () => {
    const { url, exchange } = await setup();
    const session = await openSession(`${url}/mcp`, 'alice/caller');
    const stream = await fetch(`${url}/mcp`, { headers: headersOf('alice/second', session) });
    expect(stream.status).toBe(200);
    for (const attached of exchange.sessions.all())
      if (attached.principal.token === 'alice/second') attached.close('UNAUTHENTICATED', 'revoked');
    await expect(stream.text()).rejects.toThrow();
    expect((await send(`${url}/mcp`, 'alice/caller', rpc('ping'), session)).status).toBe(200);
    expect(exchange.sessions.size).toBe(1);
  });
});

describe('several messages in one body', () => {
  const pings = (count: number) => Array.from({ length: count }, (_, id) => rpc('ping', {}, id));

  it('are for 2025-03-26 alone, and few', async () => {
    const { url } = await setup();
    const endpoint = `${url}/mcp`;
    const old = await openSession(endpoint, 'alice', '2025-03-26');
    expect((await send(endpoint, 'alice', pings(16), old)).status).toBe(200);
    for (const [body, session] of [
      [pings(17), old],
      [pings(2), await openSession(endpoint, 'alice', '2025-06-18')],
      [pings(1), await openSession(endpoint, 'alice', '2025-11-25')],
      [pings(17), undefined],
    ] as const) {
      const refused = await send(endpoint, 'alice', body, session);
      expect(refused.status).toBe(400);
      expect(JSON.parse(refused.text)).toMatchObject({ id: null, error: { code: -32600 } });
    }
  });
});

describe(`a stranger ${claim('G-GUARD.shares')}`, () => {
  it('is told to bring a token, whatever is asked, and opens nothing', async () => {
    const { url, exchange } = await setup();
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
    for (const [method, body] of [
      ['POST', JSON.stringify(rpc('initialize', params))],
      ['POST', JSON.stringify(rpc('subscriptions/listen'))],
      ['GET', null],
    ] as const) {
      const { authorization: _, ...headers } = headersOf('');
      const response = await fetch(`${url}/mcp`, { method, headers, body });
      expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="aip"']);
      expect(await response.json()).toMatchObject({ error: { data: { code: 'UNAUTHENTICATED' } } });
    }
    expect(exchange.sessions.size).toBe(0);
  });

  it('is told so before the body has been received', async () => {
    const { app } = await setup({
      slots: {
        authenticate(credential) {
          if (credential.kind === 'bearer') throw new AipError('UNAUTHENTICATED', 'Unknown.');
          return authenticate(credential);
        },
      },
    });
    const { port } = app.server.address() as { port: number };
    for (const line of ['', 'authorization: Bearer guessed\r\n']) {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.write(
        `POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n${line}content-type: application/json\r\ncontent-length: 4000000\r\n\r\n{`,
      );
      const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
      expect(String(answer)).toMatch(/^HTTP\/1.1 401 /);
      socket.destroy();
    }
  });
});

describe(`messages that end in the edge ${claim('G-GUARD.rates')}`, () => {
  it('take their place in the rate of their sender; those that cross the exchange take one there', async () => {
    let left = 10;
    const limit: LimitGuard = {
      name: 'limit',
      admit: () =>
        left-- > 0 ? PASS : { verdict: 'deny', error: errorBody('RATE_LIMITED', 'Slow down.'), record: false },
      weigh() {},
    };
    const { url } = await setup({ slots: { limit } });
    const endpoint = `${url}/mcp/box`;
    const session = await openSession(endpoint, 'alice', '2025-03-26');
    expect(left).toBe(9);
    await send(
      endpoint,
      'alice',
      [ADD, rpc('ping', {}, 2), { jsonrpc: '2.0', method: 'notifications/initialized' }],
      session,
    );
    expect(left).toBe(6);
    await send(endpoint, 'alice', rpc('tools/list'), session);
    expect(left).toBe(5);
    const refused = await send(
      endpoint,
      'alice',
      Array.from({ length: 6 }, (_, id) => rpc('ping', {}, id)),
      session,
    );
    expect([refused.status, JSON.parse(refused.text)]).toMatchObject([
      429,
      { error: { data: { code: 'RATE_LIMITED' } } },
    ]);
    left = 0;
    expect((await send(endpoint, 'alice', rpc('initialize'))).status).toBe(429);
  });
});

describe(`one caller ${claim('G-GUARD.shares')}`, () => {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const listen = (url: string, token: string) =>
    fetch(url, {
      method: 'POST',
      headers: { ...headersOf(token), 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' },
      body: JSON.stringify(rpc('subscriptions/listen', { notifications: { toolsListChanged: true }, _meta: meta })),
    });

  it('cannot take all streams that listen, nor keep the places of those that have ended', async () => {
    const { url, exchange } = await setup();
    const held = await Promise.all(Array.from({ length: 512 }, () => listen(`${url}/mcp`, 'mallory')));
    expect(new Set(held.map(({ status }) => status))).toEqual(new Set([200]));
    const refused = await listen(`${url}/mcp`, 'mallory');
    expect([refused.status, await refused.json()]).toMatchObject([429, { error: { data: { code: 'RATE_LIMITED' } } }]);
    const bob = await listen(`${url}/mcp`, 'bob');
    expect(bob.status).toBe(200);
    await Promise.all(held.map(async ({ body }) => body?.cancel()));
    await expect.poll(() => exchange.sessions.size).toBe(1);
    const again = await listen(`${url}/mcp`, 'mallory');
    expect(again.status).toBe(200);
    for (const { body } of [again, bob]) await body?.cancel();
  });

  it('is listened to in no other way', async () => {
    const { url, exchange } = await setup();
    const params = { notifications: { toolsListChanged: true }, _meta: meta };
    const taskIds = Array.from({ length: 257 }, (_, n) => `${n}`);
    for (const body of [
      { ...rpc('subscriptions/listen', params), more: 1 },
      rpc('subscriptions/listen', { ...params, notifications: { toolsListChanged: true, taskIds } }),
    ]) {
      const response = await fetch(`${url}/mcp`, {
        method: 'POST',
        headers: { ...headersOf('alice'), 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' },
        body: JSON.stringify(body),
      });
      expect(response.headers.get('content-type')).toContain('application/json');
      expect(await response.json()).toHaveProperty('error');
    }
    expect(exchange.sessions.size).toBe(0);
  });

  it('cannot watch all resources of a server, however many sessions it has', async () => {
    const { url } = await setup({ edge: { watch: async () => () => {} } });
    const endpoint = `${url}/mcp/box`;
    const watch = (token: string, session: string, n: number, what = 'subscribe') =>
      send(endpoint, token, rpc(`resources/${what}`, { uri: `note://${n}` }), session);
    const sessions = [await openSession(endpoint, 'mallory'), await openSession(endpoint, 'mallory')];
    for (const [index, session] of sessions.entries())
      for (let n = 0; n < 128; n++)
        expect((await watch('mallory', session, index * 128 + n)).text).toContain('"result"');
    expect((await watch('mallory', sessions[0]!, 1_000)).text).toContain('RATE_LIMITED');
    expect((await watch('bob', await openSession(endpoint, 'bob'), 1_000)).text).toContain('"result"');
    await watch('mallory', sessions[1]!, 200, 'unsubscribe');
    expect((await watch('mallory', sessions[0]!, 1_000)).text).toContain('"result"');
  });

  it('that opens many sessions at once has no more than its share of them', async () => {
    const { url, exchange } = await setup({ edge: { sessions: { perPrincipal: 5 } } });
    await Promise.allSettled(Array.from({ length: 40 }, () => openSession(`${url}/mcp`, 'mallory')));
    expect(exchange.sessions.size).toBeLessThanOrEqual(5);
  });
});
