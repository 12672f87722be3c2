import { createPublicKey, hash, verify } from 'node:crypto';
import { toBase64Url } from './base64.ts';

/** SHA-256 (FIPS 180-4), 32 bytes; a text is taken as UTF-8. */
export function sha256(data: Uint8Array | string): Uint8Array {
  const digest = hash('sha256', data, 'buffer');
  // A plain array, as in the browser: Buffers print, compare and slice differently.
  return new Uint8Array(digest.buffer, digest.byteOffset, digest.byteLength);
}

/** Ed25519 (RFC 8032) over a raw 32-byte public key. Asynchronous because browsers only offer it so. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x: toBase64Url(publicKey) } });
  return Promise.resolve(verify(null, message, key, signature));
}
