import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { claim } from '@aip/conformance';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { protectResources } from './protected-resource.ts';
import { createHttpServer } from './server.ts';

const base = 'https://aip.example.org';
const WELL_KNOWN = '/.well-known/oauth-protected-resource';

let asked: string[] = [];
const app = createHttpServer({ hosts: [] });
protectResources(app, {
  issuers: ['https://login.example.org'],
  scopes: [],
  firstScopes: [],
  recognises: () => true,
  async prove(_token, resource) {
    asked.push(resource);
    return { id: 'user:alice' } as never;
  },
  publicUrl: base,
});
for (const url of ['/mcp', '/mcp/:name', '/mcp/v/:virtual']) app.get(url, ({ params }) => Promise.resolve(params));
afterAll(() => app.close());
afterEach(() => {
  asked = [];
});

const get = (url: string, headers: Record<string, string> = {}) =>
  app.inject({ url, headers: { host: 'localhost', ...headers } });

describe(`an MCP endpoint of a name that a URL has to encode ${claim('I-AUTH.resource')}`, () => {
  it.each([
    ['/mcp/Max%20M%C3%BCller', '/mcp/Max%20M%C3%BCller', 'Max Müller'],
    ['/mcp/a%2Fb%3Fc%23%25', '/mcp/a%2Fb%3Fc%23%25', 'a/b?c#%'],
    ['/mcp/%22%E5%A4%A9%22', '/mcp/%22%E5%A4%A9%22', '"天"'],
    // However it is spelled, it is one resource: as is what stands for itself, encoded what does not (RFC 3986, 6.2.2).
    ['/mcp/m%c3%bc%6cler', '/mcp/m%C3%BCller', 'müller'],
    ['/mcp/did:key:z6Mk%66', '/mcp/did:key:z6Mkf', 'did:key:z6Mkf'],
  ])('is one resource: %s', async (sent, path, name) => {
    const metadata = await get(`${WELL_KNOWN}${sent}`);
    expect(metadata.statusCode, metadata.body).toBe(200);
    expect(metadata.json()).toMatchObject({ resource: `${base}${path}` });

    const challenge = await get(sent);
    expect(challenge.statusCode).toBe(401);
    expect(challenge.headers['www-authenticate']).toBe(`Bearer resource_metadata="${base}${WELL_KNOWN}${path}"`);

    const served = await get(sent, { authorization: 'Bearer token' });
    expect(served.json()).toEqual({ name });
    expect(asked).toEqual([`${base}${path}`]);
  });

  it('is as much one below /mcp/v', async () => {
    const metadata = await get(`${WELL_KNOWN}/mcp/v/caf%C3%A9`);
    expect(metadata.json()).toMatchObject({ resource: `${base}/mcp/v/caf%C3%A9` });
    await get('/mcp/v/caf%C3%A9', { authorization: 'Bearer token' });
    expect(asked).toEqual([`${base}/mcp/v/caf%C3%A9`]);
  });

  it.each(['/mcp/%2e%2e', '/mcp/.', '/mcp/v/%2E', '/mcp/', '/mcp/a/b'])(
    'is none where the URL would be another: %s',
    async (path) => {
      expect(await rawStatus(`${WELL_KNOWN}${path}`)).toBe(404);
      expect(await rawStatus(path)).toBe(404);
      expect(asked.filter((resource) => resource !== base)).toEqual([]);
    },
  );
});

/** The path as it is written, which clients would not leave it. */
async function rawStatus(path: string): Promise<number | undefined> {
  if (!app.server.listening) await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers: { authorization: 'Bearer token' } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .once('error', reject)
      .end();
  });
}
