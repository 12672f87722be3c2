import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '@aip/wire';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

/** For tests: an OAuth 2.1 authorization server that lets everybody in, as whoever they say. */
export interface TestIssuer extends AsyncDisposable {
  /** Issuer identifier. */
  readonly issuer: string;
  /** Paths that were asked for, in order. */
  readonly requests: string[];
  /** Claims of the access tokens from now on, beside those that the flow decides. */
  claims: JsonObject;
  /** Signs anything; `header` and `key` as a forger would choose them. */
  sign(claims: JsonObject, options?: { header?: JsonObject; key?: CryptoKey | Uint8Array }): Promise<string>;
  /** An access token for a resource, good in every respect. */
  token(resource: string, claims?: JsonObject): Promise<string>;
  /** Signs with a new key from now on; the old one is gone from the published ones. */
  rotate(): Promise<void>;
  /** Answers everything with this status from now on; undefined ends it. */
  fail(status: number | undefined): void;
  /** What it says of itself, where a test wants it to say something else. */
  metadata: JsonObject;
}

interface Grant {
  readonly challenge: string;
  readonly client: string;
  readonly resource: string;
  readonly scope: string;
  readonly redirect: string;
}

const SUBJECT = 'alice@example.org';

export async function startTestIssuer(
  options: { path?: string; discovery?: 'oauth' | 'openid'; algorithm?: 'ES256' | 'RS256' | 'EdDSA' } = {},
): Promise<TestIssuer> {
  const { path = '', discovery = 'oauth', algorithm = 'ES256' } = options;
  const requests: string[] = [];
  const grants = new Map<string, Grant>();
  let signing = await newKey(algorithm);
  let failure: number | undefined;

  const well = {
    oauth: `/.well-known/oauth-authorization-server${path}`,
    openid: `${path}/.well-known/openid-configuration`,
  }[discovery];

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', issuer);
    requests.push(url.pathname);
    const json = (status: number, value: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (failure !== undefined) return void json(failure, {});
    switch (url.pathname) {
      case well:
        return void json(200, { ...standardMetadata(issuer), ...server.metadata });
      case `${path}/jwks`:
        return void json(200, { keys: [signing.jwk] });
      case `${path}/register`:
        return void json(201, {
          ...(JSON.parse(await textOf(request)) as object),
          client_id: `client-${randomUUID()}`,
        });
      case `${path}/authorize`: {
        const code = randomUUID();
        const asked = (name: string): string => url.searchParams.get(name) ?? '';
        grants.set(code, {
          challenge: asked('code_challenge'),
          client: asked('client_id'),
          resource: asked('resource'),
          scope: asked('scope'),
          redirect: asked('redirect_uri'),
        });
        const back = new URL(asked('redirect_uri'));
        for (const [name, value] of Object.entries({ code, state: asked('state'), iss: issuer }))
          back.searchParams.set(name, value);
        return void response.writeHead(302, { location: back.href }).end();
      }
      case `${path}/token`:
        return exchangeCode(new URLSearchParams(await textOf(request)), json);
      default:
        return void json(404, {});
    }
  }

  async function exchangeCode(form: URLSearchParams, json: (status: number, value: unknown) => void): Promise<void> {
    const code = form.get('code') ?? '';
    const grant = grants.get(code);
    grants.delete(code);
    const verifier = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    const fits =
      grant?.challenge === verifier &&
      grant.resource !== '' &&
      grant.resource === form.get('resource') &&
      grant.redirect === form.get('redirect_uri');
    if (!fits) return json(400, { error: 'invalid_grant' });
    const token = await server.token(grant.resource, {
      client_id: grant.client,
      scope: grant.scope,
      ...server.claims,
    });
    json(200, { access_token: token, token_type: 'Bearer', expires_in: 600, scope: grant.scope });
  }

  const http = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}${path}`;

  const server: TestIssuer = {
    issuer,
    requests,
    claims: {},
    metadata: {},
    sign: (claims, { header = {}, key = signing.privateKey } = {}) =>
      new SignJWT(claims).setProtectedHeader({ alg: algorithm, kid: signing.kid, typ: 'at+jwt', ...header }).sign(key),
    token(resource, claims = {}) {
      const now = Math.floor(Date.now() / 1000);
      return server.sign({
        iss: issuer,
        sub: SUBJECT,
        aud: resource,
        client_id: 'test-client',
        iat: now,
        exp: now + 600,
        jti: randomUUID(),
        scope: 'mcp:tools mcp:resources mcp:prompts',
        ...claims,
      });
    },
    async rotate() {
      signing = await newKey(algorithm);
    },
    fail(status) {
      failure = status;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeAllConnections();
      await closed;
    },
  };
  return server;
}

async function newKey(algorithm: string): Promise<{ privateKey: CryptoKey; jwk: JWK; kid: string }> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const kid = randomUUID();
  return { privateKey, kid, jwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' } };
}

const standardMetadata = (issuer: string): JsonObject => ({
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  registration_endpoint: `${issuer}/register`,
  jwks_uri: `${issuer}/jwks`,
  response_types_supported: ['code'],
  grant_types_supported: ['authorization_code'],
  code_challenge_methods_supported: ['S256'],
  token_endpoint_auth_methods_supported: ['none'],
  authorization_response_iss_parameter_supported: true,
});

async function textOf(request: IncomingMessage): Promise<string> {
  return Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString('utf8');
}
