import { AipError } from '@aip/wire';
import {
  auth,
  discoverOAuthServerInfo,
  OAuthError,
  OAuthErrorCode,
  refreshAuthorization,
  selectResourceURL,
  type OAuthClientProvider,
  type StoredOAuthTokens,
} from '@modelcontextprotocol/client';
import type { ReadSecret } from '../../../../kernel/secret.ts';
import type { OAuthSettings } from '../config.ts';
import type { Account } from './account.ts';
import { keyAuthentication, registeredClient } from './client.ts';
import type { Credentials } from './credentials.ts';
import { checkIssuer } from './login.ts';

export interface RenewalOptions {
  readonly server: string;
  readonly url: URL;
  readonly settings: OAuthSettings;
  readonly readSecret: ReadSecret;
  readonly credentials: Credentials;
  readonly fetch: typeof fetch;
}

export interface Challenge {
  readonly resourceMetadataUrl?: URL | undefined;
  readonly scope?: string | undefined;
}

/**
 * New tokens for a refresh token, which a careful server takes once only (OAuth 2.1, section 4.3.1). Undefined when
 * there is nothing to renew with, or what there was is no longer good: then it is forgotten. An account that has logged
 * out or in anew meanwhile keeps to that: what it has then is returned.
 * Throws UPSTREAM_FAILED when the authorization server cannot be asked; the tokens stay.
 */
export async function refresh(
  { server, url, settings, readSecret, credentials, fetch }: RenewalOptions,
  account: Account,
  { resourceMetadataUrl }: Challenge,
): Promise<StoredOAuthTokens | undefined> {
  const old = await credentials.tokens(account);
  if (old?.refresh_token === undefined) return undefined;
  const found = await discoverOAuthServerInfo(url, {
    fetchFn: fetch,
    ...(resourceMetadataUrl ? { resourceMetadataUrl } : {}),
  });
  checkIssuer(server, settings, found);
  const issuer = found.authorizationServerMetadata?.issuer ?? found.authorizationServerUrl;
  const client = (await registeredClient(settings, readSecret)) ?? (await credentials.client(issuer));
  // What one authorization server has issued is never shown to another.
  if (!client || old.issuer !== issuer) return undefined;
  const addClientAuthentication = keyAuthentication(settings, readSecret);
  await selectResourceURL(url, {} as OAuthClientProvider, found.resourceMetadata);
  try {
    const renewed = await refreshAuthorization(found.authorizationServerUrl, {
      clientInformation: client,
      refreshToken: old.refresh_token,
      fetchFn: fetch,
      ...(found.authorizationServerMetadata ? { metadata: found.authorizationServerMetadata } : {}),
      ...(found.resourceMetadata ? { resource: found.resourceMetadata.resource } : {}),
      ...(addClientAuthentication ? { addClientAuthentication } : {}),
    });
    // What it does not repeat stays as it was (RFC 6749, section 5.1).
    const tokens = { ...(old.scope === undefined ? {} : { scope: old.scope }), ...renewed, issuer };
    await credentials.replace(account, old, tokens);
  } catch (error) {
    if (!isOver(error)) throw error;
    if (!isGrantOver(error)) await credentials.forgetClient(issuer);
    await credentials.replace(account, old, undefined);
  }
  return credentials.tokens(account);
}

const GRANT_OVER: ReadonlySet<string> = new Set([OAuthErrorCode.InvalidGrant]);
const OVER: ReadonlySet<string> = new Set([
  OAuthErrorCode.InvalidGrant,
  OAuthErrorCode.InvalidClient,
  OAuthErrorCode.UnauthorizedClient,
]);

/** The authorization server says that only a new login helps. */
const isGrantOver = (error: unknown): boolean => error instanceof OAuthError && GRANT_OVER.has(error.code);

const isOver = (error: unknown): boolean => error instanceof OAuthError && OVER.has(error.code);

/** Tokens for the platform itself, by its client secret or private key (RFC 6749, section 4.4). Throws CONFIG_INVALID. */
export async function clientCredentials(
  { server, url, settings, readSecret, credentials, fetch }: RenewalOptions,
  account: Account,
  { resourceMetadataUrl, scope }: Challenge,
): Promise<StoredOAuthTokens | undefined> {
  const client = await registeredClient(settings, readSecret);
  if (!client)
    throw new AipError('CONFIG_INVALID', `mcp.servers.${server}.oauth.client_id has to be set for client_credentials.`);
  const addClientAuthentication = keyAuthentication(settings, readSecret);
  const provider: OAuthClientProvider = {
    redirectUrl: undefined,
    clientMetadata: { redirect_uris: [], grant_types: ['client_credentials'] },
    clientInformation: () => client,
    tokens: () => undefined,
    saveTokens: (tokens) => credentials.save(account, tokens),
    redirectToAuthorization: () => {},
    saveCodeVerifier: () => {},
    codeVerifier: () => '',
    saveDiscoveryState: (found) => checkIssuer(server, settings, found),
    prepareTokenRequest: (wanted) =>
      new URLSearchParams({ grant_type: 'client_credentials', ...(wanted === undefined ? {} : { scope: wanted }) }),
    ...(addClientAuthentication ? { addClientAuthentication } : {}),
  };
  await auth(provider, {
    serverUrl: url,
    fetchFn: fetch,
    ...(resourceMetadataUrl ? { resourceMetadataUrl } : {}),
    ...(scope === undefined ? {} : { scope }),
  });
  return credentials.tokens(account);
}
