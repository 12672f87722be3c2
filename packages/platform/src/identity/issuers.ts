import { createHash } from 'node:crypto';
import { AipError, isJsonObject, toAipError, type Json, type JsonObject } from '@aip/wire';
import { decodeJwt, errors, jwtVerify } from 'jose';
import type { FetchFor } from '../kernel/outbound.ts';
import { DEFAULT_TENANT, type Principal } from '../kernel/principal.ts';
import { createRecentMap } from '../kernel/recent-map.ts';
import { issuerKeys, type IssuerKeys } from './issuer-keys.ts';

/** An authorization server whose access tokens are accepted (OAuth 2.1, RFC 9068). */
export interface IssuerConfig {
  /** Issuer identifier, exactly as in the `iss` claim. */
  readonly issuer: string;
  /** Accepted beside the URL of the resource: for issuers that do not know RFC 8707. */
  readonly audience?: string | undefined;
  readonly jwks_uri?: string | undefined;
  /** Signature algorithms; asymmetric ones only. */
  readonly algorithms: readonly string[];
  /** `at+jwt` as RFC 9068 demands, or `jwt` for issuers that mark their access tokens like any other. */
  readonly token_type: 'at+jwt' | 'jwt';
  readonly tenant?: string | undefined;
  /** The claim that names the tenant; without it a token of this issuer opens nothing. */
  readonly tenant_claim?: string | undefined;
  /** The claim that holds the bearer's groups or roles; dots lead into objects. */
  readonly roles_claim: string;
  /** What they mean here, by their value in the claim. */
  readonly roles: Readonly<Record<string, readonly string[]>>;
  /** Roles of everybody whom the issuer knows. */
  readonly default_roles: readonly string[];
}

/** Access tokens of the configured issuers. */
export interface Issuers {
  readonly identifiers: readonly string[];
  /** Whether a bearer token has the form of theirs. */
  recognises(token: string): boolean;
  /**
   * Who bears a token, once it is verified for a resource, a URL; its signature is not verified again for a minute.
   * Throws UNAUTHENTICATED, ISSUER_UNAVAILABLE.
   */
  prove(token: string, resource: string): Promise<Principal>;
}

export interface IssuersOptions {
  readonly issuers: Readonly<Record<string, IssuerConfig>>;
  readonly fetchFor: FetchFor;
  readonly now: () => number;
}

/** Difference between clocks that is put up with, in seconds. */
const LEEWAY = 30;
/** How long a verified token is known, and one that was refused, in milliseconds; never beyond its expiry. */
const PROVED = 60_000;
const REFUSED = 5_000;
const MAX_KNOWN = 20_000;
const MAX_TOKEN = 16 * 1024;
const MAX_DOCUMENT = 512 * 1024;
const FETCH_TIMEOUT = 5_000;

const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

interface Issuer {
  readonly name: string;
  readonly config: IssuerConfig;
  readonly keys: IssuerKeys;
}

type Proof =
  | {
      readonly principal: Principal;
      readonly audience: readonly string[];
      readonly own: string | undefined;
      readonly until: number;
    }
  | { readonly error: AipError; readonly until: number };

/** How an issuer is asked: bounded in size and time, and at private addresses only where the operator has named them. */
export function issuerFetch({ issuer, jwks_uri }: IssuerConfig, fetchFor: FetchFor): typeof fetch {
  const named = [issuer, ...(jwks_uri === undefined ? [] : [jwks_uri])];
  return fetchFor({ named, maxBytes: MAX_DOCUMENT, timeout: FETCH_TIMEOUT });
}

export function createIssuers({ issuers, fetchFor, now }: IssuersOptions): Issuers {
  const known = createRecentMap<Proof>(MAX_KNOWN);
  const proving = new Map<string, Promise<Proof>>();
  const byIssuer = new Map<string, Issuer>(
    Object.entries(issuers).map(([name, config]) => {
      const fetch = issuerFetch(config, fetchFor);
      const keys = issuerKeys({ issuer: config.issuer, jwksUri: config.jwks_uri, fetch, now });
      return [config.issuer, { name, config, keys }];
    }),
  );

  async function verify(token: string): Promise<Proof> {
    try {
      const issuer = issuerOf(token);
      const { config, keys } = issuer;
      const { payload, protectedHeader } = await jwtVerify(token, keys, {
        issuer: config.issuer,
        algorithms: [...config.algorithms],
        clockTolerance: LEEWAY,
        currentDate: new Date(now()),
        requiredClaims: ['exp', 'sub', 'aud'],
      });
      requireType(protectedHeader.typ, config.token_type);
      const claims = payload as JsonObject;
      const expires = ((payload.exp as number) + LEEWAY) * 1000;
      return {
        principal: principalOf(issuer, claims),
        audience: [payload.aud ?? []].flat(),
        own: config.audience,
        until: Math.min(expires, now() + PROVED),
      };
    } catch (thrown) {
      return { error: refusal(thrown), until: now() + REFUSED };
    }
  }

  /** Who says to have issued it, read before anything is believed: it only chooses the keys. */
  function issuerOf(token: string): Issuer {
    if (token.length > MAX_TOKEN) throw new AipError('UNAUTHENTICATED', 'This access token is too long.');
    const { iss } = decodeJwt(token);
    const issuer = typeof iss === 'string' ? byIssuer.get(iss) : undefined;
    if (issuer) return issuer;
    throw new AipError('UNAUTHENTICATED', 'This access token is of an issuer that is not accepted here.');
  }

  function proofOf(token: string): Proof | undefined {
    const proof = known.get(keyOf(token));
    return proof && proof.until > now() ? proof : undefined;
  }

  return {
    identifiers: [...byIssuer.keys()],
    recognises: (token) => JWT.test(token),
    async prove(token, resource) {
      let proof = proofOf(token);
      if (!proof) {
        const key = keyOf(token);
        const running = proving.get(key) ?? verify(token).finally(() => proving.delete(key));
        proving.set(key, running);
        proof = await running;
        known.set(key, proof);
        known.trim();
      }
      if ('error' in proof) throw proof.error;
      if (proof.audience.some((audience) => audience === proof.own || covers(audience, resource)))
        return proof.principal;
      throw new AipError(
        'UNAUTHENTICATED',
        `This access token is not for ${resource}; ask for one with this as its resource (RFC 8707).`,
      );
    },
  };
}

const keyOf = (token: string): string => createHash('sha256').update(token).digest('base64url');

/** A resource is meant by its own URL and by those above it: who may use the whole may use a part. */
function covers(audience: string, resource: string): boolean {
  const meant = URL.parse(audience);
  const asked = new URL(resource);
  if (!meant || meant.origin !== asked.origin || meant.search !== '' || meant.hash !== '') return false;
  const path = meant.pathname.replace(/\/$/, '');
  return asked.pathname === path || asked.pathname.startsWith(`${path}/`);
}

/** RFC 9068 section 4: what is not marked as an access token may be an ID token, made for somebody else to read. */
function requireType(given: string | undefined, wanted: IssuerConfig['token_type']): void {
  const type = given?.toLowerCase().replace(/^application\//, '');
  if (type === 'at+jwt' || (wanted === 'jwt' && (type === undefined || type === 'jwt'))) return;
  throw new AipError('UNAUTHENTICATED', 'This is no access token: its header does not say typ "at+jwt" (RFC 9068).');
}

function refusal(thrown: unknown): AipError {
  if (thrown instanceof AipError) return thrown;
  if (thrown instanceof errors.JWTExpired) return new AipError('UNAUTHENTICATED', 'This access token has expired.');
  if (thrown instanceof errors.JWTClaimValidationFailed)
    return new AipError('UNAUTHENTICATED', `The claim "${thrown.claim}" of this access token is not valid.`);
  if (thrown instanceof errors.JOSEError || thrown instanceof TypeError)
    return new AipError('UNAUTHENTICATED', 'This access token is not one that its issuer has signed for us.');
  return toAipError(thrown);
}

// ── claims as a principal ────────────────────────────────────────────────────────────────────────────

/** Longest readable form of a subject; a longer one goes by its hash. */
const MAX_SUBJECT = 128;
const TENANT = /^[a-z0-9][a-z0-9_-]{0,62}$/i;
/** RFC 6749 section 3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;
const MAX_SCOPES = 100;

/**
 * `user:<issuer's name>:<subject>`, `service:…` for a client that acts for itself (RFC 9068 section 2.2: then its
 * subject is its client id). Subjects are percent-encoded, so a colon only separates, and no API token has such a name.
 */
function principalOf({ name, config }: Issuer, claims: JsonObject): Principal {
  const subject = claims['sub'];
  if (typeof subject !== 'string' || subject === '')
    throw new AipError('UNAUTHENTICATED', 'The claim "sub" of this access token is not valid.');
  const kind = claims['client_id'] === subject ? 'service' : 'user';
  const encoded = encodeURIComponent(subject.toWellFormed());
  const who = `${name}:${encoded.length <= MAX_SUBJECT ? encoded : `sha256:${keyOf(subject)}`}`;
  return {
    id: `${kind}:${who}`,
    kind,
    name: who,
    tenant: tenantOf(config, claims),
    assurance: 'token',
    roles: rolesOf(config, claims),
    scopes: scopesOf(claims),
  };
}

function tenantOf({ tenant, tenant_claim: path }: IssuerConfig, claims: JsonObject): string {
  if (path === undefined) return tenant ?? DEFAULT_TENANT;
  const named = claimAt(claims, path);
  if (typeof named === 'string' && TENANT.test(named)) return named;
  throw new AipError('UNAUTHENTICATED', `The claim "${path}" of this access token names no tenant.`);
}

function rolesOf({ roles_claim: path, roles, default_roles: everybody }: IssuerConfig, claims: JsonObject): string[] {
  const held = [claimAt(claims, path) ?? []].flat().filter((value) => typeof value === 'string');
  const mapped = held.flatMap((value) => (Object.hasOwn(roles, value) ? (roles[value] ?? []) : []));
  return [...new Set([...everybody, ...mapped])];
}

/** RFC 9068 section 2.2.3: one text; some issuers send a list, or call it `scp`. */
function scopesOf(claims: JsonObject): string[] {
  const given = claims['scope'] ?? claims['scp'] ?? '';
  const list = typeof given === 'string' ? given.split(' ') : Array.isArray(given) ? given : [];
  return list.filter((scope): scope is string => typeof scope === 'string' && SCOPE.test(scope)).slice(0, MAX_SCOPES);
}

/** A claim by its name; else, where dots lead, inside objects. */
function claimAt(claims: JsonObject, path: string): Json | undefined {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: Json | undefined = claims;
  for (const key of path.split('.')) value = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}
