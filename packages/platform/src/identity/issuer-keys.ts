import { AipError, isJsonObject, parseJson } from '@aip/wire';
import {
  createRemoteJWKSet,
  customFetch,
  type JWSHeaderParameters,
  type FlattenedJWSInput,
  type CryptoKey,
} from 'jose';

/** Keys are fetched anew after this long, so that one the issuer has withdrawn is forgotten; in milliseconds. */
const KEYS_KEPT = 10 * 60_000;
/** An unknown key id makes the keys be fetched again, but not more often than this. */
const COOL_DOWN = 30_000;
/** An issuer that has failed is not asked again for this long. */
const FAILURE_PAUSE = 5_000;
const METADATA_KEPT = 60 * 60_000;

export interface IssuerKeysOptions {
  /** Issuer identifier, as in the `iss` claim. */
  readonly issuer: string;
  /** Where its keys are; found in its metadata unless set. */
  readonly jwksUri?: string | undefined;
  /** Bounded in size and time, and guarded: metadata may name any address. */
  readonly fetch: typeof fetch;
  readonly now: () => number;
}

/** Finds the key of a token (RFC 7517 section 5). Throws ISSUER_UNAVAILABLE, or what `jose` says of the token. */
export type IssuerKeys = (header: JWSHeaderParameters, token: FlattenedJWSInput) => Promise<CryptoKey>;

/** The signing keys of one issuer, kept and renewed; whatever tokens arrive, the issuer is not flooded. */
export function issuerKeys(options: IssuerKeysOptions): IssuerKeys {
  const { issuer, now } = options;
  const pausing = createPause(now);
  let located:
    | { readonly uri: string; readonly keys: ReturnType<typeof createRemoteJWKSet>; readonly at: number }
    | undefined;
  let locating: Promise<string> | undefined;

  async function current() {
    if (located && (options.jwksUri !== undefined || now() - located.at < METADATA_KEPT)) return located.keys;
    const uri =
      options.jwksUri ??
      (await (locating ??= pausing(() => locate(issuer, options.fetch)).finally(() => (locating = undefined))));
    // The same place keeps the keys that are known.
    const keys =
      located?.uri === uri
        ? located.keys
        : createRemoteJWKSet(new URL(uri), {
            cacheMaxAge: KEYS_KEPT,
            cooldownDuration: COOL_DOWN,
            [customFetch]: (url, init) => pausing(() => keySet(options.fetch, url, init)),
          });
    located = { uri, keys, at: now() };
    return keys;
  }

  return async (header, token) => {
    try {
      return await (
        await current()
      )(header, token);
    } catch (error) {
      if (isAboutToken(error)) throw error;
      throw new AipError('ISSUER_UNAVAILABLE', `The keys of ${issuer} cannot be fetched; try again shortly.`, {
        cause: error,
      });
    }
  };
}

/** The issuer has answered; it is the token that does not fit. */
const isAboutToken = (error: unknown): boolean =>
  ['ERR_JWKS_NO_MATCHING_KEY', 'ERR_JWKS_MULTIPLE_MATCHING_KEYS', 'ERR_JOSE_NOT_SUPPORTED'].includes(
    String((error as { code?: unknown }).code),
  );

/**
 * Where an issuer's metadata says that its keys are: RFC 8414 section 3, and OpenID Connect Discovery 1.0 section 4 for
 * issuers that only have that. Throws an error that says what is wrong with it.
 */
export async function locate(issuer: string, send: typeof fetch): Promise<string> {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const places = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ];
  const answers: string[] = [];
  for (const place of new Set(places)) {
    const response = await send(place, { headers: { accept: 'application/json' }, redirect: 'manual' });
    if (response.status !== 200) {
      await response.body?.cancel();
      answers.push(`${place} answers ${response.status}`);
      continue;
    }
    const metadata = parseJson(await response.text());
    // RFC 8414 section 3.3: metadata that is somebody else's is not used.
    const named = isJsonObject(metadata) ? metadata['issuer'] : undefined;
    if (!isJsonObject(metadata) || named !== issuer)
      throw new Error(`${place} says that its issuer is ${JSON.stringify(named)}, not ${JSON.stringify(issuer)}.`);
    const { jwks_uri: keys } = metadata;
    const uri = typeof keys === 'string' ? URL.parse(keys) : null;
    if (!uri || (uri.protocol !== 'https:' && uri.origin !== origin)) throw new Error(`${place} names no jwks_uri.`);
    return uri.href;
  }
  throw new Error(`${issuer} publishes no metadata: ${answers.join(', ')}.`);
}

/** The answer, once it is seen to be a set of keys: what is wrong with one is a failure of the issuer like any other. */
async function keySet(send: typeof fetch, url: string, init: RequestInit): Promise<Response> {
  const response = await send(url, init);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${url} answers ${response.status}.`);
  const found = parseJson(text);
  const keys = isJsonObject(found) ? found['keys'] : undefined;
  if (!Array.isArray(keys) || !keys.every(isJsonObject)) throw new Error(`${url} answers with no set of keys.`);
  return new Response(text);
}

/** After a failure nothing is asked for a while: tokens come more often than an issuer comes back. */
function createPause(now: () => number): <T>(ask: () => Promise<T>) => Promise<T> {
  let failed: { readonly at: number; readonly error: unknown } | undefined;
  return async (ask) => {
    if (failed && now() - failed.at < FAILURE_PAUSE) throw failed.error;
    try {
      const answer = await ask();
      failed = undefined;
      return answer;
    } catch (error) {
      failed = { at: now(), error };
      throw error;
    }
  };
}
