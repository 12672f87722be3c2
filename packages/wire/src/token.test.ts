import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refusal } from './testing.ts';
import { TOKEN_KINDS, makeToken, parseToken } from './token.ts';

describe('a token', () => {
  it.each(TOKEN_KINDS)('of kind %s reads back as its parts', (kind) => {
    const { token, ...parts } = makeToken(kind);
    expect(parseToken(token)).toEqual(parts);
    expect(token).toMatch(new RegExp(`^aip_${kind}_[0-9A-Za-z]{11}_[0-9A-Za-z]{33}_[0-9A-Za-z]{6}$`));
  });

  it('has a fixed width, whatever the random bytes', () => {
    const widths = [0x00, 0xff].map(
      (byte) => makeToken('key', (count) => new Uint8Array(count).fill(byte)).token.length,
    );
    expect(widths).toEqual([60, 60]);
  });

  it('holds all 192 bits', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 24, maxLength: 24 }), fc.nat(191), (bytes, bit) => {
        const flipped = bytes.with(bit >> 3, bytes[bit >> 3]! ^ (1 << (bit & 7)));
        const secretOf = (secret: Uint8Array) => makeToken('key', (count) => secret.subarray(0, count)).secret;
        expect(secretOf(flipped)).not.toBe(secretOf(bytes));
      }),
    );
  });

  it('is never made twice', () => {
    expect(makeToken('admin').token).not.toBe(makeToken('admin').token);
  });

  it('is refused with any one character changed or cut, and not repeated', () => {
    const { token, secret } = makeToken('join');
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom('', '0', 'Z', 'z', '_', ' ', 'é'), (at, other) => {
        const wrong = token.slice(0, at) + other + token.slice(at + 1);
        if (wrong === token) return;
        const error = refusal(() => parseToken(wrong));
        expect(error.code).toBe('UNAUTHENTICATED');
        expect(JSON.stringify(error)).not.toContain(secret);
      }),
    );
  });

  it('ends in the CRC-32 of all that comes before, six digits of base62', () => {
    const { token } = makeToken('key');
    const [body, check] = [token.slice(0, -7), token.slice(-6)];
    const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
    expect(Array.from(check).reduce((sum, digit) => sum * 62 + digits.indexOf(digit), 0)).toBe(crc32(body));
  });
});
