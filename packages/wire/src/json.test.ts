import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AipError } from './errors.ts';
import { type JsonLimits, parseJson } from './json.ts';
import { refusal } from './testing.ts';

const codeOf = (input: string | Uint8Array, limits?: JsonLimits) => refusal(() => parseJson(input, limits)).code;

describe('parseJson', () => {
  it('reads whatever JSON.stringify writes, as text and as bytes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const text = JSON.stringify(value);
        if (text.includes('__proto__') || text.includes('constructor')) return;
        expect(parseJson(text)).toEqual(JSON.parse(text));
        expect(parseJson(new TextEncoder().encode(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    ['at the top', '{"a":1,"a":2}'],
    ['deep inside', '{"x":[{"y":{"a":1,"b":2,"a":3}}]}'],
    ['written with an escape', '{"a":1,"\\u0061":2}'],
    ['whose values are trees', '{"a":{"b":1,"c":2},"a":{"b":1}}'],
    ['before a space', '{"a" : 1, "a" \n: 2}'],
    ['of length zero', '{"":1,"":2}'],
    ['in an object that a later duplicate hides', '{"a":{"b":1,"b":2},"c":3}'],
  ])('refuses a duplicate key %s', (_, text) => {
    expect(codeOf(text)).toBe('MALFORMED_MESSAGE');
  });

  it('finds every duplicated key', () => {
    const member = fc.tuple(fc.string(), fc.jsonValue({ maxDepth: 2 }));
    fc.assert(
      fc.property(fc.array(member, { minLength: 1 }), fc.nat(), (members, pick) => {
        const again = members[pick % members.length]!;
        const text = [...members, again]
          .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)
          .join(',');
        expect(codeOf(`{${text}}`)).toBe('MALFORMED_MESSAGE');
      }),
    );
  });

  it('is not misled by colons, quotes and backslashes inside strings', () => {
    const value = { 'a:"\\': ':"\\":{', b: ['\\"', ':', '"a":1,"a":1'], c: '\\\\' };
    expect(parseJson(JSON.stringify(value))).toEqual(value);
  });

  it.each([
    ['__proto__', '{"__proto__":{"admin":true}}'],
    ['an escaped __proto__', '{"a":{"__pr\\u006fto__":1}}'],
    ['constructor.prototype', '{"constructor":{"prototype":{"admin":true}}}'],
  ])('refuses %s', (_, text) => {
    expect(codeOf(text)).toBe('MALFORMED_MESSAGE');
  });

  it('allows the word constructor where it reaches nothing', () => {
    expect(parseJson('{"properties":{"constructor":{"type":"string"}}}')).toEqual({
      properties: { constructor: { type: 'string' } },
    });
  });

  it('refuses nesting beyond the limit, not at it', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(parseJson(nested(64))).toBeInstanceOf(Array);
    expect(codeOf(nested(65))).toBe('MALFORMED_MESSAGE');
    expect(codeOf(nested(500_000))).toBe('MALFORMED_MESSAGE');
    expect(codeOf('{"a":{"b":1}}', { maxDepth: 1 })).toBe('MALFORMED_MESSAGE');
  });

  it('measures size in bytes of UTF-8, not in characters', () => {
    const text = JSON.stringify('€'.repeat(10));
    expect(parseJson(text, { maxBytes: 32 })).toBe('€'.repeat(10));
    expect(codeOf(text, { maxBytes: 31 })).toBe('PAYLOAD_TOO_LARGE');
    expect(codeOf(new TextEncoder().encode(text), { maxBytes: 31 })).toBe('PAYLOAD_TOO_LARGE');
    expect(codeOf(' '.repeat(1024 * 1024) + '1')).toBe('PAYLOAD_TOO_LARGE');
  });

  it('refuses a number that no double holds', () => {
    expect(codeOf('[1e999]')).toBe('MALFORMED_MESSAGE');
    expect(parseJson('[1e308]')).toEqual([1e308]);
  });

  it('says where invalid JSON is invalid, without repeating it', () => {
    const error = refusal(() => parseJson('{"token":"hunter2",}'));
    expect(error.message).toBe('This is not valid JSON (at position 19).');
    expect(JSON.stringify(error)).not.toContain('hunter2');
  });

  it.each([[[0xff, 0xfe]], [[0x22, 0xc0, 0xaf, 0x22]], [[0xef, 0xbb, 0xbf, 0x31]], [[0x22, 0xed, 0xa0, 0x80, 0x22]]])(
    'refuses the bytes %j, which are not plain UTF-8',
    (bytes) => {
      expect(codeOf(Uint8Array.from(bytes))).toBe('MALFORMED_MESSAGE');
    },
  );

  it('throws nothing but AipError, whatever comes', () => {
    const almostJson = fc.stringMatching(/^[[\]{}",:\\0-9eE+\-.tfnul \t]*$/);
    const input = fc.oneof(fc.string({ unit: 'binary' }), almostJson, fc.uint8Array(), fc.json());
    fc.assert(
      fc.property(input, (hostile) => {
        try {
          parseJson(hostile);
        } catch (error) {
          expect(error).toBeInstanceOf(AipError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
