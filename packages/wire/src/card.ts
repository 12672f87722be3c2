import { type KeyObject, verify as verifyBytes } from 'node:crypto';
import { fromBase64Url, toBase64Url } from './base64.ts';
import { utf8Bytes } from './bytes.ts';
import { agentCardShape } from './card-shape.ts';
import { anyObject, listOf, object, optional, text } from './check.ts';
import { keyIdOfDid } from './did-key.ts';
import { AipError } from './errors.ts';
import { canonicalJson } from './jcs.ts';
import { type Json, type JsonObject, isJsonObject, parseJson } from './json.ts';
import { type KeyPair, keyOfDid, sign } from './keys.ts';

/** Signatures on A2A 1.0 AgentCards (§8.4): JWS (RFC 7515) over the canonical card, detached from it. */

export interface CardSignature extends JsonObject {
  /** Base64url of the protected header. */
  protected: string;
  /** Base64url of the signature. */
  signature: string;
}

/** Who signed a card, and what of it they signed. */
export interface VerifiedCard {
  /** The `kid` of the signature that holds, for a did:key the URL of its verification method. */
  readonly keyId: string;
  /** The part of the card that the signature covers: read this one. */
  readonly card: JsonObject;
}

/** Finds the verifying key for a `kid`; undefined if there is none that is trusted. */
export type CardKeyOf = (keyId: string) => KeyObject | undefined;

const MAX_SIGNATURES = 16;

/**
 * The text that a signature on a card covers.
 *
 * @throws AipError MALFORMED_MESSAGE naming the wrong field
 */
export function canonicalCard(card: JsonObject): string {
  return canonicalJson(coveredPart(card));
}

/** The card with one more signature. Fields that A2A does not know stay in the card, unsigned. */
export function signCard<C extends JsonObject>(
  card: C,
  pair: KeyPair,
  keyId: string = keyIdOfDid(pair.did),
): C & { signatures: Json[] } {
  const header = toBase64Url(utf8Bytes(canonicalJson({ alg: 'EdDSA', kid: keyId, typ: 'JOSE' })));
  const signature = sign(signingInput(header, canonicalCard(card)), pair.privateKey);
  const added: CardSignature = { protected: header, signature: toBase64Url(signature) };
  return { ...card, signatures: [...signaturesOf(card), added] };
}

/** The `kid`s that a card's signatures claim, so that their keys can be looked up before {@link verifyCard}. */
export function cardKeyIds(card: JsonObject): string[] {
  return signaturesOf(card).flatMap((signature) => readHeader(signature)?.kid ?? []);
}

/**
 * Verifies the signatures of a card until one holds. A `jku` in a header is never followed: a key that the card
 * itself points to proves nothing.
 *
 * @param keyOf the trusted key of a `kid`; by default a did:key speaks for itself and nobody else does
 * @throws AipError MALFORMED_MESSAGE naming the wrong field, INVALID_SIGNATURE if none holds
 */
export function verifyCard(card: JsonObject, keyOf: CardKeyOf = keyOfDidUrl): VerifiedCard {
  const covered = coveredPart(card);
  const payload = canonicalJson(covered);
  for (const entry of signaturesOf(card)) {
    const header = readHeader(entry);
    const key = header && keyOf(header.kid);
    if (header && key && holds(header.alg, key, signingInput(entry.protected, payload), entry.signature)) {
      return { keyId: header.kid, card: covered };
    }
  }
  throw new AipError('INVALID_SIGNATURE', 'The card has no signature by a known key that fits.');
}

function coveredPart(card: JsonObject): JsonObject {
  return (agentCardShape(card, '') ?? {}) as JsonObject;
}

const signatureList = optional(
  listOf(object({ protected: text(4096), signature: text(2048), header: optional(anyObject) }), MAX_SIGNATURES),
);

function signaturesOf(card: JsonObject): CardSignature[] {
  const list = card['signatures'];
  signatureList(list, 'signatures');
  return (list ?? []) as CardSignature[];
}

/** RFC 7515 §5.1: ASCII of the encoded header, a dot, the encoded payload. */
function signingInput(protectedHeader: string, payload: string): Uint8Array {
  return utf8Bytes(`${protectedHeader}.${toBase64Url(utf8Bytes(payload))}`);
}

interface Header {
  readonly alg: string;
  readonly kid: string;
}

/** Undefined for a header that A2A does not allow or that asks for extensions (`crit`) that we do not have. */
function readHeader(signature: CardSignature): Header | undefined {
  const header = decodeHeader(signature.protected);
  if (!isJsonObject(header)) return undefined;
  const { alg, kid, typ, crit } = header;
  const fits = typeof alg === 'string' && typeof kid === 'string' && typ === 'JOSE' && crit === undefined;
  return fits ? { alg, kid } : undefined;
}

function decodeHeader(encoded: string): Json | undefined {
  try {
    return parseJson(fromBase64Url(encoded));
  } catch {
    return undefined;
  }
}

/** The algorithm must be the one of the key, whatever the header says (RFC 8725 §3.1). */
function holds(alg: string, key: KeyObject, input: Uint8Array, encoded: string): boolean {
  const signature = decodeSignature(encoded);
  if (signature === undefined) return false;
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if ((alg === 'EdDSA' || alg === 'Ed25519') && key.asymmetricKeyType === 'ed25519') {
    return verifyBytes(null, input, key, signature);
  }
  if (alg === 'ES256' && key.asymmetricKeyType === 'ec' && curve === 'prime256v1') {
    return verifyBytes('sha256', input, { key, dsaEncoding: 'ieee-p1363' }, signature);
  }
  return false;
}

function decodeSignature(encoded: string): Uint8Array | undefined {
  try {
    return fromBase64Url(encoded);
  } catch {
    return undefined;
  }
}

function keyOfDidUrl(keyId: string): KeyObject | undefined {
  const did = keyId.split('#', 1)[0] as string;
  if (!did.startsWith('did:key:') || keyId !== keyIdOfDid(did)) return undefined;
  try {
    return keyOfDid(did);
  } catch {
    return undefined;
  }
}
