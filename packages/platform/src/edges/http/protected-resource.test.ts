import { claim } from '@aip/conformance';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestExchange } from '../../exchange/testing.ts';
import { authenticator } from '../../identity/authenticate.ts';
import { createIssuers } from '../../identity/issuers.ts';
import { createLogins } from '../../identity/login.ts';
import { startTestIssuer, type TestIssuer } from '../../identity/testing.ts';
import { configSchema } from '../../main/config.ts';
import { registerA2aEdge } from '../a2a/index.ts';
import { registerMcpEdge } from '../mcp/index.ts';
import { createHttpServer, protectResources, registerHttpEdge } from './index.ts';

const BASE = 'https://aip.example.org';

let cleanup: AsyncDisposableStack;
let issuer: TestIssuer;
let app: FastifyInstance;
let now: number;
/** Milliseconds that pass between the headers of a request and its edge, as with a body that arrives slowly. */
let pause: number;

beforeEach(async () => {
  cleanup = new AsyncDisposableStack();
  issuer = cleanup.use(await startTestIssuer());
  now = Date.now();
  pause = 0;
  const { identity } = configSchema.parse({ identity: { issuers: { corp: { issuer: issuer.issuer } } } });
  const issuers = createIssuers({ issuers: identity.issuers, fetchFor: () => fetch, now: () => now });
  const authenticate = authenticator({
    adminToken: 'admin',
    tokens: {
      find: () => undefined,
      holds: () => false,
      list: () => [],
      make: () => {
        throw new Error('not in this test');
      },
    },
    logins: createLogins(() => now),
    agents: { agent: () => undefined },
  });
  const { exchange } = cleanup.use(await createTestExchange({ slots: { authenticate } }));
  app = createHttpServer({ hosts: ['aip.example.org'] });
  cleanup.defer(() => app.close());
  protectResources(app, {
    issuers: issuers.identifiers,
    scopes: [],
    firstScopes: [],
    recognises: (token) => issuers.recognises(token),
    prove: (token, resource) => issuers.prove(token, resource),
    publicUrl: BASE,
  });
  app.addHook('preHandler', async () => void (now += pause));
  registerHttpEdge(app, exchange, {
    version: '0.0.0',
    did: 'did:key:z6MkGateway',
    ready: () => true,
    metrics: async () => '',
    connectedAgents: () => [],
    dashboard: '/nonexistent',
    login: () => undefined,
  });
  registerA2aEdge(app, exchange, { signCard: (card) => card, publicUrl: BASE });
  registerMcpEdge(app, exchange, { isServer: (name) => ['files', 'mail'].includes(name) });
  await app.ready();
});
afterEach(() => cleanup.disposeAsync());

/** Lists tools at a path, written as a client chose to write it. */
const list = async (url: string, headers: Record<string, string> = {}): Promise<number> =>
  (
    await app.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
      payload: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }),
    })
  ).statusCode;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

test.for(['/mcp', '/%6dcp', '/m%63p?x=1', '/mcp/files', '/mcp/%66iles', '/%6dcp/files', '/mcp/v/any', '/mcp/%76/any'])(
  `nobody gets in without a token, however the path is written: %s ${claim('I-AUTH.resource')}`,
  async (url) => {
    expect(await list(url)).toBeGreaterThanOrEqual(401);
    expect(await list(url, { authorization: 'Basic YTpi' })).toBeGreaterThanOrEqual(401);
  },
);

test(`a token is for what the router has matched, not for what the path looks like ${claim('I-AUTH.audience')}`, async () => {
  const files = bearer(await issuer.token(`${BASE}/mcp/files`));
  for (const url of ['/mcp/files', '/mcp/%66iles', '/%6dcp/files']) expect(await list(url, files), url).toBe(200);
  for (const url of ['/mcp', '/%6dcp', '/mcp/mail', '/%6dcp/mail', '/mcp/%6dail', '/mcp/v/files'])
    expect(await list(url, files), url).toBe(401);
  const whole = bearer(await issuer.token(BASE));
  for (const url of [
    '/mcp/files%2f..%2fmail',
    '/mcp/..%2fmcp',
    '/mcp/%2e%2e',
    '/mcp/files%3f',
    '/mcp/files%23',
    '/mcp/',
  ])
    expect(await list(url, whole), url).toBe(404);
});

test(`what a token has proved at one request, it has not proved at another ${claim('I-AUTH.audience')}`, async () => {
  const token = await issuer.token(`${BASE}/mcp/files`);
  expect(await list('/mcp/files', bearer(token))).toBe(200);
  for (const authorization of [`Bearer ${token} x`, `Bearer  ${token}\tx`, `Bearer ${token},x`, `bearer x ${token}`])
    for (const url of ['/mcp/mail', '/%6dcp', '/v1/invoke', '/a2a'])
      expect([401, 404], `${authorization.slice(-4)} ${url}`).toContain(await list(url, { authorization }));
  // Nor in the cookie that dashboards log in with.
  const { statusCode } = await app.inject({
    url: '/v1/events',
    headers: { host: 'aip.example.org', cookie: `aip_session_80=${token}; aip_session_443=${token}` },
  });
  expect(statusCode).toBe(401);
});

test(`a token that was good when a request came is good for all of it ${claim('I-AUTH.oauth')}`, async () => {
  const token = bearer(await issuer.token(BASE));
  pause = 61_000;
  for (let n = 0; n < 3; n++) expect(await list('/mcp', token)).toBe(200);
});
