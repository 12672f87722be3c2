import { fromBase58, toBase58 } from './base58.ts';
import { concatBytes } from './bytes.ts';
import { AipError } from './errors.ts';

/** did:key for Ed25519 (W3C CCG did:key v0.9): `did:key:z` + base58btc(0xed 0x01 ‖ public key). */

const PREFIX = 'did:key:';
/** Multicodec `ed25519-pub` (0xed) as an unsigned varint. */
const ED25519_PUB = Uint8Array.of(0xed, 0x01);
const PUBLIC_KEY_BYTES = 32;

/**
 * y-coordinates of the points of small order, also in their non-canonical form (y + p), little-endian. With such
 * a "public key" one signature fits many messages, so nobody can be held to it; not every verifier refuses them.
 */
const SMALL_ORDER_Y = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

/** The did:key of a raw 32-byte Ed25519 public key. */
export function didOfPublicKey(publicKey: Uint8Array): string {
  return PREFIX + toMultibaseKey(publicKey);
}

/**
 * The raw 32-byte Ed25519 public key inside a did:key.
 *
 * @throws AipError INVALID_ARGUMENT for any other DID method, key type or form
 */
export function publicKeyOfDid(did: string): Uint8Array<ArrayBuffer> {
  if (!did.startsWith(PREFIX)) throw new AipError('INVALID_ARGUMENT', 'This is not a did:key.');
  return fromMultibaseKey(did.slice(PREFIX.length));
}

/** The one verification method of a did:key: `did:key:z…#z…`, used as `kid`. */
export function keyIdOfDid(did: string): string {
  return `${did}#${did.slice(PREFIX.length)}`;
}

/** The Multikey form of an Ed25519 public key: `z6Mk…`. */
export function toMultibaseKey(publicKey: Uint8Array): string {
  return 'z' + toBase58(concatBytes(ED25519_PUB, checkPublicKey(publicKey)));
}

/** @throws AipError INVALID_ARGUMENT unless it is `z` + base58btc of 0xed 0x01 and a 32-byte key */
export function fromMultibaseKey(text: string): Uint8Array<ArrayBuffer> {
  const bytes = text.startsWith('z') ? fromBase58(text.slice(1)) : new Uint8Array(0);
  if (bytes[0] !== ED25519_PUB[0] || bytes[1] !== ED25519_PUB[1]) {
    throw new AipError('INVALID_ARGUMENT', 'The key is not a multibase Ed25519 public key (z6Mk…).');
  }
  return checkPublicKey(bytes.slice(2));
}

/** @throws AipError INVALID_ARGUMENT for another length and for points of small order */
export function checkPublicKey<T extends Uint8Array>(publicKey: T): T {
  if (publicKey.length !== PUBLIC_KEY_BYTES) {
    throw new AipError('INVALID_ARGUMENT', `An Ed25519 public key has 32 bytes, not ${publicKey.length}.`);
  }
  if (SMALL_ORDER_Y.has(hexOfY(publicKey))) {
    throw new AipError('INVALID_ARGUMENT', 'This Ed25519 public key is a point of small order.');
  }
  return publicKey;
}

/** The top bit of the last byte is the sign of x and no part of y. */
function hexOfY(publicKey: Uint8Array): string {
  let hex = '';
  publicKey.forEach((byte, at) => {
    hex += (at === PUBLIC_KEY_BYTES - 1 ? byte & 0x7f : byte).toString(16).padStart(2, '0');
  });
  return hex;
}
