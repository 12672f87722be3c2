import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { toNodeHandler, type NodeIncomingMessageLike } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';

/** For tests: an MCP server that lets in nobody without a token, and the authorization server that makes them. */
export interface ProtectedServer extends AsyncDisposable {
  /** The MCP endpoint. */
  readonly url: string;
  readonly issuer: string;
  /** Authorization headers that reached the MCP endpoint, in order; '' for none. */
  readonly presented: string[];
  /** Methods that were carried out, with whose token. */
  readonly served: string[];
  /** Bodies of token requests, with how the client authenticated. */
  readonly tokenRequests: Record<string, string>[];
  readonly registrations: unknown[];
  /** Who is logged in in the browser that the next authorization request comes from. */
  user: string;
  /** What a tool call needs beyond being logged in. */
  scope: string | undefined;
  /** How the token endpoint answers instead of with tokens. */
  failure: { readonly status: number; readonly body: object } | undefined;
  /** Put over the authorization server's metadata; undefined takes a field away. */
  metadata: Record<string, unknown>;
  /** The body of the token endpoint's answer, which says 200, instead of tokens. */
  tokenAnswer: string | undefined;
  /** What the authorization response says of the issuer, instead of the truth. */
  claimedIssuer: string | undefined;
  /** Awaited before a refresh token is looked at. */
  beforeRefresh: (() => Promise<void>) | undefined;
  /** Access tokens made so far are no longer good. */
  expire(): void;
  /** The first refresh token that was made is no longer good; others stay. */
  spend(): void;
  /** No token made so far is good any more, refresh tokens neither. */
  revoke(): void;
}

interface Grant {
  readonly user: string;
  readonly scope: string;
}

export interface ProtectedServerOptions {
  /** The authorization server listens on a port of its own. */
  readonly apart?: boolean;
  readonly clientIdMetadata?: boolean;
  readonly registration?: boolean;
  /** Everybody may look; only calls need a token. */
  readonly openLists?: boolean;
  /** It has a tool that says what it was told. */
  readonly repeats?: boolean;
}

export async function startProtectedServer(options: ProtectedServerOptions = {}): Promise<ProtectedServer> {
  const codes = new Map<string, Grant & { challenge: string; client: string; redirect: string; resource: string }>();
  const access = new Map<string, Grant>();
  const refresh = new Map<string, Grant>();
  const spent = new Set<string>();
  const handler = toNodeHandler(createMcpHandler(() => tools(() => current, options), { legacy: 'reject' }));
  let current: Grant & { presented?: string } = { user: '', scope: '' };

  const authorization = createServer((request, response) => void authorize(request, response));
  const resource = createServer((request, response) => void serve(request, response));
  const own = await listen(resource);
  const issuer = options.apart === true ? await listen(authorization) : own;

  const server: ProtectedServer = {
    url: `${own}/mcp`,
    issuer,
    presented: [],
    served: [],
    tokenRequests: [],
    registrations: [],
    user: 'alice@example.com',
    scope: undefined,
    failure: undefined,
    metadata: {},
    tokenAnswer: undefined,
    claimedIssuer: undefined,
    beforeRefresh: undefined,
    expire: () => access.clear(),
    spend() {
      const [first] = refresh.keys();
      if (first !== undefined) refresh.delete(first);
    },
    revoke() {
      access.clear();
      refresh.clear();
    },
    async [Symbol.asyncDispose]() {
      for (const listening of [resource, authorization]) {
        listening.closeAllConnections();
        if (listening.listening) await new Promise((resolve) => listening.close(resolve));
      }
    },
  };

  // ── the MCP server ─────────────────────────────────────────────────────────────────────────────────

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '', own);
    if (pathname === '/.well-known/oauth-protected-resource/mcp')
      return json(response, 200, { resource: `${own}/mcp`, authorization_servers: [issuer] });
    if (pathname !== '/mcp') return options.apart === true ? json(response, 404, {}) : authorize(request, response);
    const presented = request.headers.authorization ?? '';
    server.presented.push(presented);
    const grant = access.get(presented.replace(/^Bearer /, ''));
    const metadata = `resource_metadata="${own}/.well-known/oauth-protected-resource/mcp"`;
    const isOpen = options.openLists === true && request.headers['mcp-method'] !== 'tools/call';
    if (!grant && !isOpen) {
      response.setHeader('www-authenticate', `Bearer ${metadata}, scope="read"`);
      return json(response, 401, { error: 'invalid_token' });
    }
    if (
      request.headers['mcp-method'] === 'tools/call' &&
      grant &&
      server.scope &&
      !grant.scope.split(' ').includes(server.scope)
    ) {
      response.setHeader('www-authenticate', `Bearer error="insufficient_scope", scope="${server.scope}", ${metadata}`);
      return json(response, 403, {});
    }
    current = { ...(grant ?? { user: 'nobody', scope: '' }), presented };
    server.served.push(`${String(request.headers['mcp-method'])} ${current.user}`);
    await handler(request as NodeIncomingMessageLike, response);
  }

  // ── the authorization server ───────────────────────────────────────────────────────────────────────

  async function authorize(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '', issuer);
    if (pathname === '/.well-known/oauth-authorization-server') return json(response, 200, metadata());
    if (pathname === '/register' && options.registration !== false) {
      const client = JSON.parse(await bodyOf(request)) as object;
      server.registrations.push(client);
      return json(response, 201, { ...client, client_id: `client-${server.registrations.length}` });
    }
    if (pathname === '/authorize') {
      const code = randomUUID();
      const of = (name: string): string => query.get(name) ?? '';
      codes.set(code, {
        user: server.user,
        scope: of('scope'),
        challenge: of('code_challenge'),
        client: of('client_id'),
        redirect: of('redirect_uri'),
        resource: of('resource'),
      });
      const back = new URL(of('redirect_uri'));
      back.search = new URLSearchParams({ code, state: of('state'), iss: server.claimedIssuer ?? issuer }).toString();
      return void response.writeHead(302, { location: back.href }).end();
    }
    if (pathname === '/token') return token(request, response);
    return json(response, 404, {});
  }

  async function token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = Object.fromEntries(new URLSearchParams(await bodyOf(request)));
    server.tokenRequests.push({ ...form, authorization: request.headers.authorization ?? '' });
    // Others get their turn before the answer, so that what is not single-flight is seen not to be.
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (form['grant_type'] === 'refresh_token') await server.beforeRefresh?.();
    if (server.failure) return json(response, server.failure.status, server.failure.body);
    if (server.tokenAnswer !== undefined)
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(server.tokenAnswer);
    const grant = grantOf(form);
    if (!grant) return json(response, 400, { error: 'invalid_grant' });
    const [made, next] = [randomUUID(), randomUUID()];
    access.set(made, grant);
    refresh.set(next, grant);
    const renewable = form['grant_type'] === 'client_credentials' ? {} : { refresh_token: next };
    return json(response, 200, {
      access_token: made,
      token_type: 'Bearer',
      expires_in: 3600,
      scope: grant.scope,
      ...renewable,
    });
  }

  function grantOf(form: Record<string, string>): Grant | undefined {
    if (form['grant_type'] === 'client_credentials') return { user: 'the platform', scope: form['scope'] ?? '' };
    if (form['grant_type'] === 'refresh_token') {
      const used = form['refresh_token'] ?? '';
      // Seen twice, it has been stolen: nothing that came of it is good any more (OAuth 2.1, section 4.3.1).
      if (spent.has(used)) server.revoke();
      const grant = refresh.get(used);
      refresh.delete(used);
      spent.add(used);
      return grant;
    }
    const code = codes.get(form['code'] ?? '');
    codes.delete(form['code'] ?? '');
    const challenge = createHash('sha256')
      .update(form['code_verifier'] ?? '')
      .digest('base64url');
    const isFit =
      code?.challenge === challenge && code.redirect === form['redirect_uri'] && code.resource === form['resource'];
    return code && isFit ? { user: code.user, scope: code.scope } : undefined;
  }

  const metadata = (): object => ({
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    ...(options.registration === false ? {} : { registration_endpoint: `${issuer}/register` }),
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'private_key_jwt'],
    client_id_metadata_document_supported: options.clientIdMetadata === true,
    authorization_response_iss_parameter_supported: true,
    ...server.metadata,
  });

  return server;
}

function tools(grant: () => Grant & { presented?: string }, { repeats }: ProtectedServerOptions): McpServer {
  const server = new McpServer({ name: 'protected', version: '1.0.0' }, { capabilities: { tools: {}, resources: {} } });
  server.registerTool('whoami', { description: 'Says whose token this is.', inputSchema: z.object({}) }, () => ({
    content: [{ type: 'text', text: grant().user }],
  }));
  if (repeats)
    server.registerTool('echo', { description: 'Says what it was told.', inputSchema: z.object({}) }, () => ({
      content: [{ type: 'text', text: `authorization: ${grant().presented}` }],
    }));
  server.registerResource('diary', 'diary://today', {}, () => ({
    contents: [{ uri: 'diary://today', text: grant().user }],
  }));
  return server;
}

function listen(server: ReturnType<typeof createServer>): Promise<string> {
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)),
  );
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  return Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString();
}

const json = (response: ServerResponse, status: number, body: object): void =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
