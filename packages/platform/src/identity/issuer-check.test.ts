import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { claim } from '@aip/conformance';
import { afterEach, describe, expect, it } from 'vitest';
import { createOutbound } from '../engines/outbound/fetch.ts';
import { checkIssuer, type IssuerFinding } from './issuer-check.ts';
import type { IssuerConfig } from './issuers.ts';
import { startTestIssuer } from './testing.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0)) await item[Symbol.asyncDispose]();
});

async function issuerOf(options?: Parameters<typeof startTestIssuer>[0]) {
  const server = await startTestIssuer(options);
  open.push(server);
  return server;
}

async function check(issuer: string, config: Partial<IssuerConfig> = {}): Promise<IssuerFinding> {
  const outbound = createOutbound();
  try {
    const given = { issuer, algorithms: ['RS256', 'ES256'], token_type: 'at+jwt', ...config } as IssuerConfig;
    return await checkIssuer(given, outbound.fetchFor);
  } finally {
    await outbound.close();
  }
}

describe(`what is found out about an issuer before its first token comes ${claim('D-CLI.doctor')}`, () => {
  it('is how many of its keys verify what is accepted here, and where they are', async () => {
    const { issuer } = await issuerOf({ path: '/realms/corp', discovery: 'openid' });
    expect(await check(issuer)).toEqual({
      ok: true,
      detail: `${issuer}: 1 of 1 keys at ${issuer}/jwks verify RS256, ES256`,
    });
  });

  it('is that it does not answer', async () => {
    const server = await issuerOf();
    await server[Symbol.asyncDispose]();
    open.length = 0;
    expect(await check(server.issuer)).toMatchObject({
      ok: false,
      detail: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+ cannot be read: .*ECONNREFUSED/),
    });
  });

  it('is that it answers and publishes nothing about itself', async () => {
    const server = await issuerOf();
    server.fail(404);
    expect(await check(server.issuer)).toMatchObject({
      ok: false,
      detail: expect.stringContaining('/.well-known/openid-configuration answers 404'),
      remedy: expect.stringContaining('jwks_uri'),
    });
  });

  it('is that it calls itself something else, with both names', async () => {
    const server = await issuerOf();
    server.metadata = { issuer: `${server.issuer}/` };
    expect(await check(server.issuer)).toMatchObject({
      ok: false,
      detail: expect.stringContaining(`its issuer is "${server.issuer}/", not "${server.issuer}"`),
      remedy: expect.stringContaining('set issuer to exactly what it calls itself'),
    });
  });

  it('is that its keys are not there, are no keys, or are not for the algorithms', async () => {
    const server = await issuerOf();
    server.metadata = { jwks_uri: `${server.issuer}/none` };
    expect(await check(server.issuer)).toMatchObject({ ok: false, detail: `${server.issuer}/none answers 404.` });
    server.metadata = {};
    expect(await check(server.issuer, { algorithms: ['RS256', 'EdDSA'] })).toMatchObject({
      ok: false,
      detail: expect.stringContaining(`0 of 1 keys at ${server.issuer}/jwks verify RS256, EdDSA`),
      remedy: expect.stringContaining('set algorithms'),
    });
    for (const [text, said] of [
      ['{"keys":1}', 'is no JSON Web Key Set'],
      ['not JSON', 'cannot be read'],
      ['{"keys":[1,{"kty":"odd"},{"kty":"EC","crv":"P-256"}]}', '0 of 3 keys'],
    ] as const) {
      const place = await serving(text);
      expect(await check(server.issuer, { jwks_uri: place })).toMatchObject({
        ok: false,
        detail: expect.stringContaining(said),
      });
    }
  });

  it('is asked at jwks_uri alone where that is set', async () => {
    const server = await issuerOf();
    const finding = await check('https://login.example.com', { jwks_uri: `${server.issuer}/jwks` });
    expect(finding.ok).toBe(true);
    expect(server.requests).toEqual(['/jwks']);
  });
});

async function serving(text: string): Promise<string> {
  const http = createServer((_request, response) => void response.end(text));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  open.push({ [Symbol.asyncDispose]: () => new Promise((resolve) => void http.close(() => resolve())) });
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
}
