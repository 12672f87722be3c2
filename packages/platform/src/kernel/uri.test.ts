import { describe, expect, it } from 'vitest';
import { canonicalUri, coversUri, expandTemplate, uriKey } from './uri.ts';

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
    ['note://100%', 'note://100%'],
  ])('%s is %s', (uri, canonical) => {
    expect(canonicalUri(uri)).toBe(canonical);
    expect(canonicalUri(canonical)).toBe(canonical);
  });

  it.each(['secret.md', '', '//a', 'file:///sec\tret.md', 'file:///a\n', '\ud800:a'])('is not %j', (uri) => {
    expect(() => canonicalUri(uri)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(uriKey(uri)).toBeUndefined();
  });

  it.each([
    ['file:///docs%2Fa%2Bb', 'file:///docs/a+b'],
    ['file:////docs//a', 'file:///docs/a'],
    ['file:///docs%5ca', 'file:///docs/a'],
    ['file:///docs/x%2F..%2Fa', 'file:///docs/a'],
    ['file:///a?x#y', 'file:///a'],
    ['note://a/b#c', 'note://a/b'],
  ])('%s may be taken for %s', (uri, other) => expect(uriKey(uri)).toBe(uriKey(other)));

  it.each([
    ['note://a?b', 'note://a?c'],
    ['note://a/b%2525', 'note://a/b%25'],
  ])('%s is never taken for %s', (uri, other) => expect(uriKey(uri)).not.toBe(uriKey(other)));
});

describe('a template', () => {
  it.each([
    ['file:///{+path}', 'file:///a/b', true],
    ['file:///{name}', 'file:///a/b', false],
    ['note://{id}/open', 'note://1/open', true],
    ['note://{id}/open', 'note://1', false],
    ['note://{id}/open', 'note://open', false],
    ['NOTE://%61{id}', 'note://abc', true],
    ['sql:///t{?offset}', 'sql:///t?offset=1', true],
    ['sql:///t{?offset}', 'sql:///t', true],
    ['sql:///t{?offset}', 'sql:///table', false],
    ['{+uri}', 'any:thing', true],
    ['note://1', 'note://12', false],
  ])('%s stands for %s: %s', (template, uri, stands) => expect(coversUri(template, uri)).toBe(stands));

  it('takes no longer with many expressions', () => {
    const start = performance.now();
    expect(coversUri(`a:${'{+x}a'.repeat(90)}`, `a:${'a'.repeat(50_000)}b`)).toBe(false);
    expect(performance.now() - start).toBeLessThan(500);
  });

  it.each([
    ['file:///{+path}', { path: 'a b/c' }, 'file:///a%20b/c'],
    ['note://{id}', { id: 'a/b' }, 'note://a%2Fb'],
    ['sql:///t{?a,b}', { b: 2 }, 'sql:///t?b=2'],
    ['note://{id}', {}, undefined],
    ['note://{id}', { id: {} }, undefined],
    ['note://{toString}', {}, undefined],
    ['note:/{/path*}', { path: 'a' }, undefined],
  ])('%s with %j comes to %s', (template, variables, uri) => expect(expandTemplate(template, variables)).toBe(uri));
});
