import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { didOfPublicKey } from './did-key.ts';
import {
  exportSeed,
  generateKeyPair,
  importPublicKey,
  importSeed,
  keyOfDid,
  privateJwk,
  publicJwk,
  rawPublicKey,
  sign,
  verify,
} from './keys.ts';
import { fromHex, refusal, toHex } from './testing.ts';

describe('keys', () => {
  // RFC 8032 §7.1, test 3
  const pair = generateKeyPair(fromHex('c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7'));
  const message = fromHex('af82');
  const signature =
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac' +
    '18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a';

  it('sign as RFC 8032 does', () => {
    expect(toHex(pair.publicKey)).toBe('fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025');
    expect(toHex(sign(message, pair.privateKey))).toBe(signature);
  });

  it('verify their own signatures and nothing else', () => {
    const key = importPublicKey(pair.publicKey);
    expect(verify(message, fromHex(signature), key)).toBe(true);
    expect(verify('af82', fromHex(signature), key)).toBe(false);
    expect(verify(message, fromHex(signature).slice(0, 63), key)).toBe(false);
    expect(verify(message, new Uint8Array(0), key)).toBe(false);
    expect(verify(message, fromHex(signature), importPublicKey(generateKeyPair().publicKey))).toBe(false);
  });

  it('refuse a signature whose S is not reduced (RFC 8032 §5.1.7)', () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const bytes = fromHex(signature);
    let s = order + BigInt(`0x${toHex(bytes.slice(32).toReversed())}`);
    for (let at = 32; at < 64; at++, s >>= 8n) bytes[at] = Number(s & 0xffn);
    expect(verify(message, bytes, importPublicKey(pair.publicKey))).toBe(false);
  });

  it('refuse a key of another algorithm', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
    expect(verify(message, fromHex(signature), rsa.publicKey)).toBe(false);
    expect(refusal(() => rawPublicKey(rsa.publicKey)).code).toBe('INVALID_ARGUMENT');
  });

  it('come back from a seed and from a JWK', () => {
    const fresh = generateKeyPair();
    expect(importSeed(exportSeed(fresh)).did).toBe(fresh.did);
    expect(exportSeed(fresh)).toHaveLength(43);
    expect(rawPublicKey(createPublicKey({ format: 'jwk', key: publicJwk(fresh.publicKey) }))).toEqual(fresh.publicKey);
    expect(privateJwk(fresh)).toMatchObject({ ...publicJwk(fresh.publicKey), d: exportSeed(fresh) });
    expect(generateKeyPair().did).not.toBe(fresh.did);
  });

  it('keep the private key out of logs and JSON', () => {
    const seed = exportSeed(pair);
    expect(JSON.stringify(pair)).not.toContain(seed);
    expect(inspect(pair, { depth: 9, showHidden: true })).not.toContain(seed);
  });

  it('refuse a seed of another length', () => {
    expect(refusal(() => generateKeyPair(new Uint8Array(31))).code).toBe('INVALID_ARGUMENT');
    expect(refusal(() => importSeed('not a seed')).code).toBe('INVALID_ARGUMENT');
  });

  it('are imported once per DID', () => {
    const did = didOfPublicKey(pair.publicKey);
    expect(keyOfDid(did)).toBe(keyOfDid(did));
    expect(rawPublicKey(keyOfDid(did))).toEqual(pair.publicKey);
    expect(refusal(() => keyOfDid('did:web:example.com')).code).toBe('INVALID_ARGUMENT');
  });
});
