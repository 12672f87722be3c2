import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as browser from './crypto.browser.ts';
import * as node from './crypto.ts';
import { fromHex, toHex } from './testing.ts';

describe.each([
  ['node', node],
  ['browser', browser],
])('#crypto for %s', (_, platform) => {
  // FIPS 180-4 examples
  it.each([
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    [
      'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    ],
    ['a'.repeat(1_000_000), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
  ])('sha256 gives the example of the standard', (text, digest) => {
    expect(toHex(platform.sha256(new TextEncoder().encode(text)))).toBe(digest);
  });

  it('takes a text as UTF-8, as TextEncoder does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(toHex(platform.sha256(text))).toBe(toHex(platform.sha256(new TextEncoder().encode(text))));
      }),
    );
    expect(toHex(platform.sha256('\u{1F600}\ud800\0'))).toBe(
      toHex(platform.sha256(new TextEncoder().encode('\u{1F600}\ud800\0'))),
    );
  });

  // RFC 8032 §7.1, test 2
  const publicKey = fromHex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c');
  const message = Uint8Array.of(0x72);
  const signature = fromHex(
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
      '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  );

  it('verifyEd25519 accepts the signature of RFC 8032 and no other', async () => {
    expect(await platform.verifyEd25519(publicKey, message, signature)).toBe(true);
    expect(await platform.verifyEd25519(publicKey, Uint8Array.of(0x73), signature)).toBe(false);
    expect(await platform.verifyEd25519(publicKey, message, signature.slice(1))).toBe(false);
    expect(await platform.verifyEd25519(publicKey, message, signature.with(0, 0))).toBe(false);
  });
});

describe('#crypto', () => {
  it('hashes alike on both sides, at every length around a block', () => {
    for (let length = 0; length <= 200; length++) {
      const data = new Uint8Array(length).fill(length);
      expect(toHex(browser.sha256(data))).toBe(toHex(node.sha256(data)));
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (data) => {
        expect(toHex(browser.sha256(data))).toBe(toHex(node.sha256(data)));
      }),
    );
  });
});
