import { claim } from '@aip/conformance';
import { describe, expect, it } from 'vitest';
import { unwrapUri, wrapInterface, wrapUri } from './uris.ts';

describe(`a server’s URI among those of others ${claim('P-MCP.resources')}`, () => {
  it.each(['note://1', 'file:///etc/hosts', 'ui://weather/view.html', 'ui://aip/box/x', 'a:b/c', 'test://{id}/data'])(
    '%s leads back to itself',
    (uri) => expect(unwrapUri(wrapUri('box', uri))).toEqual({ server: 'box', uri }),
  );

  it('of a user interface keeps the scheme that hosts ask for', () => {
    expect(wrapUri('box', 'ui://weather/view.html')).toBe('ui://aip/box/weather/view.html');
    const tool = { name: 't', _meta: { ui: { resourceUri: 'ui://weather/view.html', visibility: ['model'] }, x: 1 } };
    expect(wrapInterface('box', tool)).toEqual({
      name: 't',
      _meta: { ui: { resourceUri: 'ui://aip/box/weather/view.html', visibility: ['model'] }, x: 1 },
    });
    expect(wrapInterface('box', { name: 't', _meta: { x: 1 } })).toEqual({ name: 't', _meta: { x: 1 } });
  });
});
