import { sha256 } from '#crypto';
import { concatBytes, utf8Bytes } from './bytes.ts';
import { AipError } from './errors.ts';
import { canonicalJson } from './jcs.ts';
import type { JsonObject } from './json.ts';
import { leafHash } from './merkle.ts';

/** Length of the salt of a {@link commit}ment, in bytes. */
export const SALT_BYTES = 16;

const COMMIT_DOMAIN = utf8Bytes('aip-commit-v1\0');

/**
 * The text that the audit leaf of an entry is made of. The version line keeps it apart from anything else that
 * is ever hashed or signed; the head is canonical, so everybody computes the same text.
 */
export function encodeEntryHead(head: JsonObject): string {
  return `aip-entry-v1\n${canonicalJson(head)}`;
}

/** The Merkle leaf of an entry. */
export function entryLeaf(head: JsonObject): Uint8Array {
  return leafHash(encodeEntryHead(head));
}

/**
 * A commitment to bytes that may have to be erased later: SHA-256 of domain, salt and bytes. Whoever drops
 * bytes and salt leaves a value that proves nothing and fits nothing, and every Merkle proof still holds.
 *
 * @param salt 16 random bytes, a new one for each commitment
 */
export function commit(salt: Uint8Array, bytes: Uint8Array): Uint8Array {
  // A fixed length keeps the border between salt and bytes in one place.
  if (salt.length !== SALT_BYTES) throw new AipError('INVALID_ARGUMENT', `A salt has ${SALT_BYTES} bytes.`);
  return sha256(concatBytes(COMMIT_DOMAIN, salt, bytes));
}
