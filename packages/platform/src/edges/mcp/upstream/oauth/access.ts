import { AipError } from '@aip/wire';
import {
  computeScopeUnion,
  extractWWWAuthenticateParams,
  OAuthClientFlowError,
  OAuthError,
  RegistrationRejectedError,
  type StoredOAuthTokens,
} from '@modelcontextprotocol/client';
import { z } from 'zod';
import type { FetchFor } from '../../../../kernel/outbound.ts';
import { createRecentMap } from '../../../../kernel/recent-map.ts';
import { withoutSecrets, type ReadSecret } from '../../../../kernel/secret.ts';
import type { Vault } from '../../../../kernel/vault.ts';
import type { HttpUpstream } from '../config.ts';
import { aipErrorIn } from '../failures.ts';
import { accountKey, type Account } from './account.ts';
import { errorCode, usableAnswers } from './answers.ts';
import type { ClientIdentity } from './client.ts';
import { createCredentials } from './credentials.ts';
import { beginLogin, type Login } from './login.ts';
import { clientCredentials, refresh, type Challenge, type RenewalOptions } from './renewal.ts';

/** Metadata and token answers are small and quick, or they are nothing. */
const ANSWER_LIMITS = { maxBytes: 512 * 1024, timeout: 15_000 };
/** Accounts of which it is remembered what the server last asked for, and what it was told. */
const MAX_CHALLENGES = 1_000;
/** Tokens of one account that are: an answer may come after the next one has been made. */
const MAX_PRESENTED = 4;
/** Longest list of scopes that is gathered, in characters. */
const MAX_SCOPE = 2_000;

/** Getting into one server that is reached over HTTP: whose tokens go along, how they are renewed, how to log in. */
export interface Access {
  /** The account of everybody, when the platform logs in by itself. */
  readonly service: Account | undefined;
  /** How to speak for the account, with its token, or for nobody. */
  as(account: Account | undefined): Voice;
  /** Whether the account has logged in. */
  has(account: Account): Promise<boolean>;
  /** Who has logged in; the latest first. */
  accounts(): Promise<readonly Account[]>;
  /** What a caller is told who has to log in. */
  reauthorise(): AipError;
  /** Throws UPSTREAM_FAILED, ADDRESS_BLOCKED, CONFIG_INVALID when no login can be begun. */
  login(account: Account): Promise<Login>;
  /** false when the account was not logged in. */
  logout(account: Account): Promise<boolean>;
  /** Calls the listener when an account has logged in or out; returns how to stop that. */
  onChange(listener: (account: Account) => void): () => void;
}

/** Requests to the server, in whoever's name. */
export interface Voice {
  /** Throws REAUTHORISE when the server wants a login. */
  readonly fetch: typeof fetch;
  /** The tokens that it has been told lately: whoever was told one may repeat it. */
  told(): readonly string[];
}

export interface AccessOptions {
  readonly server: string;
  readonly config: HttpUpstream;
  readonly fetchFor: FetchFor;
  readonly vault: Vault;
  readonly readSecret: ReadSecret;
  readonly identity: () => ClientIdentity;
}

export function createAccess({ server, config, fetchFor, vault, readSecret, identity }: AccessOptions): Access {
  const settings = config.oauth ?? {};
  const url = new URL(config.url);
  const plain = fetchFor({ named: [config.url] });
  const credentials = createCredentials({ vault, server, url: url.href, redirectUrl: () => identity().redirectUrl });
  const service =
    settings.grant === 'client_credentials' ? { tenant: 'default', owner: `server:${server}` } : undefined;
  const challenges = createRecentMap<Challenge>(MAX_CHALLENGES);
  const presented = createRecentMap<readonly string[]>(MAX_CHALLENGES);
  const renewals = new Map<string, Promise<StoredOAuthTokens | undefined>>();
  const listeners = new Set<(account: Account) => void>();

  // ── the server's own requests ──────────────────────────────────────────────────────────────────────

  async function authorised(
    account: Account | undefined,
    ...[input, init]: Parameters<typeof fetch>
  ): Promise<Response> {
    const send = (tokens: StoredOAuthTokens | undefined): Promise<Response> => {
      const headers = new Headers(init?.headers);
      if (account && tokens) {
        remember(account, tokens.access_token);
        headers.set('authorization', `Bearer ${tokens.access_token}`);
      }
      return plain(input, { ...init, headers });
    };
    const held = account && (await credentials.tokens(account));
    let response = await send(held);
    if (response.status === 401 && account) {
      const challenge = await note(account, response);
      response = await send(await renewed(account, held, challenge));
    }
    if (response.status === 401 && (account || wantsOAuth(response))) {
      await note(account, response);
      throw reauthorise();
    }
    if (response.status === 403 && extractWWWAuthenticateParams(response).error === 'insufficient_scope')
      throw reauthorise((await note(account, response)).scope);
    return response;
  }

  const toldTo = (account: Account | undefined): readonly string[] =>
    (account && presented.get(accountKey(account))) ?? [];

  function remember(account: Account, token: string): void {
    const known = toldTo(account);
    if (known[0] === token) return;
    presented.set(accountKey(account), [token, ...known.filter((other) => other !== token)].slice(0, MAX_PRESENTED));
    presented.trim();
  }

  /** A server with another kind of credentials says no in another way. */
  const wantsOAuth = (response: Response): boolean =>
    config.oauth !== undefined ||
    (!hasOwnAuthorization(config) && /^(?:bearer|dpop)\b/i.test(response.headers.get('www-authenticate') ?? ''));

  /** Remembers what the server asks for, for the login that follows, and lets go of its answer. */
  async function note(account: Account | undefined, response: Response): Promise<Challenge> {
    const { resourceMetadataUrl, scope: wanted } = extractWWWAuthenticateParams(response);
    const scope = wanted && withoutSecrets(wanted, toldTo(account));
    await response.body?.cancel();
    const key = account ? accountKey(account) : ANYBODY;
    // Until somebody logs in, all that has been asked for is still missing.
    const all = computeScopeUnion(challenges.get(key)?.scope, scope);
    const challenge = { resourceMetadataUrl, scope: all !== undefined && all.length > MAX_SCOPE ? scope : all };
    challenges.set(key, challenge);
    challenges.trim();
    return challenge;
  }

  const reauthorise = (scope?: string): AipError =>
    new AipError(
      'REAUTHORISE',
      `${server} wants you to log in${scope === undefined ? '' : ` with the scope "${scope.slice(0, 200)}"`}: run "aip mcp login ${server}", or open the URL that the operation mcp.login returns.`,
      { details: { server, login: `aip mcp login ${server}`, ...(scope === undefined ? {} : { scope }) } },
    );

  // ── renewing ───────────────────────────────────────────────────────────────────────────────────────

  /** However many requests are refused at once, the refresh token is used once. */
  async function renewed(
    account: Account,
    refused: StoredOAuthTokens | undefined,
    challenge: Challenge,
  ): Promise<StoredOAuthTokens> {
    const key = accountKey(account);
    const now = await credentials.tokens(account);
    // Somebody else has been refused before, and has renewed them already.
    if (now && now.access_token !== refused?.access_token) return now;
    const renewal =
      renewals.get(key) ??
      (account === service ? clientCredentials : refresh)(renewalOptions(), account, challenge).finally(() =>
        renewals.delete(key),
      );
    renewals.set(key, renewal);
    const tokens = await renewal.catch((error: unknown) => {
      throw failed('its authorization server gives no new token', error);
    });
    if (tokens) return tokens;
    throw reauthorise();
  }

  const renewalOptions = (): RenewalOptions => ({
    server,
    url,
    settings,
    readSecret,
    credentials,
    fetch: metadataFetch(),
  });

  const metadataFetch = (): typeof fetch =>
    usableAnswers(
      fetchFor({ ...ANSWER_LIMITS, named: [config.url, ...(settings.issuer === undefined ? [] : [settings.issuer])] }),
    );

  const failed = (what: string, error: unknown): AipError =>
    aipErrorIn(error) ?? new AipError('UPSTREAM_FAILED', `${server}: ${what} (${reasonOf(error)}).`, { cause: error });

  // ── logging in ─────────────────────────────────────────────────────────────────────────────────────

  async function login(account: Account): Promise<Login> {
    const challenge = challenges.get(accountKey(account)) ?? challenges.get(ANYBODY) ?? {};
    const tokens = await credentials.tokens(account);
    // More than was asked for last, never less: a login for one tool must not end another's.
    const scope =
      challenge.scope === undefined
        ? undefined
        : computeScopeUnion(challenge.scope, tokens?.scope, settings.scopes?.join(' '));
    const watched = rememberingRefusals(metadataFetch());
    try {
      const begun = await beginLogin({
        server,
        url,
        account,
        settings,
        readSecret,
        credentials,
        identity: identity(),
        fetch: watched.fetch,
        resourceMetadataUrl: challenge.resourceMetadataUrl,
        scope: scope ?? (settings.scopes?.length ? settings.scopes.join(' ') : undefined),
      });
      return { ...begun, finish: (answer) => finish(begun, answer) };
    } catch (error) {
      // The SDK tries elsewhere when metadata cannot be had; why it could not be had is what helps.
      throw watched.refusal() ?? failed('no login can be begun', error);
    }
  }

  async function finish(begun: Login, answer: URLSearchParams): Promise<void> {
    try {
      await begun.finish(answer);
    } catch (error) {
      throw failed('the login was not completed', error);
    }
    challenges.delete(accountKey(begun.account));
    changed(begun.account);
  }

  function changed(account: Account): void {
    for (const listener of listeners) listener(account);
  }

  return {
    service,
    as: (account) => ({
      fetch: (...request) => authorised(account, ...request),
      told: () => toldTo(account),
    }),
    has: async (account) => (await credentials.tokens(account)) !== undefined,
    accounts: () => credentials.accounts(),
    reauthorise,
    login,
    async logout(account) {
      const was = await credentials.forget(account);
      changed(account);
      return was;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

const hasOwnAuthorization = ({ headers = {} }: HttpUpstream): boolean =>
  Object.keys(headers).some((name) => name.toLowerCase() === 'authorization');

/** Stands for those who are asked before anybody knows who they are. */
const ANYBODY = '';

/** In our words where we know what it means; nothing of an answer's body, which may hold what it should not. */
function reasonOf(error: unknown): string {
  if (error instanceof RegistrationRejectedError)
    return `it refuses to register this platform, HTTP ${error.status}; register a client there and set client_id`;
  if (error instanceof OAuthError) return `it answers ${errorCode(error.code)}`;
  if (error instanceof OAuthClientFlowError) return error.message.slice(0, 300);
  if (error instanceof Error && error.name === 'TimeoutError') return 'it has not answered in time';
  if (error instanceof TypeError) return 'it cannot be reached';
  // The runtime quotes what it could not read.
  if (error instanceof SyntaxError) return 'its answer is no JSON';
  if (error instanceof z.ZodError) return `its answer is not what OAuth wants: ${z.prettifyError(error).slice(0, 300)}`;
  return error instanceof Error ? error.message.slice(0, 300) : 'unknown';
}

function rememberingRefusals(send: typeof fetch): { fetch: typeof fetch; refusal: () => AipError | undefined } {
  let refusal: AipError | undefined;
  return {
    refusal: () => refusal,
    fetch: (...request) =>
      send(...request).catch((error: unknown) => {
        if (error instanceof AipError && error.code === 'ADDRESS_BLOCKED') refusal = error;
        throw error;
      }),
  };
}
