import { claim } from '@aip/conformance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestSources, startTestApi, type TestApi, type TestSources } from '../testing.ts';

let api: TestApi;
let test: TestSources;

beforeAll(async () => {
  api = await startTestApi((app) => {
    app.get('/v1/weather/:city', (request) => ({
      city: (request.params as { city: string }).city,
      units: (request.query as { units?: string }).units,
    }));
    app.get('/v1/logo', (_request, reply) => reply.type('image/png').send(Buffer.from([1, 0, 2])));
    app.get('/v1/docs/*', (request) => request.url);
    app.get('/secret', () => 'not of this API');
    app.get('/v1/gone', (_request, reply) => reply.code(404).send('no such thing'));
    app.get('/v1/large', () => 'x'.repeat(2_000));
  });
  test = await openTestSources(
    {
      http: {
        weather: {
          base_url: `${api.url}/v1/`,
          auth: { bearer: { env: 'TOKEN' } },
          max_bytes: 1_000,
          resources: {
            'Weather of a city': {
              path: '/weather/{city}{?units}',
              description: 'Now.',
              mime_type: 'application/json',
            },
            Documents: { path: '/docs/{+path}' },
            Logo: { path: '/logo' },
            Gone: { path: '/gone' },
            Large: { path: '/large' },
          },
        },
      },
    },
    { environment: { TOKEN: 't0ken-for-weather' } },
  );
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
});

const WEATHER = 'resource:weather/api:///weather/{city}{?units}';

describe(`an HTTP API ${claim('P-MCP-GW.resources')}`, () => {
  it('has resources and templates', () => {
    expect(test.entry(WEATHER)).toMatchObject({
      kind: 'template',
      effect: 'read',
      native: { uriTemplate: 'api:///weather/{city}{?units}', name: 'Weather of a city', mimeType: 'application/json' },
    });
    expect(test.entry('resource:weather/api:///logo')).toMatchObject({
      kind: 'resource',
      native: { uri: 'api:///logo' },
    });
  });

  it('is read by URI, or by variables where there are no URIs, with the operator’s credentials', async () => {
    const uri = 'api:///weather/S%C3%A3o%20Paulo?units=si&admin=1';
    expect((await test.call(WEATHER, { uri })).value).toEqual({
      contents: [{ uri, mimeType: 'application/json', text: '{"city":"São Paulo","units":"si"}' }],
    });
    expect(api.requests.at(-1)).toMatchObject({
      method: 'GET',
      url: '/v1/weather/S%C3%A3o%20Paulo?units=si',
      headers: { authorization: 'Bearer t0ken-for-weather' },
    });
    await test.call(WEATHER, { city: 'Oslo' });
    expect(api.requests.at(-1)).toMatchObject({ url: '/v1/weather/Oslo' });
    // What is asked for is the path that policies have looked at, encoded as it was there.
    await test.call('resource:weather/api:///docs/{+path}', { uri: 'api:///docs/secret%2fkey' });
    expect(api.requests.at(-1)).toMatchObject({ url: '/v1/docs/secret%2Fkey' });
    expect((await test.call('resource:weather/api:///logo')).value).toMatchObject({
      contents: [{ blob: 'AQAC', mimeType: 'image/png' }],
    });
  });

  it.each([
    ['an error', 'resource:weather/api:///gone', {}, 'NOT_FOUND'],
    ['more than the limit', 'resource:weather/api:///large', {}, 'PAYLOAD_TOO_LARGE'],
    ['another URI', WEATHER, { uri: 'api:///logo' }, 'INVALID_ARGUMENT'],
    ['a missing variable', WEATHER, {}, 'INVALID_ARGUMENT'],
    ['a path upwards', WEATHER, { uri: 'api:///weather/%2e%2e' }, 'INVALID_ARGUMENT'],
    ['a path upwards once it is decoded', WEATHER, { uri: 'api:///weather/%252e%252e' }, 'INVALID_ARGUMENT'],
    ['a variable that is no text', WEATHER, { city: 'Oslo', units: {} }, 'INVALID_ARGUMENT'],
    [
      'an empty part of a path',
      'resource:weather/api:///docs/{+path}',
      { uri: 'api:///docs//secret' },
      'INVALID_ARGUMENT',
    ],
    [
      'a query that the template does not name',
      'resource:weather/api:///docs/{+path}',
      { uri: 'api:///docs/a?b' },
      'NOT_FOUND',
    ],
    [
      'a path upwards in the rest of a path',
      'resource:weather/api:///docs/{+path}',
      { uri: 'api:///docs/a/../../../secret' },
      'INVALID_ARGUMENT',
    ],
  ])('%s is refused', async (_, address, args, code) => {
    expect((await test.call(address, args)).error).toMatchObject({ code });
  });
});
