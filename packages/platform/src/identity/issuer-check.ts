import { isJsonObject, parseJson, type Json } from '@aip/wire';
import { createLocalJWKSet } from 'jose';
import type { FetchFor } from '../kernel/outbound.ts';
import { locate } from './issuer-keys.ts';
import { issuerFetch, type IssuerConfig } from './issuers.ts';

/** What an operator is to know of an issuer before its first token comes. */
export interface IssuerFinding {
  readonly ok: boolean;
  readonly detail: string;
  /** What to do about it; `issuer`, `jwks_uri` and `algorithms` are settings of that issuer. */
  readonly remedy?: string;
}

/**
 * Asks an issuer as it is asked when a token comes: whether it answers, its metadata is its own (RFC 8414 section 3.3),
 * and at least one of its keys (RFC 7517) verifies signatures of the configured algorithms. Never throws.
 */
export async function checkIssuer(config: IssuerConfig, fetchFor: FetchFor): Promise<IssuerFinding> {
  const { issuer, algorithms } = config;
  const send = issuerFetch(config, fetchFor);
  let place = config.jwks_uri;
  try {
    place ??= await locate(issuer, send);
  } catch (error) {
    return {
      ok: false,
      detail: reasonOf(error, issuer),
      remedy: 'set issuer to exactly what it calls itself, or jwks_uri',
    };
  }
  let keys: readonly Json[];
  try {
    keys = await keysAt(place, send);
  } catch (error) {
    const remedy = config.jwks_uri === undefined ? 'the issuer has to publish its keys there' : 'look at jwks_uri';
    return { ok: false, detail: reasonOf(error, place), remedy };
  }
  const fitting = (await Promise.all(keys.map((key) => fits(key, algorithms)))).filter(Boolean).length;
  const found = `${fitting} of ${keys.length} keys at ${place} verify ${algorithms.join(', ')}`;
  if (fitting > 0) return { ok: true, detail: `${issuer}: ${found}` };
  return { ok: false, detail: `${issuer}: ${found}`, remedy: 'set algorithms to those it signs access tokens with' };
}

async function keysAt(place: string, send: typeof fetch): Promise<readonly Json[]> {
  const response = await send(place, { headers: { accept: 'application/json' }, redirect: 'manual' });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`${place} answers ${response.status}.`);
  }
  const set = parseJson(await response.text());
  if (isJsonObject(set) && Array.isArray(set['keys'])) return set['keys'];
  throw new Error(`${place} is no JSON Web Key Set.`);
}

/** By the rules that choose the key of a token. */
async function fits(key: Json, algorithms: readonly string[]): Promise<boolean> {
  if (!isJsonObject(key)) return false;
  const tried = algorithms.map(async (alg) => {
    const find = createLocalJWKSet({ keys: [key] });
    await find({ alg });
  });
  return (await Promise.allSettled(tried)).some(({ status }) => status === 'fulfilled');
}

/** What has gone wrong, and where it was wanted: a failed connection says only the latter. */
function reasonOf(error: unknown, place: string): string {
  const { message, cause } = error as Error;
  if (message.includes(place)) return message;
  const reason = message === 'fetch failed' && cause instanceof Error ? cause.message : message;
  return `${place} cannot be read: ${reason}`;
}
