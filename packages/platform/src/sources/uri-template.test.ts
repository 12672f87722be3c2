import { describe, expect, it } from 'vitest';
import { uriTemplate } from './uri-template.ts';

describe('a URI template, read backwards', () => {
  it.each([
    ['api:///weather/{city}', 'api:///weather/S%C3%A3o%20Paulo', { city: 'São Paulo' }],
    ['api:///weather/{city}{?units,days}', 'api:///weather/oslo?days=3', { city: 'oslo', days: '3' }],
    ['api:///weather/{city}{?units}', 'api:///weather/oslo?other=3', { city: 'oslo' }],
    ['file:///{+path}', 'file:///a/b/c.md', { path: 'a/b/c.md' }],
    ['file:///{+path}', 'file:///', { path: '' }],
    ['a.b/{c}', 'a.b/%2e%2e', { c: '..' }],
  ])('%s finds in %s its variables', (template, uri, variables) => {
    expect(uriTemplate(template).match(uri)).toEqual(variables);
  });

  it.each([
    ['api:///weather/{city}', 'api:///weather/a/b'],
    ['api:///weather/{city}', 'api:///weather/'],
    ['api:///weather/{city}', 'api:///weather/%zz'],
    ['a.b/{c}', 'axb/c'],
  ])('%s does not take %s for one of its own', (template, uri) => {
    expect(uriTemplate(template).match(uri)).toBeUndefined();
  });

  it.each(['{/path}', 'x/{a}/{a}', 'x/{a', 'x/{a*}', 'x/{?a}/b', 'x/{}'])('%s is refused', (template) => {
    expect(() => uriTemplate(template)).toThrow(/is no template/);
  });
});
