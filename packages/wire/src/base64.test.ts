import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64, fromBase64Url, toBase64, toBase64Url } from './base64.ts';
import { refusal } from './testing.ts';

const bytes = fc.uint8Array({ maxLength: 200 });

describe('base64 and base64url (RFC 4648)', () => {
  it('write what the platform writes and read it back', () => {
    fc.assert(
      fc.property(bytes, (data) => {
        expect(toBase64(data)).toBe(Buffer.from(data).toString('base64'));
        expect(toBase64Url(data)).toBe(Buffer.from(data).toString('base64url'));
        expect(fromBase64(toBase64(data))).toEqual(data);
        expect(fromBase64Url(toBase64Url(data))).toEqual(data);
      }),
    );
  });

  it('accept one text for each sequence of bytes and no other', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9+/_=-]{0,12}$/), (text) => {
        for (const [read, write] of [
          [fromBase64, toBase64],
          [fromBase64Url, toBase64Url],
        ] as const) {
          let data: Uint8Array;
          try {
            data = read(text);
          } catch {
            continue;
          }
          expect(write(data)).toBe(text);
        }
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    'A',
    'AA',
    'AAA',
    'AA=',
    'AA===',
    'A===',
    '=',
    '====',
    'AB==',
    'AAB=',
    'AA==AA==',
    'A A=',
    'AA-=',
    'é',
    'AAA\n',
  ])('base64 refuses %j', (text) => {
    expect(refusal(() => fromBase64(text)).code).toBe('INVALID_ARGUMENT');
  });

  it.each(['A', 'AA==', 'AB', 'AAB', 'A+A', 'AAAAA', 'A\u0141'])('base64url refuses %j', (text) => {
    expect(refusal(() => fromBase64Url(text)).code).toBe('INVALID_ARGUMENT');
  });
});
