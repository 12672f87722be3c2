import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase58, toBase58 } from './base58.ts';
import { fromHex, refusal } from './testing.ts';

describe('base58', () => {
  // draft-msporny-base58-03 §5
  it.each([
    [new TextEncoder().encode('Hello World!'), '2NEpo7TZRRrLZSi2U'],
    [
      new TextEncoder().encode('The quick brown fox jumps over the lazy dog.'),
      'USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z',
    ],
    [fromHex('0000287fb4cd'), '11233QC4'],
    [new Uint8Array(0), ''],
  ])('writes and reads the specification’s vectors', (bytes, text) => {
    expect(toBase58(bytes)).toBe(text);
    expect(fromBase58(text)).toEqual(bytes);
  });

  it('reads what it wrote, leading zeros included', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(fromBase58(toBase58(bytes))).toEqual(bytes);
      }),
    );
  });

  it.each(['0', 'O', 'I', 'l', 'a b', '😀', 'é'])('refuses %j', (text) => {
    expect(refusal(() => fromBase58(text)).code).toBe('INVALID_ARGUMENT');
  });

  it('refuses a text long enough to cost time', () => {
    expect(refusal(() => fromBase58('2'.repeat(257))).code).toBe('INVALID_ARGUMENT');
  });
});
