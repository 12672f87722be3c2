import { request } from 'node:http';
import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import {
  Client,
  StreamableHTTPClientTransport,
  UnauthorizedError,
  type OAuthClientProvider,
  type OAuthDiscoveryState,
  type StoredOAuthClientInformation,
  type StoredOAuthTokens,
} from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ERAS, post, startHttpUpstream, type TestUpstream } from '../packages/platform/src/edges/mcp/testing.ts';
import { startTestIssuer, type TestIssuer } from '../packages/platform/src/identity/testing.ts';
import { startPlatformProcess, type PlatformProcess } from './fixtures/platform-process.ts';

let issuer: TestIssuer;
let upstream: TestUpstream;
let platform: PlatformProcess;

beforeAll(async () => {
  issuer = await startTestIssuer({ path: '/realms/corp' });
  upstream = await startHttpUpstream('modern');
  platform = await startPlatformProcess({
    settings: {
      identity: { issuers: { corp: { issuer: issuer.issuer, roles: { ops: ['operator'] } } } },
      mcp: { servers: { box: { url: upstream.url, default_effect: 'read' } } },
    },
  });
}, 60_000);
afterAll(async () => {
  await platform[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
});

const REDIRECT = 'http://127.0.0.1:1/callback';

/** What the application of a user does: it opens the browser, which here is a fetch, and keeps what it gets. */
class User implements OAuthClientProvider {
  readonly redirectUrl = REDIRECT;
  readonly clientMetadata = { redirect_uris: [REDIRECT], client_name: 'test', token_endpoint_auth_method: 'none' };
  readonly asked: URL[] = [];
  /** The parameters with which the browser has come back, each time. */
  readonly returned: URLSearchParams[] = [];
  #client: StoredOAuthClientInformation | undefined;
  #tokens: StoredOAuthTokens | undefined;
  #verifier = '';
  #discovered: OAuthDiscoveryState | undefined;

  clientInformation = () => this.#client;
  saveClientInformation(client: StoredOAuthClientInformation): void {
    this.#client = client;
  }
  tokens = () => this.#tokens;
  saveTokens(tokens: StoredOAuthTokens): void {
    this.#tokens = tokens;
  }
  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }
  codeVerifier = () => this.#verifier;
  saveDiscoveryState(state: OAuthDiscoveryState): void {
    this.#discovered = state;
  }
  discoveryState = () => this.#discovered;
  async redirectToAuthorization(url: URL): Promise<void> {
    this.asked.push(url);
    const response = await fetch(url, { redirect: 'manual' });
    this.returned.push(new URL(response.headers.get('location')!).searchParams);
  }
}

/** Connects as the official client does: the first attempt ends at the browser, the second has a token. */
async function signIn(user: User, url: string, mode: 'auto' | 'legacy'): Promise<Client> {
  for (let attempt = 0; ; attempt++) {
    const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode } });
    const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: user });
    try {
      await client.connect(transport);
      return client;
    } catch (error) {
      if (!(error instanceof UnauthorizedError) || attempt > 0) throw error;
      await transport.finishAuth(user.returned.at(-1)!);
      await client.close();
    }
  }
}

describe.each(ERAS)('the official client (%s)', (mode) => {
  test.for(['/mcp', '/mcp/box'])(
    `finds its way from a bare URL to a tool call: %s ${claim('I-AUTH.resource')}`,
    async (path) => {
      const user = new User();
      await using client = disposable(await signIn(user, `${platform.url}${path}`, mode));
      expect(user.asked[0]!.searchParams.get('resource')).toBe(`${platform.url}${path}`);
      expect(user.asked[0]!.searchParams.get('scope')).toBe('mcp:tools');
      const name = path === '/mcp' ? 'box_add' : 'add';
      expect((await client.listTools()).tools.map((tool) => tool.name)).toContain(name);
      const result = await client.callTool({ name, arguments: { a: 1, b: 2 } });
      expect(result.structuredContent).toEqual({ sum: 3 });
      const { tasks } = await platform.admin.operate('tasks.list', {});
      expect(JSON.stringify(tasks)).toContain('user:corp:alice%40example.org');
    },
  );

  test(`gets a token with the scope that it lacks ${claim('I-AUTH.resource')}`, async () => {
    const user = new User();
    const url = `${platform.url}/mcp/box`;
    {
      await using client = disposable(await signIn(user, url, mode));
      await expect(client.readResource({ uri: 'note://1' })).rejects.toThrow();
    }
    // It went to the browser again, for what it had and what it lacked.
    expect(user.asked.at(-1)!.searchParams.get('scope')!.split(' ').toSorted()).toEqual(['mcp:resources', 'mcp:tools']);
    const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: user });
    await transport.finishAuth(user.returned.at(-1)!);
    await using client = disposable(await signIn(user, url, mode));
    expect((await client.readResource({ uri: 'note://1' })).contents).toMatchObject([{ text: 'first' }]);
    expect((await client.callTool({ name: 'add', arguments: { a: 1, b: 1 } })).structuredContent).toEqual({ sum: 2 });
  });
});

const disposable = (client: Client): Client & AsyncDisposable =>
  Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });

describe('what a client is told', () => {
  const get = (path: string, headers: Record<string, string> = {}) => fetch(`${platform.url}${path}`, { headers });

  test.for(['', '/mcp', '/mcp/box', '/mcp/v/any'])(
    `the metadata of the resource %s ${claim('I-AUTH.resource')}`,
    async (path) => {
      const response = await get(`/.well-known/oauth-protected-resource${path}`);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({
        resource: `${platform.url}${path}`,
        authorization_servers: [issuer.issuer],
        scopes_supported: ['mcp:tools', 'mcp:resources', 'mcp:prompts'],
        bearer_methods_supported: ['header'],
        resource_name: 'Agent Infrastructure Platform',
      });
    },
  );

  test('that there is no other resource', async () => {
    for (const path of ['/x', '/mcp/a/b', '/mcp/', '/../etc'])
      expect((await get(`/.well-known/oauth-protected-resource${path}`)).status).toBe(404);
  });

  test.for([
    ['/mcp', {}, '/mcp', undefined],
    ['/mcp/box', {}, '/mcp/box', undefined],
    ['/mcp/v/any', {}, '/mcp/v/any', undefined],
    ['/mcp/box', { authorization: 'Bearer a.b.c' }, '/mcp/box', 'invalid_token'],
    ['/mcp', { authorization: 'Bearer nonsense' }, '/mcp', 'invalid_token'],
    ['/mcp', { authorization: 'Basic YTpi' }, '/mcp', 'invalid_token'],
    ['/v1/agents/list', { authorization: 'Bearer a.b.c' }, '', 'invalid_token'],
    ['/v1/agents/list', {}, '', undefined],
  ] as const)(
    `a challenge that leads there: %s ${claim('I-AUTH.resource')}`,
    async ([path, headers, resource, error]) => {
      const response = await get(path, headers);
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toBe(
        `Bearer resource_metadata="${platform.url}/.well-known/oauth-protected-resource${resource}"` +
          `${error ? `, error="${error}"` : ''}, scope="mcp:tools"`,
      );
    },
  );

  test(`which scope is missing, over every protocol ${claim('I-AUTH.resource')}`, async () => {
    const bearer = async (scope: string, resource = platform.url) =>
      `Bearer ${await issuer.token(resource, { scope })}`;
    for (const [method, params, scope] of [
      ['tools/call', { name: 'add', arguments: { a: 1, b: 2 } }, 'mcp:tools'],
      ['resources/read', { uri: 'note://1' }, 'mcp:resources'],
      ['prompts/get', { name: 'hello', arguments: { who: 'me' } }, 'mcp:prompts'],
    ] as const) {
      const url = `${platform.url}/mcp/box`;
      const without = await fetch(url, {
        method: 'POST',
        headers: {
          authorization: await bearer('other'),
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      });
      expect(without.status).toBe(403);
      expect(without.headers.get('www-authenticate')).toBe(
        `Bearer error="insufficient_scope", scope="other ${scope}", resource_metadata="${platform.url}/.well-known/oauth-protected-resource/mcp/box"`,
      );
      const authorization = await bearer(scope);
      expect((await post(url, method, params, { headers: { authorization } })).status).toBe(200);
    }
    const invoke = (authorization: string) =>
      fetch(`${platform.url}/v1/invoke`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ to: 'tool:box/add', arguments: { a: 1, b: 2 } }),
      });
    const denied = await invoke(await bearer('mcp:resources'));
    expect(denied.status).toBe(403);
    expect(await denied.json()).toMatchObject({ error: { code: 'INSUFFICIENT_SCOPE' } });
    expect((await invoke(await bearer('mcp:tools'))).status).toBe(200);
  });
});

describe('a token', () => {
  /** As it is written, which fetch would not leave it. */
  const statusOf = (authorization: string | undefined, path: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(platform.url);
      const headers = {
        ...(authorization === undefined ? {} : { authorization }),
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      };
      request({ hostname, port, path, method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .once('error', reject)
        .end(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }));
    });
  const list = async (authorization: string, path = '/mcp') =>
    (await post(`${platform.url}${path}`, 'tools/list', {}, { headers: { authorization } })).status;

  test(`for one endpoint opens no other ${claim('I-AUTH.audience')}`, async () => {
    const token = `Bearer ${await issuer.token(`${platform.url}/mcp/box`)}`;
    expect(await list(token, '/mcp/box')).toBe(200);
    expect(await list(token, '/mcp')).toBe(401);
    // Nor by another spelling of the path.
    const { url } = platform;
    for (const path of ['/%6dcp', `${url}/mcp`, '/mcp/box/../notes', '/mcp//box', '/mcp/box%2f..'])
      for (const authorization of [token, `${token} x`, undefined])
        expect([401, 404], `${path} ${authorization?.slice(-2)}`).toContain(await statusOf(authorization, path));
    for (const path of ['/%6dcp/box', '/mcp/%62ox', `${url}/mcp/box`]) {
      expect(await statusOf(token, path), path).toBe(200);
      expect(await statusOf(undefined, path), path).toBe(401);
    }
    expect((await fetch(`${platform.url}/v1/agents/list`, { headers: { authorization: token } })).status).toBe(401);
    expect(await list(`Bearer ${await issuer.token('https://elsewhere.example/mcp')}`)).toBe(401);
  });

  test('of the platform itself works as before', async () => {
    expect(await list(`Bearer ${platform.adminToken}`)).toBe(200);
    const { token } = await platform.admin.operate('tokens.create', { name: 'bob' });
    expect(await list(`Bearer ${token}`)).toBe(200);
  });

  test('makes an operator of whom the issuer says is one', async () => {
    const pins = async (claims: JsonObject) =>
      (
        await fetch(`${platform.url}/v1/mcp/pins`, {
          headers: { authorization: `Bearer ${await issuer.token(platform.url, claims)}` },
        })
      ).status;
    expect(await pins({ roles: ['ops'] })).toBe(200);
    expect(await pins({ roles: ['operator', 'admin'] })).toBe(403);
  });

  test(`never reaches an upstream, wherever the caller puts it ${claim('I-AUTH.passthrough')}`, async () => {
    const token = await issuer.token(`${platform.url}/mcp/box`);
    const before = upstream.calls.length;
    const answer = await post(
      `${platform.url}/mcp/box`,
      'tools/call',
      {
        name: 'add',
        arguments: { a: 1, b: 2 },
        _meta: { authorization: `Bearer ${token}`, 'example.com/token': token },
      },
      { headers: { authorization: `Bearer ${token}`, 'x-forwarded-access-token': token, cookie: `session=${token}` } },
    );
    expect(answer.body).toMatchObject({ result: { structuredContent: { sum: 3 } } });
    expect(upstream.calls).toHaveLength(before + 1);
    const seen = JSON.stringify([upstream.headers, upstream.calls]);
    const [header, payload, signature] = token.split('.');
    for (const part of [token, signature!, payload!, header!]) expect(seen).not.toContain(part);
    expect(upstream.headers.every((headers) => headers.authorization === undefined)).toBe(true);
    // Nor the log, nor what operators are shown.
    const { tasks } = await platform.admin.operate('tasks.list', {});
    expect(JSON.stringify(tasks)).not.toContain(signature);
  });
});
