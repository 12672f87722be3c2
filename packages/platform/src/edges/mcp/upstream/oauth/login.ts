import { randomBytes } from 'node:crypto';
import { AipError } from '@aip/wire';
import {
  auth,
  StreamableHTTPClientTransport,
  type OAuthClientProvider,
  type OAuthDiscoveryState,
  type StoredOAuthClientInformation,
} from '@modelcontextprotocol/client';
import type { ReadSecret } from '../../../../kernel/secret.ts';
import type { OAuthSettings } from '../config.ts';
import type { Account } from './account.ts';
import { clientMetadata, keyAuthentication, registeredClient, type ClientIdentity } from './client.ts';
import type { Credentials } from './credentials.ts';

/** A login that somebody has begun and a browser has to finish. */
export interface Login {
  /** Comes back with the browser: unguessable, good once. */
  readonly state: string;
  readonly server: string;
  readonly account: Account;
  /** Where to log in, at the authorization server. */
  readonly url: string;
  /** Exchanges what the browser has brought back for tokens, and keeps them. */
  finish(answer: URLSearchParams): Promise<void>;
}

export interface LoginOptions {
  readonly server: string;
  readonly url: URL;
  readonly account: Account;
  readonly settings: OAuthSettings;
  readonly identity: ClientIdentity;
  readonly readSecret: ReadSecret;
  readonly credentials: Credentials;
  readonly fetch: typeof fetch;
  /** Where the server says that its metadata is (RFC 9728, section 5.1). */
  readonly resourceMetadataUrl: URL | undefined;
  readonly scope: string | undefined;
}

/**
 * Authorization code flow with PKCE through the SDK: discovery (RFC 9728, RFC 8414, OpenID Connect), client metadata
 * document, registration, `resource` (RFC 8707) and the check of `iss` (RFC 9207) are its work; what is remembered
 * between the two halves is here.
 */
export async function beginLogin(options: LoginOptions): Promise<Login> {
  const { server, url, account, fetch, resourceMetadataUrl, scope } = options;
  const state = randomBytes(32).toString('base64url');
  const { provider, authorizationUrl } = await loginProvider(options, state);
  await auth(provider, {
    serverUrl: url,
    fetchFn: fetch,
    forceReauthorization: true,
    ...(resourceMetadataUrl ? { resourceMetadataUrl } : {}),
    ...(scope === undefined ? {} : { scope }),
  });
  return {
    state,
    server,
    account,
    url: authorizationUrl(),
    // The SDK reads the browser's answer in the one order that is safe: whose it is first, what it says after.
    finish: (answer) => new StreamableHTTPClientTransport(url, { authProvider: provider, fetch }).finishAuth(answer),
  };
}

async function loginProvider(
  { server, account, settings, identity, readSecret, credentials }: LoginOptions,
  state: string,
): Promise<{ provider: OAuthClientProvider; authorizationUrl: () => string }> {
  const { redirectUrl, metadataUrl } = identity;
  const registered = await registeredClient(settings, readSecret);
  const addClientAuthentication = keyAuthentication(settings, readSecret);
  let discovered: OAuthDiscoveryState | undefined;
  let verifier = '';
  let target: URL | undefined;
  const provider: OAuthClientProvider = {
    redirectUrl,
    clientMetadata: {
      ...clientMetadata(redirectUrl),
      ...(settings.scopes?.length ? { scope: settings.scopes.join(' ') } : {}),
    },
    ...(metadataUrl === undefined ? {} : { clientMetadataUrl: metadataUrl }),
    state: () => state,
    clientInformation: async (context) => registered ?? (context && (await credentials.client(context.issuer))),
    ...(registered
      ? {}
      : {
          saveClientInformation: async (client: StoredOAuthClientInformation, context?: { issuer: string }) =>
            context && credentials.saveClient(context.issuer, client),
        }),
    // A login is for new tokens; those there are stay good until it is done.
    tokens: () => undefined,
    saveTokens: (tokens) => credentials.save(account, tokens),
    redirectToAuthorization: (to) => void (target = to),
    saveCodeVerifier: (made) => void (verifier = made),
    codeVerifier: () => verifier,
    discoveryState: () => discovered,
    saveDiscoveryState: (found) => {
      checkIssuer(server, settings, found);
      checkPkce(server, found);
      discovered = found;
    },
    ...(addClientAuthentication ? { addClientAuthentication } : {}),
  };
  return {
    provider,
    authorizationUrl() {
      if (target?.protocol === 'https:' || target?.protocol === 'http:') return target.href;
      throw new AipError('UPSTREAM_FAILED', `${server}: its authorization server has no page to log in on.`);
    },
  };
}

/** An operator who names the issuer means no other. */
export function checkIssuer(server: string, { issuer }: OAuthSettings, found: OAuthDiscoveryState): void {
  const actual = found.authorizationServerMetadata?.issuer ?? found.authorizationServerUrl;
  if (issuer === undefined || withoutSlash(issuer) === withoutSlash(actual)) return;
  throw new AipError(
    'UPSTREAM_FAILED',
    `${server}: it sends its users to ${actual.slice(0, 200)} to log in, and mcp.servers.${server}.oauth.issuer is ${issuer}.`,
  );
}

/**
 * Without PKCE whoever catches a code has the account. A server whose metadata does not name S256 may ignore it, and
 * clients must not go on then (MCP 2025-11-25, authorization code protection); one without metadata is of 2025-03-26.
 */
function checkPkce(server: string, { authorizationServerMetadata: metadata }: OAuthDiscoveryState): void {
  if (!metadata || metadata.code_challenge_methods_supported?.includes('S256')) return;
  throw new AipError(
    'UPSTREAM_FAILED',
    `${server}: its authorization server does not say that it takes PKCE with S256 (code_challenge_methods_supported), so nobody can log in there safely.`,
  );
}

const withoutSlash = (text: string): string => text.replace(/\/$/, '');
