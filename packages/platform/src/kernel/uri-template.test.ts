import { describe, expect, it } from 'vitest';
import { coversUri, expandTemplate, variablesIn, variablesOfTemplate } from './uri-template.ts';

describe('a URI template', () => {
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
    ['note://1', 'note://1', true],
    ['note://{id}', 'note://', false],
    ['file:///{+dir}/{name}.md', 'file:///a/b/c.md', true],
    ['file:///{name}/{+rest}', 'file:///a/b/c.md', true],
    ['x:///{a}/{+b}/{c}', 'x:///1/2/3/4', true],
    ['x:///{a}/{+b}/{c}', 'x:///1/2', false],
    ['x:///{a}-{b}.json', 'x:///1-2.json', true],
    ['x:///{a}-{b}.json', 'x:///1-2/3.json', false],
    ['x:{+a}aba', 'x:ababa', true],
    ['x:aba{+a}aba', 'x:ababa', false],
    ['x:/{a}{/rest*}', 'x:/a/b/c', true],
    ['api:///t/{city}{?units}', 'api:///t/a/b', false],
    ['api:///t/{city}{?units}', 'api:///t/a?units=si', true],
    ['api:///caf\u00e9/{x}', 'api:///caf%C3%A9/1', true],
  ])('%s stands for %s: %s', (template, uri, stands) => expect(coversUri(template, uri)).toBe(stands));

  it('takes no longer with many expressions', () => {
    const start = performance.now();
    expect(coversUri(`a:${'{+x}a'.repeat(90)}`, `a:${'a'.repeat(50_000)}b`)).toBe(false);
    expect(coversUri('docs://{+section}/{+page}.md', `docs://${'a/'.repeat(60_000)}b.m`)).toBe(false);
    expect(coversUri(`x:${'{a}-'.repeat(90)}z`, `x:${'a-'.repeat(60_000)}`)).toBe(false);
    expect(performance.now() - start).toBeLessThan(500);
  });

  it.each([
    ['api:///weather/{city}', 'api:///weather/S%C3%A3o%20Paulo', { city: 'São Paulo' }],
    ['api:///weather/{city}{?units,days}', 'api:///weather/oslo?days=3', { city: 'oslo', days: '3' }],
    ['api:///weather/{city}{?units}', 'api:///weather/oslo?other=3', { city: 'oslo' }],
    ['file:///{+path}', 'file:///a/b/c.md', { path: 'a/b/c.md' }],
    ['file:///{+path}', 'file:///', { path: '' }],
    ['a.b:{c}', 'a.b:%2Fx', { c: '/x' }],
    ['sql:///schema', 'sql:///schema', {}],
  ])('%s finds in %s its variables', (template, uri, variables) => {
    expect(variablesIn(template, uri)).toEqual(variables);
  });

  it.each([
    ['api:///weather/{city}', 'api:///weather/a/b'],
    ['api:///weather/{city}', 'api:///weather/'],
    ['api:///weather/{city}', 'api:///weather/%FF'],
    ['api:///docs/{+path}', 'api:///docs/a?b'],
    ['api:///docs/{+path}', 'api:///docs/a#b'],
    ['a.b:{c}', 'axb:c'],
  ])('%s does not take %s for one of its own', (template, uri) => {
    expect(variablesIn(template, uri)).toBeUndefined();
  });

  it.each(['{/path}', 'x/{a}/{a}', 'x/{a}{b}', 'x/{a', 'x/a}', 'x/{a*}', 'x/{?a}/b', 'x/{}'])(
    '%s cannot be read backwards',
    (template) => expect(variablesOfTemplate(template)).toBeUndefined(),
  );

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
