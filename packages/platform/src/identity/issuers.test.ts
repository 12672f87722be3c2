import { generateKeyPairSync } from 'node:crypto';
import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { exportSPKI, generateKeyPair, importJWK, UnsecuredJWT, type CryptoKey, type JWK } from 'jose';
import { describe, expect, test } from 'vitest';
import { configSchema } from '../main/config.ts';
import { createIssuers, type Issuers } from './issuers.ts';
import { startTestIssuer, type TestIssuer } from './testing.ts';

const RESOURCE = 'https://aip.example.org/mcp';

function issuersOf(server: Pick<TestIssuer, 'issuer'>, more: object = {}, now: () => number = Date.now): Issuers {
  const { identity } = configSchema.parse({ identity: { issuers: { corp: { issuer: server.issuer, ...more } } } });
  return createIssuers({ issuers: identity.issuers, fetchFor: () => fetch, now });
}

const bearer = (issuers: Issuers, token: string, resource = RESOURCE) => issuers.prove(token, resource);

const refused = async (issuers: Issuers, token: string, resource = RESOURCE): Promise<string> => {
  const error = await bearer(issuers, token, resource).then(
    () => undefined,
    (thrown: { code: string; message: string }) => thrown,
  );
  if (!error) return 'accepted';
  expect(error.message).not.toContain(token.split('.')[1]);
  return `${error.code} ${error.message}`;
};

const seconds = (offset: number): number => Math.floor(Date.now() / 1000) + offset;

describe('an access token of a configured issuer', () => {
  test.for(['ES256', 'RS256', 'EdDSA'] as const)(
    `makes its bearer a user of that issuer: signed with %s ${claim('I-AUTH.oauth')}`,
    async (algorithm) => {
      await using server = await startTestIssuer({ algorithm });
      const issuers = issuersOf(server);
      expect(await bearer(issuers, await server.token(RESOURCE))).toEqual({
        id: 'user:corp:alice%40example.org',
        kind: 'user',
        name: 'corp:alice%40example.org',
        tenant: 'default',
        assurance: 'token',
        roles: ['caller'],
        scopes: ['mcp:tools', 'mcp:resources', 'mcp:prompts'],
      });
    },
  );

  test('makes a client that acts for itself a service', async () => {
    await using server = await startTestIssuer();
    const token = await server.token(RESOURCE, { sub: 'robot', client_id: 'robot' });
    expect(await bearer(issuersOf(server), token)).toMatchObject({ id: 'service:corp:robot', kind: 'service' });
  });

  test('gives the roles that its claims mean here, and no others', async () => {
    await using server = await startTestIssuer();
    const issuers = issuersOf(server, {
      roles_claim: 'realm_access.roles',
      roles: { engineering: ['caller'], 'on-call': ['operator', 'viewer'], boss: ['admin'] },
      default_roles: [],
    });
    const roles = async (claims: JsonObject) => (await bearer(issuers, await server.token(RESOURCE, claims))).roles;
    expect(await roles({})).toEqual([]);
    expect(await roles({ realm_access: { roles: ['engineering', 'on-call', 'admin', 'constructor'] } })).toEqual([
      'caller',
      'operator',
      'viewer',
    ]);
    expect(await roles({ realm_access: { roles: 'boss' } })).toEqual(['admin']);
    expect(await roles({ roles: ['boss'], realm_access: 7 })).toEqual([]);
  });

  test('belongs to the tenant that the configuration or the claim names', async () => {
    await using server = await startTestIssuer();
    const fixed = issuersOf(server, { tenant: 'acme' });
    expect(await bearer(fixed, await server.token(RESOURCE))).toMatchObject({ tenant: 'acme' });
    const claimed = issuersOf(server, { tenant_claim: 'org' });
    expect(await bearer(claimed, await server.token(RESOURCE, { org: 'globex' }))).toMatchObject({ tenant: 'globex' });
    for (const org of [undefined, '', 7, 'a/b', '../x'])
      expect(await refused(claimed, await server.token(RESOURCE, org === undefined ? {} : { org }))).toMatch(
        /^UNAUTHENTICATED .*"org"/,
      );
  });

  test('names everybody apart, whatever subjects an issuer thinks of', async () => {
    await using server = await startTestIssuer();
    const issuers = issuersOf(server);
    const ids = new Set<string>();
    const subjects = [
      'a',
      'a:b',
      'a%3Ab',
      'A',
      'a\nb',
      'a|b',
      'ä',
      'a/b',
      ' a',
      '\ud800',
      'x'.repeat(300),
      'x'.repeat(301),
    ];
    for (const sub of subjects) {
      const { id } = await bearer(issuers, await server.token(RESOURCE, { sub }));
      expect(id).toMatch(/^user:corp:[\w%.!~*'()-]+(?::[\w-]+)?$/);
      ids.add(id);
    }
    expect(ids.size).toBe(subjects.length);
  });
});

describe('a token opens nothing', () => {
  const forged: [string, (server: TestIssuer) => Promise<string> | string, RegExp][] = [
    [
      'without a signature',
      async (s) =>
        new UnsecuredJWT({ iss: s.issuer, sub: 'eve', aud: RESOURCE })
          .setExpirationTime('1h')
          .encode()
          .replace(/\.$/, '.x'),
      /signed/,
    ],
    [
      'with the public key as a shared secret',
      async (s) => {
        const [jwk] = ((await (await fetch(`${s.issuer}/jwks`)).json()) as { keys: JWK[] }).keys;
        const pem = await exportSPKI((await importJWK(jwk!, 'ES256', { extractable: true })) as CryptoKey);
        return s.sign(
          { iss: s.issuer, sub: 'eve', aud: RESOURCE, exp: seconds(600) },
          { header: { alg: 'HS256' }, key: Buffer.from(pem) },
        );
      },
      /signed/,
    ],
    [
      'signed by somebody else',
      async (s) =>
        s.sign(
          { iss: s.issuer, sub: 'eve', aud: RESOURCE, exp: seconds(600) },
          { key: (await generateKeyPair('ES256')).privateKey },
        ),
      /signed/,
    ],
    [
      'with a key in its own header',
      async (s) => {
        const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        return s.sign(
          { iss: s.issuer, sub: 'eve', aud: RESOURCE, exp: seconds(600) },
          { header: { jwk: publicKey.export({ format: 'jwk' }) as JsonObject, kid: 'mine' }, key: privateKey as never },
        );
      },
      /signed/,
    ],
    [
      'that was changed',
      async (s) => {
        const [header, payload, signature] = (await s.token(RESOURCE)).split('.');
        const claims = JSON.parse(Buffer.from(payload!, 'base64url').toString()) as JsonObject;
        return [header, Buffer.from(JSON.stringify({ ...claims, sub: 'admin' })).toString('base64url'), signature].join(
          '.',
        );
      },
      /signed/,
    ],
    ['that has expired', (s) => s.token(RESOURCE, { exp: seconds(-31) }), /expired/],
    ['that is not valid yet', (s) => s.token(RESOURCE, { nbf: seconds(60) }), /"nbf"/],
    ['without an expiry', (s) => s.sign({ iss: s.issuer, sub: 'a', aud: RESOURCE }), /"exp"/],
    ['without a subject', (s) => s.sign({ iss: s.issuer, aud: RESOURCE, exp: seconds(9) }), /"sub"/],
    ['with a subject that is no text', (s) => s.token(RESOURCE, { sub: 7 }), /"sub"/],
    ['of another issuer', (s) => s.token(RESOURCE, { iss: 'https://evil.example' }), /issuer that is not accepted/],
    ['without an issuer', (s) => s.sign({ sub: 'a', aud: RESOURCE, exp: seconds(9) }), /issuer that is not accepted/],
    [
      'that is an ID token',
      (s) => s.sign({ iss: s.issuer, sub: 'a', aud: RESOURCE, exp: seconds(9) }, { header: { typ: 'JWT' } }),
      /at\+jwt/,
    ],
    [
      'with a critical extension that nobody knows',
      (s) =>
        s
          .sign({ iss: s.issuer, sub: 'a', aud: RESOURCE, exp: seconds(9) }, { header: { crit: ['x'], x: 1 } })
          .catch(() => 'a.b.c'),
      /signed/,
    ],
    ['that is far too long', (s) => s.token(RESOURCE, { pad: 'x'.repeat(16_384) }), /too long/],
    ['that is three words', () => 'a.b.c', /signed/],
  ];
  test.for(forged)(`%s ${claim('I-AUTH.oauth')}`, async ([, make, why]) => {
    await using server = await startTestIssuer();
    const issuers = issuersOf(server);
    const token = await make(server);
    expect(issuers.recognises(token)).toBe(true);
    expect(await refused(issuers, token)).toMatch(new RegExp(`^UNAUTHENTICATED .*${why.source}`));
    // What was refused once is no way in later.
    expect(await refused(issuers, token)).toMatch(/^UNAUTHENTICATED/);
  });

  test.for([
    ['https://aip.example.org/mcp/files', 'accepted'],
    ['https://aip.example.org/mcp/files/', 'accepted'],
    ['https://aip.example.org/mcp', 'accepted'],
    ['https://aip.example.org', 'accepted'],
    ['https://aip.example.org/', 'accepted'],
    ['https://aip.example.org/mcp/file', 'not for'],
    ['https://aip.example.org/mcp/files2', 'not for'],
    ['https://aip.example.org/mcp/other', 'not for'],
    ['https://aip.example.org:8443/mcp/files', 'not for'],
    ['http://aip.example.org/mcp/files', 'not for'],
    ['https://aip.example.org.evil.example/mcp/files', 'not for'],
    ['https://aip.example.org/mcp/files?x=1', 'not for'],
    ['test-client', 'not for'],
  ] as const)(`unless it was made for this resource: %s ${claim('I-AUTH.audience')}`, async ([audience, verdict]) => {
    await using server = await startTestIssuer();
    const issuers = issuersOf(server);
    const resource = 'https://aip.example.org/mcp/files';
    expect(await refused(issuers, await server.token(audience), resource)).toContain(verdict);
    expect(await refused(issuers, await server.token('x', { aud: ['y', audience] }), resource)).toContain(verdict);
  });

  test('that was proved for one resource at another', async () => {
    await using server = await startTestIssuer();
    const issuers = issuersOf(server);
    const token = await server.token('https://aip.example.org/mcp/files');
    await issuers.prove(token, 'https://aip.example.org/mcp/files');
    await expect(issuers.prove(token, 'https://aip.example.org/mcp/mail')).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
  });

  test('once it has expired, though it was good a moment ago', async () => {
    await using server = await startTestIssuer();
    let now = Date.now();
    const issuers = issuersOf(server, {}, () => now);
    const token = await server.token(RESOURCE, { exp: Math.floor(now / 1000) + 10 });
    await bearer(issuers, token);
    now += 41_000;
    expect(await refused(issuers, token)).toMatch(/expired/);
  });
});

describe('settings of an issuer', () => {
  test('an audience of its own, and tokens that are marked like any other', async () => {
    await using server = await startTestIssuer();
    const issuers = issuersOf(server, { audience: 'api://aip', token_type: 'jwt' });
    expect(await refused(issuers, await server.token('api://aip'))).toBe('accepted');
    expect(await refused(issuers, await server.token('api://other'))).toContain('not for');
    const plain = { header: { typ: 'JWT' } };
    const claims = { iss: server.issuer, sub: 'a', aud: 'api://aip', exp: seconds(60) };
    expect(await refused(issuers, await server.sign(claims, plain))).toBe('accepted');
    expect(await refused(issuers, await server.sign(claims, { header: { typ: 'dpop+jwt' } }))).toContain('at+jwt');
  });

  test('algorithms', async () => {
    await using server = await startTestIssuer({ algorithm: 'ES256' });
    expect(await refused(issuersOf(server, { algorithms: ['RS256'] }), await server.token(RESOURCE))).toContain(
      'signed',
    );
  });

  test.for([
    { issuer: 'http://login.example.org' },
    { issuer: 'https://login.example.org?x' },
    { issuer: 'https://login.example.org', algorithms: ['HS256'] },
    { issuer: 'https://login.example.org', algorithms: ['none'] },
    { issuer: 'https://login.example.org', algorithms: [] },
    { issuer: 'https://login.example.org', default_roles: ['admin'] },
  ])('that would be unsafe are none: %j', (corp) => {
    expect(configSchema.safeParse({ identity: { issuers: { corp } } }).success).toBe(false);
    const twice = { a: { issuer: 'https://x.example' }, b: { issuer: 'https://x.example' } };
    expect(configSchema.safeParse({ identity: { issuers: twice } }).success).toBe(false);
  });
});

describe('the keys of an issuer', () => {
  test.for([
    ['OAuth metadata', { discovery: 'oauth' }],
    ['OAuth metadata of a path', { discovery: 'oauth', path: '/realms/corp' }],
    ['OpenID metadata', { discovery: 'openid', path: '/realms/corp' }],
  ] as const)(`are found in %s ${claim('I-AUTH.keys')}`, async ([, options]) => {
    await using server = await startTestIssuer(options);
    expect(await refused(issuersOf(server), await server.token(RESOURCE))).toBe('accepted');
  });

  test.for([
    ['somebody else', { issuer: 'https://evil.example' }],
    ['no keys', { jwks_uri: null }],
    ['keys in a file', { jwks_uri: 'file:///etc/passwd' }],
  ] as const)('are not taken from metadata that names %s', async ([, metadata]) => {
    await using server = await startTestIssuer();
    server.metadata = metadata;
    expect(await refused(issuersOf(server), await server.token(RESOURCE))).toMatch(/^ISSUER_UNAVAILABLE/);
  });

  test('are not fetched from elsewhere in the clear, where anybody may put others in their place', async () => {
    await using server = await startTestIssuer();
    await using elsewhere = await startTestIssuer();
    server.metadata = { jwks_uri: `${elsewhere.issuer}/jwks` };
    expect(await refused(issuersOf(server), await elsewhere.token(RESOURCE, { iss: server.issuer }))).toMatch(
      /^ISSUER_UNAVAILABLE/,
    );
    expect(elsewhere.requests).toEqual([]);
  });

  test(`are fetched once for many tokens, and again for a new key ${claim('I-AUTH.keys')}`, async () => {
    await using server = await startTestIssuer();
    const jwks = () => server.requests.filter((path) => path === '/jwks').length;
    const issuers = issuersOf(server);
    const tokens = await Promise.all(Array.from({ length: 50 }, () => server.token(RESOURCE)));
    await Promise.all(tokens.map((token) => bearer(issuers, token)));
    expect(jwks()).toBe(1);
    expect(server.requests).toHaveLength(2);
    // A key that is not among them makes them be fetched again, but not for every token that says so.
    for (let n = 0; n < 50; n++)
      await refused(issuers, await server.sign({ iss: server.issuer, aud: RESOURCE, n }, { header: { kid: `${n}` } }));
    expect(jwks()).toBeLessThanOrEqual(2);
  });

  test('that have been rotated are accepted, those that are gone are not', async () => {
    await using server = await startTestIssuer();
    const before = await server.token(RESOURCE);
    await server.rotate();
    const issuers = issuersOf(server);
    expect(await refused(issuers, await server.token(RESOURCE))).toBe('accepted');
    expect(await refused(issuers, before)).toContain('signed');
  });

  test(`are not asked for again and again while the issuer is down ${claim('I-AUTH.keys')}`, async () => {
    await using server = await startTestIssuer();
    let now = Date.now();
    const issuers = issuersOf(server, { jwks_uri: `${server.issuer}/jwks` }, () => now);
    server.fail(503);
    for (let n = 0; n < 20; n++)
      expect(await refused(issuers, await server.token(RESOURCE, { n }))).toMatch(/^ISSUER_UNAVAILABLE/);
    expect(server.requests).toHaveLength(1);
    server.fail(undefined);
    now += 5_001;
    expect(await refused(issuers, await server.token(RESOURCE))).toBe('accepted');
  });

  test.for([403, 404, 429, 200])(
    'are asked for as little while the issuer answers %d and no keys, whatever comes with their name',
    async (status) => {
      await using server = await startTestIssuer();
      let now = Date.now();
      for (const more of [{ jwks_uri: `${server.issuer}/jwks` }, {}]) {
        const issuers = issuersOf(server, more, () => now);
        server.requests.length = 0;
        server.fail(status);
        for (let n = 0; n < 20; n++)
          expect(await refused(issuers, await server.token(RESOURCE, { n }))).toMatch(/^ISSUER_UNAVAILABLE/);
        // Metadata may be in three places.
        expect(new Set(server.requests).size).toBe(server.requests.length);
        server.fail(undefined);
        now += 5_001;
        expect(await refused(issuers, await server.token(RESOURCE))).toBe('accepted');
      }
    },
  );

  test('come through the guarded way out, which knows what the operator has named, within bounds', async () => {
    await using server = await startTestIssuer();
    const rules: unknown[] = [];
    createIssuers({
      issuers: configSchema.parse({ identity: { issuers: { corp: { issuer: server.issuer } } } }).identity.issuers,
      fetchFor: (given) => (rules.push(given), fetch),
      now: Date.now,
    });
    expect(rules).toEqual([{ named: [server.issuer], maxBytes: expect.any(Number), timeout: expect.any(Number) }]);
  });
});
