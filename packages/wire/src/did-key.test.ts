import { describe, expect, it } from 'vitest';
import { toBase58 } from './base58.ts';
import { concatBytes } from './bytes.ts';
import { didOfPublicKey, fromMultibaseKey, keyIdOfDid, publicKeyOfDid, toMultibaseKey } from './did-key.ts';
import { generateKeyPair } from './keys.ts';
import { fromHex, refusal, toHex } from './testing.ts';

describe('did:key for Ed25519', () => {
  // W3C CCG did:key, test vectors ed25519-x25519.json: seed, DID
  it.each([
    ['00'.repeat(32), 'did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp'],
    [`${'00'.repeat(31)}01`, 'did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG'],
    [`${'00'.repeat(31)}02`, 'did:key:z6MknGc3ocHs3zdPiJbnaaqDi58NGb4pk1Sp9WxWufuXSdxf'],
  ])('gives the DID of the specification for the seed %s', (seed, did) => {
    const pair = generateKeyPair(fromHex(seed));
    expect(pair.did).toBe(did);
    expect(publicKeyOfDid(did)).toEqual(pair.publicKey);
    expect(keyIdOfDid(did)).toBe(`${did}#${did.slice('did:key:'.length)}`);
  });

  const { publicKey } = generateKeyPair(fromHex('07'.repeat(32)));
  const encoded = (prefix: readonly number[], key: Uint8Array) =>
    `z${toBase58(concatBytes(Uint8Array.from(prefix), key))}`;

  it('refuses the raw key without its multicodec prefix, as some write it', () => {
    expect(refusal(() => fromMultibaseKey(`z6Mk${toBase58(publicKey)}`)).code).toBe('INVALID_ARGUMENT');
    expect(refusal(() => fromMultibaseKey(`z${toBase58(publicKey)}`)).code).toBe('INVALID_ARGUMENT');
  });

  it.each([
    ['secp256k1', encoded([0xe7, 0x01], publicKey)],
    ['X25519', encoded([0xec, 0x01], publicKey)],
    ['a key of 31 bytes', encoded([0xed, 0x01], publicKey.slice(1))],
    ['a key of 33 bytes', encoded([0xed, 0x01], concatBytes(publicKey, publicKey.slice(0, 1)))],
    ['nothing', 'z'],
    ['another base', `f${toHex(concatBytes(Uint8Array.of(0xed, 0x01), publicKey))}`],
    ['a fragment', `${toMultibaseKey(publicKey)}#${toMultibaseKey(publicKey)}`],
    ['no base58', 'z0OIl'],
  ])('refuses %s', (_, key) => {
    expect(refusal(() => publicKeyOfDid(`did:key:${key}`)).code).toBe('INVALID_ARGUMENT');
  });

  it('refuses other DID methods', () => {
    expect(refusal(() => publicKeyOfDid('did:web:example.com')).code).toBe('INVALID_ARGUMENT');
  });

  it.each([
    ['the neutral element', `01${'00'.repeat(31)}`],
    ['the neutral element with the sign bit', `01${'00'.repeat(30)}80`],
    ['order four', '00'.repeat(32)],
    ['order two', `ec${'ff'.repeat(30)}7f`],
    ['order eight', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'],
    ['order eight, negative', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85'],
    ['order four, not canonical', `ed${'ff'.repeat(30)}7f`],
  ])('refuses a point of small order: %s', (_, key) => {
    expect(refusal(() => didOfPublicKey(fromHex(key))).code).toBe('INVALID_ARGUMENT');
  });
});
