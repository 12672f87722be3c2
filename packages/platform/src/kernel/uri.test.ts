import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalUri, hidesDots, uriKey } from './uri.ts';

describe('a URI', () => {
  it.each([
    ['file:///secret%2Emd', 'file:///secret.md'],
    ['file:///%73ecret.md', 'file:///secret.md'],
    ['FILE://localhost/secret.md', 'file:///secret.md'],
    ['demo://a/./b/../features.md', 'demo://a/features.md'],
    ['demo://a/%2e%2E/%2e/b', 'demo://a/b'],
    ['demo:../b/.', 'demo:b/'],
    ['note://Ann', 'note://Ann'],
    ['HTTP://Host:80', 'http://host/'],
    ['note://a b/é?%3f', 'note://a%20b/%C3%A9?%3F'],
    ['note://a%2fb', 'note://a%2Fb'],
    ['note://100%25', 'note://100%25'],
    ['postgres://user@Host/db/table/schema', 'postgres://user@Host/db/table/schema'],
    ['ui://weather/view.html', 'ui://weather/view.html'],
    ['urn:isbn:0451450523', 'urn:isbn:0451450523'],
    ['x:/a/..b/...c/.d?q=../%2e%2e#/../', 'x:/a/..b/...c/.d?q=../..#/../'],
    ['proxy:///https%253A%252F%252Fhost%252Fa', 'proxy:///https%253A%252F%252Fhost%252Fa'],
  ])('%s is %s', (uri, canonical) => {
    expect(canonicalUri(uri)).toBe(canonical);
    expect(canonicalUri(canonical)).toBe(canonical);
  });

  it.each([
    'secret.md',
    '',
    '//a',
    'file:///sec\tret.md',
    'file:///a\n',
    '\ud800:a',
    'http://h:%38%30/',
    'mem:/..//evil/x',
    'demo:a/..///c',
    // Not followed by two hexadecimal digits.
    'note://100%',
    'x:a?50%',
    'x:a#%2',
    'file:///pub/%%32e%%32e/etc/passwd',
    'file:///pub/%%%332e%%%332e/etc/passwd',
    'file:///pub/%2%65%2%65/etc/passwd',
    // Dot segments once more is decoded.
    'file:///pub/..%2fetc/passwd',
    'file:///pub/x%2f..%2f..%2fetc/passwd',
    'file:///pub/%2e%2e%5cetc/passwd',
    'file:///pub/%252e%252e/etc/passwd',
    'file:///pub/.%252525252e/etc/passwd',
    'file:///pub/%25%2532e%25%2532e/etc/passwd',
    'x:/pub/..%252fetc',
    'x:/pub/..;a/etc',
    'x:/pub/..%3b/etc',
    'x:/pub/..%3f/etc',
    'x:/pub/..%23',
    'x:/pub/.%09./etc',
    'x:/pub/..%00/etc',
    'x://box%2f..%2fother/a',
    'x:..%2fb',
  ])('is not %j', (uri) => {
    expect(() => canonicalUri(uri)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(uriKey(uri)).toBeUndefined();
  });

  it('is of a bounded length, as it comes and as it is spelt', () => {
    expect(canonicalUri(`x:${'a'.repeat(8_190)}`)).toHaveLength(8_192);
    for (const uri of [`x:${'a'.repeat(8_191)}`, `x:${'é'.repeat(2_000)}`, `x:/${'a/../'.repeat(2_000)}`])
      expect(() => canonicalUri(uri)).toThrow(/it has \d+ characters; at most 8192 are taken/);
  });

  const PARTS = String.raw`% 2 3 5 e f 0 4 . .. / // \ a A : @ ? # ; | [ ' %2e %2F %25 %252e %5c %43 %00 %c3 %32 %65 %7C é C: localhost`;
  const HOSTILE = [...PARTS.split(' '), ' ', '\u00ad'];
  const STARTS = 'x: x:/ x:// x:/// file: file:/ file:// file:/// http:// HTTP://h/ wss://u@h:80/ mem:'.split(' ');

  it('is of its own spelling the same, and has no dot segments however often it is decoded', () => {
    const hostile = fc
      .tuple(fc.constantFrom(...STARTS), fc.array(fc.constantFrom(...HOSTILE), { maxLength: 10 }))
      .map(([start, rest]) => start + rest.join(''));
    let accepted = 0;
    fc.assert(
      fc.property(hostile, (uri) => {
        let canonical: string;
        try {
          canonical = canonicalUri(uri);
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
          return;
        }
        accepted++;
        expect(canonicalUri(canonical)).toBe(canonical);
        expect(dotsOf(canonical)).toEqual([]);
      }),
      { numRuns: 10_000 },
    );
    expect(accepted).toBeGreaterThan(1_000);
  });

  /** The dot segments that a reader finds who decodes once, twice, … and leaves alone what cannot be decoded. */
  function dotsOf(uri: string): string[] {
    let [path = ''] = uri.slice(uri.indexOf(':') + 1).split(/[?#]/, 1);
    return Array.from({ length: 5 }, (_, layer) => {
      if (layer > 0)
        path = path.replaceAll(/(?:%[\da-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString());
      return path.split(/[/\\]/).filter((part) => part === '.' || part === '..');
    }).flat();
  }

  it('has no more layers of encoding than anybody means, and is read in no time', () => {
    const start = performance.now();
    // The digit of an escape that is itself encoded, and so on: a layer for every four characters.
    const digit = (layers: number, last: string): string =>
      layers === 0 ? last : `%25${digit(layers - 1, '3')}${last}`;
    expect(hidesDots(`x:/%25${digit(3, '2')}e/a`)).toBe(true);
    expect(hidesDots(`x:/%25${digit(3, '3')}0/a`)).toBe(false);
    expect(hidesDots(`x:/%25${digit(1_900, '3')}0/a`)).toBe(true);
    expect(hidesDots(`x:/%${'25'.repeat(4_000)}2e/a`)).toBe(true);
    expect(hidesDots(`x:/${'%25'.repeat(2_700)}`)).toBe(false);
    expect(performance.now() - start).toBeLessThan(200);
  });

  it.each([
    ['file:///docs%2Fa%2Bb', 'file:///docs/a+b'],
    ['file:////docs//a', 'file:///docs/a'],
    ['file:///docs%5ca', 'file:///docs/a'],
    ['file:///a?x#y', 'file:///a'],
    ['note://a/b#c', 'note://a/b'],
  ])('%s may be taken for %s', (uri, other) => expect(uriKey(uri)).toBe(uriKey(other)));

  it.each([
    ['note://a/b%2F..%2Fc', true],
    ['note://a/..%5Cc', true],
    ['note://a/b%2F.', true],
    ['note:..%2fb', true],
    ['note://a/b%2Fc', false],
    ['note://a/..b%2F...', false],
    ['note://a/b?../c', false],
  ])('%s hides dot segments: %s', (uri, hidden) => expect(hidesDots(uri)).toBe(hidden));

  it.each([
    ['note://a?b', 'note://a?c'],
    ['note://a/b%2525', 'note://a/b%25'],
  ])('%s is never taken for %s', (uri, other) => expect(uriKey(uri)).not.toBe(uriKey(other)));
});
