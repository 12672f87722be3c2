import { AipError, isJsonObject, type Json } from '@aip/wire';
import type { FetchFor } from '../kernel/outbound.ts';
import type { ReadSecret } from '../kernel/secret.ts';
import type { Auth } from './settings.ts';

/** What the platform adds to a request. Callers never see it, and what they send by these names is left out. */
export interface Credentials {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly cookies: readonly (readonly [name: string, value: string])[];
  /** What must not come back in an answer or a message. */
  readonly secrets: readonly string[];
}

export interface CredentialMaker {
  /** Throws CONFIG_INVALID for a secret that is not there, UPSTREAM_FAILED when no token is to be had. */
  make(signal: AbortSignal): Promise<Credentials>;
  /** After a refusal: the next call asks for a token anew. */
  refused(): void;
}

const NOTHING: Credentials = { headers: [], query: [], cookies: [], secrets: [] };

/** How long before its end a token is no longer used, in milliseconds. */
const MARGIN = 30_000;
const TOKEN_TIMEOUT = 15_000;
const MAX_TOKEN_ANSWER = 64 * 1024;

export function credentialMaker(auth: Auth | undefined, read: ReadSecret, fetchFor: FetchFor): CredentialMaker {
  if (auth === undefined) return { make: async () => NOTHING, refused: () => {} };
  if ('client_credentials' in auth) return clientCredentials(auth.client_credentials, read, fetchFor);
  return { make: () => fixed(auth, read), refused: () => {} };
}

async function fixed(auth: Exclude<Auth, { client_credentials: object }>, read: ReadSecret): Promise<Credentials> {
  if ('bearer' in auth) return bearer(await read(auth.bearer));
  if ('basic' in auth) {
    const password = await read(auth.basic.password);
    const encoded = Buffer.from(`${auth.basic.username}:${password}`).toString('base64');
    return { ...NOTHING, headers: [['authorization', `Basic ${encoded}`]], secrets: [password, encoded] };
  }
  const { in: place, name, value } = auth.api_key;
  const key = await read(value);
  const pair = [[name, key]] as const;
  if (place === 'header') return { ...NOTHING, headers: pair, secrets: [key] };
  return { ...NOTHING, ...(place === 'query' ? { query: pair } : { cookies: pair }), secrets: [key] };
}

const bearer = (token: string): Credentials => ({
  ...NOTHING,
  headers: [['authorization', `Bearer ${token}`]],
  secrets: [token],
});

type ClientCredentials = Extract<Auth, { client_credentials: object }>['client_credentials'];

/** OAuth 2.0 client credentials (RFC 6749, section 4.4); the client authenticates by HTTP Basic (section 2.3.1). */
function clientCredentials(client: ClientCredentials, read: ReadSecret, fetchFor: FetchFor): CredentialMaker {
  const fetch = fetchFor({ named: [client.token_url], maxBytes: MAX_TOKEN_ANSWER, timeout: TOKEN_TIMEOUT });
  let token: { readonly value: string; readonly until: number } | undefined;
  let asking: Promise<string> | undefined;

  async function ask(): Promise<string> {
    const secret = await read(client.client_secret);
    const basic = Buffer.from(`${formEncoded(client.client_id)}:${formEncoded(secret)}`).toString('base64');
    const body = new URLSearchParams({ grant_type: 'client_credentials' });
    if (client.scope !== undefined) body.set('scope', client.scope);
    const answer = await fetch(client.token_url, {
      method: 'POST',
      redirect: 'error',
      headers: {
        authorization: `Basic ${basic}`,
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: body.toString(),
    }).catch((cause: unknown) => {
      throw new AipError('UPSTREAM_FAILED', 'The token endpoint cannot be reached.', { cause });
    });
    const given = (await answer.json().catch(() => undefined)) as Json | undefined;
    const value = isJsonObject(given) ? given['access_token'] : undefined;
    if (!answer.ok || typeof value !== 'string')
      throw new AipError('UPSTREAM_FAILED', `The token endpoint gave no token (HTTP ${answer.status}).`);
    const lifetime = isJsonObject(given) && typeof given['expires_in'] === 'number' ? given['expires_in'] : 300;
    token = { value, until: Date.now() + lifetime * 1000 - MARGIN };
    return value;
  }

  return {
    async make() {
      if (token && token.until > Date.now()) return bearer(token.value);
      asking ??= ask().finally(() => (asking = undefined));
      return bearer(await asking);
    },
    refused: () => void (token = undefined),
  };
}

/** RFC 6749, appendix B. */
const formEncoded = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1);
