import {
  type JsonWebKey,
  type KeyObject,
  createPrivateKey,
  createPublicKey,
  sign as signBytes,
  verify as verifyBytes,
} from 'node:crypto';
import { fromBase64Url, toBase64Url } from './base64.ts';
import { utf8Bytes } from './bytes.ts';
import { checkPublicKey, didOfPublicKey, publicKeyOfDid } from './did-key.ts';
import { AipError } from './errors.ts';

/** An Ed25519 key pair. The private key stays inside a KeyObject, which prints and serialises as nothing. */
export interface KeyPair {
  readonly did: string;
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly privateKey: KeyObject;
}

/** Length of a private seed (RFC 8032 §5.1.5) in bytes. */
const SEED_BYTES = 32;

/** RFC 8410: the DER of a PKCS#8 Ed25519 private key is this prefix and the seed. */
const PKCS8_PREFIX = Uint8Array.from([0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20]);

/** A new key pair. @param seed 32 bytes, from the platform's cryptographic randomness unless given */
export function generateKeyPair(seed: Uint8Array = crypto.getRandomValues(new Uint8Array(SEED_BYTES))): KeyPair {
  if (seed.length !== SEED_BYTES) throw new AipError('INVALID_ARGUMENT', 'A seed has 32 bytes.');
  const der = new Uint8Array(PKCS8_PREFIX.length + SEED_BYTES);
  der.set(PKCS8_PREFIX);
  der.set(seed, PKCS8_PREFIX.length);
  const privateKey = createPrivateKey({ key: Buffer.from(der.buffer), format: 'der', type: 'pkcs8' });
  der.fill(0);
  const publicKey = rawPublicKey(createPublicKey(privateKey));
  return { did: didOfPublicKey(publicKey), publicKey, privateKey };
}

/** The private seed as base64url, 43 characters. Secret: for key files only. */
export function exportSeed(pair: KeyPair): string {
  return pair.privateKey.export({ format: 'jwk' }).d as string;
}

/** @throws AipError INVALID_ARGUMENT unless `seed` is what {@link exportSeed} wrote */
export function importSeed(seed: string): KeyPair {
  return generateKeyPair(fromBase64Url(seed));
}

/** Public JWK (RFC 8037). */
export function publicJwk(publicKey: Uint8Array): { kty: 'OKP'; crv: 'Ed25519'; x: string } {
  return { kty: 'OKP', crv: 'Ed25519', x: toBase64Url(checkPublicKey(publicKey)) };
}

/** Private JWK (RFC 8037). Secret. */
export function privateJwk(pair: KeyPair): JsonWebKey {
  return pair.privateKey.export({ format: 'jwk' });
}

/** @throws AipError INVALID_ARGUMENT for bytes that are no acceptable Ed25519 public key */
export function importPublicKey(publicKey: Uint8Array): KeyObject {
  return createPublicKey({ format: 'jwk', key: publicJwk(publicKey) });
}

/** Importing a key costs about as much as verifying with it, so those in use are kept. */
const MAX_CACHED_KEYS = 16_384;
const keysByDid = new Map<string, KeyObject>();

/**
 * The verifying key of a did:key, cached.
 *
 * @throws AipError INVALID_ARGUMENT for any other DID
 */
export function keyOfDid(did: string): KeyObject {
  const known = keysByDid.get(did);
  if (known !== undefined) {
    // A Map keeps the order of insertion, so the first key is the one used longest ago.
    keysByDid.delete(did);
    keysByDid.set(did, known);
    return known;
  }
  const key = importPublicKey(publicKeyOfDid(did));
  if (keysByDid.size >= MAX_CACHED_KEYS) keysByDid.delete(keysByDid.keys().next().value as string);
  keysByDid.set(did, key);
  return key;
}

/** The raw 32 bytes of an Ed25519 KeyObject. */
export function rawPublicKey(key: KeyObject): Uint8Array<ArrayBuffer> {
  const { crv, x } = key.export({ format: 'jwk' });
  if (crv !== 'Ed25519' || x === undefined) throw new AipError('INVALID_ARGUMENT', 'This is not an Ed25519 key.');
  return fromBase64Url(x);
}

/** Ed25519 signature, 64 bytes. A text is signed as UTF-8. */
export function sign(message: Uint8Array | string, privateKey: KeyObject): Uint8Array {
  const signature = signBytes(null, bytesOf(message), privateKey);
  return new Uint8Array(signature.buffer, signature.byteOffset, signature.byteLength);
}

/** True if the signature fits. Never throws for a bad signature. */
export function verify(message: Uint8Array | string, signature: Uint8Array, publicKey: KeyObject): boolean {
  // Another key type would be another algorithm, chosen by whoever brought the key.
  return publicKey.asymmetricKeyType === 'ed25519' && verifyBytes(null, bytesOf(message), publicKey, signature);
}

function bytesOf(message: Uint8Array | string): Uint8Array {
  return typeof message === 'string' ? utf8Bytes(message) : message;
}
