import { generateKeyPairSync } from 'node:crypto';
import { claim } from '@aip/conformance';
import type { Client } from '@modelcontextprotocol/client';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createOutbound } from '../../../../engines/outbound/fetch.ts';
import { memoryVault, until } from '../../../../kernel/testing.ts';
import type { Vault } from '../../../../kernel/vault.ts';
import { connectV2, createTestGateway, type TestGateway, type TestGatewayOptions } from '../../testing.ts';
import type { HttpUpstream } from '../config.ts';
import { createLogins } from './logins.ts';
import { startProtectedServer, type ProtectedServer, type ProtectedServerOptions } from './testing.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0).toReversed()) await item[Symbol.asyncDispose]();
});

async function setup(
  more: Partial<HttpUpstream> = {},
  options: ProtectedServerOptions = {},
  gatewayOptions: Partial<TestGatewayOptions> = {},
): Promise<{ server: ProtectedServer; gateway: TestGateway; vault: Vault }> {
  const server = await startProtectedServer(options);
  open.push(server);
  const vault = gatewayOptions.vault ?? memoryVault();
  const gateway = await createTestGateway({
    ...gatewayOptions,
    vault,
    servers: { box: { url: server.url, default_effect: 'read', ...more } },
  });
  open.push(gateway);
  return { server, gateway, vault };
}

async function connect(
  gateway: TestGateway,
  token: string,
  options: Parameters<typeof connectV2>[2] = {},
): Promise<Client> {
  const client = await connectV2(`${gateway.url}/mcp/box`, 'auto', { token, ...options });
  open.push({ [Symbol.asyncDispose]: () => client.close() });
  return client;
}

const beginLogin = (gateway: TestGateway, name: string) =>
  gateway.upstreams.login('box', gateway.exchange.authenticate({ kind: 'bearer', token: name }));

/** Opens the URL as a browser does, up to the page that the platform shows. */
async function browse(url: string): Promise<{ status: number; text: string; callback: string }> {
  const callback = (await fetch(url, { redirect: 'manual' })).headers.get('location')!;
  const response = await fetch(callback);
  return { status: response.status, text: await response.text(), callback };
}

async function logIn(gateway: TestGateway, name: string): Promise<void> {
  const page = await browse((await beginLogin(gateway, name)).url);
  expect(page, page.text).toMatchObject({ status: 200 });
  await until(() => gateway.upstreams.status()[0]!.state === 'active');
}

/** Access tokens expire; the refresh that follows is held up on its way to the authorization server. */
function holdRenewal(server: ProtectedServer): { begun: Promise<void>; goOn: () => void } {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: held, resolve: goOn } = Promise.withResolvers<void>();
  server.expire();
  server.beforeRefresh = () => {
    server.beforeRefresh = undefined;
    begin();
    return held;
  };
  return { begun, goOn };
}

const whoami = (client: Client) => client.callTool({ name: 'whoami', arguments: {} });
const said = (text: string) => ({ content: [{ type: 'text', text }] });
const refusedWith = (code: string) => ({ isError: true, _meta: { 'aip/error': expect.objectContaining({ code }) } });

describe(`a server that wants a login ${claim('P-MCP-GW.oauth')}`, () => {
  it('is used by each caller as itself, and tells others in one clear error what to do', async () => {
    const { server, gateway } = await setup();
    expect(gateway.upstreams.status()).toMatchObject([
      { state: 'login_needed', error: expect.stringContaining('aip mcp login box') },
    ]);
    await logIn(gateway, 'alice');
    const [alice, bob] = [await connect(gateway, 'alice'), await connect(gateway, 'bob')];
    expect(await whoami(alice)).toMatchObject(said('alice@example.com'));

    // Bob sees what there is, and is told what he lacks.
    expect((await bob.listTools()).tools.map(({ name }) => name)).toEqual(['whoami']);
    const refused = await whoami(bob);
    expect(refused).toMatchObject(refusedWith('REAUTHORISE'));
    expect(refused).toMatchObject(said(expect.stringContaining('aip mcp login box') as unknown as string));

    server.user = 'bob@example.com';
    await logIn(gateway, 'bob');
    expect(await whoami(bob)).toMatchObject(said('bob@example.com'));
    expect(await whoami(alice)).toMatchObject(said('alice@example.com'));
  });

  it(`never gets the token that its caller has here ${claim('P-MCP-GW.no-passthrough')}`, async () => {
    const { server, gateway } = await setup();
    const secret = 'a-token-of-this-platform';
    const client = await connect(gateway, secret, {});
    await whoami(client).catch(() => {});
    await logIn(gateway, secret);
    expect(await whoami(client)).toMatchObject(said('alice@example.com'));
    server.expire();
    expect(await whoami(client)).toMatchObject(said('alice@example.com'));
    expect(server.presented.length).toBeGreaterThan(3);
    const everything = JSON.stringify([server.presented, server.tokenRequests, server.registrations]);
    expect(everything).not.toContain(secret);
  });

  it('does not get one caller’s token for another', async () => {
    const { server, gateway } = await setup();
    await logIn(gateway, 'alice');
    const bob = await connect(gateway, 'bob');
    expect(await whoami(bob)).toMatchObject(refusedWith('REAUTHORISE'));
    await expect(bob.readResource({ uri: 'diary://today' })).rejects.toThrow(/aip mcp login box/);
    const done = server.served.map((line) => line.split(' ')[0]);
    expect(done).toContain('tools/list');
    expect(done).not.toContain('tools/call');
    expect(done).not.toContain('resources/read');
  });

  it('shows nobody which resources somebody else has', async () => {
    const { gateway } = await setup();
    await logIn(gateway, 'alice');
    const [alice, bob] = [await connect(gateway, 'alice'), await connect(gateway, 'bob')];
    expect((await bob.listResources()).resources).toEqual([]);
    expect(await alice.readResource({ uri: 'diary://today' })).toMatchObject({
      contents: [{ text: 'alice@example.com' }],
    });
  });

  it('is logged in to still after a restart, from the vault', async () => {
    const { server, gateway, vault } = await setup();
    await logIn(gateway, 'alice');
    const again = await createTestGateway({ vault, servers: { box: { url: server.url, default_effect: 'read' } } });
    open.push(again);
    expect(again.upstreams.status()).toMatchObject([{ state: 'active' }]);
    expect(await whoami(await connect(again, 'alice'))).toMatchObject(said('alice@example.com'));
    expect(await vault.names('default', 'service:alice')).toHaveLength(1);
  });

  it('gets nobody’s tokens under the same name at another address', async () => {
    const { gateway, vault } = await setup();
    await logIn(gateway, 'alice');
    const other = await startProtectedServer();
    open.push(other);
    const moved = await createTestGateway({ vault, servers: { box: { url: other.url } } });
    open.push(moved);
    expect(moved.upstreams.status()).toMatchObject([{ state: 'login_needed' }]);
    expect(other.presented.filter((header) => header !== '')).toEqual([]);
  });

  it('may let everybody look, and want a login for calls only', async () => {
    const { server, gateway } = await setup({}, { openLists: true });
    expect(gateway.upstreams.status()).toMatchObject([{ state: 'active' }]);
    const [alice, bob] = [await connect(gateway, 'alice'), await connect(gateway, 'bob')];
    expect(await whoami(alice)).toMatchObject(refusedWith('REAUTHORISE'));
    await logIn(gateway, 'alice');
    expect(await whoami(alice)).toMatchObject(said('alice@example.com'));
    expect(await whoami(bob)).toMatchObject(refusedWith('REAUTHORISE'));
    expect(await bob.readResource({ uri: 'diary://today' })).toMatchObject({ contents: [{ text: 'nobody' }] });
    expect(server.served).toContain('resources/read nobody');
  });

  it('is logged out of on demand', async () => {
    const { gateway } = await setup();
    await logIn(gateway, 'alice');
    const alice = await connect(gateway, 'alice');
    const principal = gateway.exchange.authenticate({ kind: 'bearer', token: 'alice' });
    expect(await gateway.upstreams.logout('box', principal)).toBe(true);
    expect(await gateway.upstreams.logout('box', principal)).toBe(false);
    expect(await whoami(alice)).toMatchObject(refusedWith('REAUTHORISE'));
  });
});

describe(`an access token that is refused ${claim('P-MCP-GW.oauth')}`, () => {
  it('is renewed once, however many calls find out at the same time', async () => {
    const { server, gateway } = await setup();
    await logIn(gateway, 'alice');
    const alice = await connect(gateway, 'alice');
    await whoami(alice);
    for (let round = 0; round < 3; round++) {
      server.tokenRequests.length = 0;
      server.expire();
      const results = await Promise.all(Array.from({ length: 20 }, () => whoami(alice)));
      for (const result of results) expect(result).toMatchObject(said('alice@example.com'));
      expect(server.tokenRequests.map((request) => request['grant_type'])).toEqual(['refresh_token']);
      expect(server.tokenRequests[0]?.['resource']).toBe(server.url);
    }
  });

  it('stays forgotten when its user logs out while it is being renewed', async () => {
    const { server, gateway, vault } = await setup();
    await logIn(gateway, 'alice');
    const alice = await connect(gateway, 'alice');
    await whoami(alice);
    const renewing = holdRenewal(server);
    const call = whoami(alice);
    await renewing.begun;
    const principal = gateway.exchange.authenticate({ kind: 'bearer', token: 'alice' });
    expect(await gateway.upstreams.logout('box', principal)).toBe(true);
    renewing.goOn();
    expect(await call).toMatchObject(refusedWith('REAUTHORISE'));
    expect(await vault.names('default', 'service:alice')).toEqual([]);
    expect(await whoami(alice)).toMatchObject(refusedWith('REAUTHORISE'));
  });

  it.each(['renewed', 'refused'])('does not come between its user and a new login when it is %s late', async (how) => {
    const { server, gateway } = await setup();
    await logIn(gateway, 'alice');
    const alice = await connect(gateway, 'alice');
    await whoami(alice);
    const renewing = holdRenewal(server);
    const call = whoami(alice);
    await renewing.begun;
    server.user = 'alice@work.example.com';
    await logIn(gateway, 'alice');
    if (how === 'refused') server.spend();
    renewing.goOn();
    // The call itself goes on with the login that there is now.
    expect(await call).toMatchObject(said('alice@work.example.com'));
    expect(await whoami(alice)).toMatchObject(said('alice@work.example.com'));
    server.expire();
    expect(await whoami(alice)).toMatchObject(said('alice@work.example.com'));
  });

  it('is renewed once, also when its server is restarted meanwhile', async () => {
    const { server, gateway } = await setup();
    await logIn(gateway, 'alice');
    const alice = await connect(gateway, 'alice');
    await whoami(alice);
    const renewing = holdRenewal(server);
    const call = whoami(alice);
    await renewing.begun;
    const before = server.presented.length;
    const restarted = gateway.upstreams.restart('box');
    // Begun anew, it has asked for nobody, and has been refused with the token that is being renewed.
    await until(() => server.presented.length >= before + 2);
    renewing.goOn();
    await Promise.all([restarted, call]);
    await until(() => gateway.upstreams.status()[0]!.state === 'active');
    expect(await whoami(alice)).toMatchObject(said('alice@example.com'));
  });

  it('whose refresh token is no longer good becomes the error that names the server; no tool vanishes', async () => {
    const { server, gateway } = await setup();
    await logIn(gateway, 'alice');
    const alice = await connect(gateway, 'alice');
    server.revoke();
    expect(await whoami(alice)).toMatchObject(refusedWith('REAUTHORISE'));
    // Asked again it is not tried again: there is nothing left to try with.
    const requests = server.tokenRequests.length;
    expect(await whoami(alice)).toMatchObject(refusedWith('REAUTHORISE'));
    expect(server.tokenRequests).toHaveLength(requests);
    expect((await alice.listTools(undefined, { cacheMode: 'refresh' })).tools.map(({ name }) => name)).toEqual([
      'whoami',
    ]);
    await logIn(gateway, 'alice');
    expect(await whoami(alice)).toMatchObject(said('alice@example.com'));
  });

  it('is kept while the authorization server is down, and renewed when it is back', async () => {
    const { server, gateway } = await setup();
    await logIn(gateway, 'alice');
    const alice = await connect(gateway, 'alice');
    await whoami(alice);
    server.expire();
    server.failure = { status: 503, body: { secret: 'not for anybody’s eyes' } };
    const refused = await whoami(alice);
    expect(refused).toMatchObject(refusedWith('UPSTREAM_FAILED'));
    expect(JSON.stringify(refused)).not.toContain('not for anybody');
    server.failure = undefined;
    expect(await whoami(alice)).toMatchObject(said('alice@example.com'));
  });
});

describe(`a login ${claim('P-MCP-GW.oauth')}`, () => {
  it('asks for the scopes that were missing, and for those there were', async () => {
    const { server, gateway } = await setup();
    await logIn(gateway, 'alice');
    server.scope = 'write';
    const alice = await connect(gateway, 'alice');
    const refused = await whoami(alice);
    expect(refused).toMatchObject(refusedWith('REAUTHORISE'));
    expect(JSON.stringify(refused)).toContain('write');
    const { url } = await beginLogin(gateway, 'alice');
    expect(new URL(url).searchParams.get('scope')?.split(' ').toSorted()).toEqual(['read', 'write']);
    await browse(url);
    expect(await whoami(alice)).toMatchObject(said('alice@example.com'));
  });

  it('is PKCE with S256, for this server as the resource, by a client that registers once', async () => {
    const { server, gateway } = await setup();
    const { searchParams } = new URL((await beginLogin(gateway, 'alice')).url);
    expect(Object.fromEntries(searchParams)).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      resource: server.url,
      scope: 'read',
      redirect_uri: `${gateway.url}/oauth/mcp/callback`,
    });
    expect(searchParams.get('state')!.length).toBeGreaterThanOrEqual(43);
    await logIn(gateway, 'alice');
    await logIn(gateway, 'bob');
    expect(server.registrations).toHaveLength(1);
  });

  it('uses a metadata document where others can fetch it', async () => {
    const base = 'https://aip.example.org';
    const { server, gateway } = await setup({}, { clientIdMetadata: true }, { baseUrl: base });
    const { url } = await beginLogin(gateway, 'alice');
    expect(new URL(url).searchParams.get('client_id')).toBe(`${base}/client-metadata.json`);
    expect(server.registrations).toEqual([]);
    expect(await (await fetch(`${gateway.url}/client-metadata.json`)).json()).toEqual({
      client_id: `${base}/client-metadata.json`,
      client_uri: base,
      client_name: 'Agent Infrastructure Platform',
      redirect_uris: [`${base}/oauth/mcp/callback`],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    });
  });

  it('uses the client that was registered beforehand, with its secret from the vault', async () => {
    const vault = memoryVault();
    await vault.write('default', 'platform', 'box-secret', 'hush');
    const { server, gateway } = await setup(
      { oauth: { client_id: 'ours', client_secret: { vault: 'box-secret' } } },
      { registration: false },
      { vault },
    );
    await logIn(gateway, 'alice');
    expect(server.tokenRequests[0]?.['authorization']).toBe(`Basic ${Buffer.from('ours:hush').toString('base64')}`);
  });

  it('says which secret there is not', async () => {
    const { gateway } = await setup({ oauth: { client_id: 'ours', client_secret: { vault: 'box-secret' } } });
    await expect(beginLogin(gateway, 'alice')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('aip secret set box-secret'),
    });
  });

  it('is finished once, by the state it was begun with, for who began it', async () => {
    const { gateway } = await setup();
    const { url } = await beginLogin(gateway, 'alice');
    const first = await browse(url);
    expect(first).toMatchObject({ status: 200, text: expect.stringContaining('service:alice') });
    expect(await fetch(first.callback).then(({ status }) => status)).toBe(404);
    for (const state of ['', 'made-up', '<script>']) {
      const response = await fetch(`${gateway.url}/oauth/mcp/callback?code=x&state=${encodeURIComponent(state)}`);
      expect(response.status).toBe(404);
      expect(await response.text()).not.toContain('<script>');
    }
    expect(await whoami(await connect(gateway, 'bob'))).toMatchObject(refusedWith('REAUTHORISE'));
  });

  it('is too old after ten minutes, and the oldest of too many is let go', () => {
    let now = 0;
    const logins = createLogins(() => now);
    const login = (state: string) => ({
      state,
      server: 'box',
      account: { tenant: 'default', owner: `service:${state}` },
      url: '',
      finish: () => Promise.resolve(),
    });
    const answer = (state: string) => new URLSearchParams({ state });
    logins.keep(login('late'));
    now += 10 * 60_000 + 1;
    for (let n = 0; n <= 1_000; n++) logins.keep(login(`n${n}`));
    return Promise.all([
      expect(logins.finish(answer('late'))).rejects.toMatchObject({ code: 'NOT_FOUND' }),
      expect(logins.finish(answer('n0'))).rejects.toMatchObject({ code: 'NOT_FOUND' }),
      expect(logins.finish(answer('n1'))).resolves.toMatchObject({ state: 'n1' }),
    ]);
  });

  it('is waited for by who began it, one at a time, and no longer than they want', async () => {
    const logins = createLogins(() => 0);
    const account = { tenant: 'default', owner: 'service:alice' };
    const finish = vi.fn<() => Promise<void>>().mockRejectedValueOnce(new Error('what the server said'));
    const begin = (state: string) => logins.keep({ state, server: 'box', account, url: '', finish });
    const patient = new AbortController().signal;
    const { id } = begin('first');
    for (const who of [
      { ...account, owner: 'service:bob' },
      { ...account, tenant: 'other' },
    ])
      await expect(logins.ended(id, who, patient)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(logins.ended('no such id', account, patient)).rejects.toMatchObject({ code: 'NOT_FOUND' });

    const open = { server: 'box', state: 'open' };
    expect(await logins.ended(id, account, AbortSignal.abort())).toEqual(open);
    const [one, two] = [logins.ended(id, account, patient), logins.ended(id, account, patient)];
    expect(await one).toEqual(open);
    logins.release();
    expect(await two).toEqual(open);

    const waiting = logins.ended(id, account, patient);
    await expect(logins.finish(new URLSearchParams({ state: 'first' }))).rejects.toThrow('what the server said');
    expect(await waiting).toMatchObject({ state: 'failed', error: { code: 'INTERNAL_ERROR' } });
    const again = begin('second');
    await logins.finish(new URLSearchParams({ state: 'second' }));
    expect(await logins.ended(again.id, account, patient)).toEqual({ server: 'box', state: 'done' });
  });

  it('whose answer comes from another authorization server gives no tokens', async () => {
    const { server, gateway, vault } = await setup();
    server.claimedIssuer = 'https://evil.example.com';
    const page = await browse((await beginLogin(gateway, 'alice')).url);
    expect(page).toMatchObject({ status: 502, text: expect.stringContaining('Issuer mismatch') });
    expect(server.tokenRequests).toEqual([]);
    expect(await vault.names('default', 'service:alice')).toEqual([]);
  });

  it('that the user refuses is said to be refused, and nothing is kept', async () => {
    const { gateway, server } = await setup();
    const { url } = await beginLogin(gateway, 'alice');
    const { searchParams } = new URL(url);
    const query = new URLSearchParams({
      error: 'access_denied',
      state: searchParams.get('state')!,
      iss: server.issuer,
    });
    const response = await fetch(`${gateway.url}/oauth/mcp/callback?${query.toString()}`);
    expect(response.status).toBe(502);
    expect(await response.text()).toContain('access_denied');
  });

  it('is offered to clients that can be shown a URL, and the call goes on after it', async () => {
    const { gateway, server } = await setup();
    await logIn(gateway, 'bob');
    server.user = 'alice@example.com';
    const shown = vi.fn<(params: unknown) => void>();
    const alice = await connect(gateway, 'alice', {
      capabilities: { elicitation: { url: {} } },
      prepare: (client) =>
        client.setRequestHandler('elicitation/create', ({ params }) => {
          shown(params);
          void browse((params as { url: string }).url);
          return { action: 'accept' };
        }),
    });
    expect(await whoami(alice)).toMatchObject(said('alice@example.com'));
    expect(shown).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ mode: 'url', message: expect.stringContaining('box') }),
    );
  });
});

describe(`the platform itself ${claim('P-MCP-GW.oauth')}`, () => {
  it('logs in for everybody by its client secret', async () => {
    const vault = memoryVault();
    await vault.write('default', 'platform', 'box-secret', 'hush');
    const oauth = {
      grant: 'client_credentials',
      client_id: 'ours',
      client_secret: { vault: 'box-secret' },
      scopes: ['read'],
    } as const;
    const { server, gateway } = await setup({ oauth }, {}, { vault });
    expect(gateway.upstreams.status()).toMatchObject([{ state: 'active' }]);
    const bob = await connect(gateway, 'bob');
    expect(await whoami(bob)).toMatchObject(said('the platform'));
    server.expire();
    server.tokenRequests.length = 0;
    for (const result of await Promise.all([whoami(bob), whoami(bob), whoami(bob)]))
      expect(result).toMatchObject(said('the platform'));
    expect(server.tokenRequests).toHaveLength(1);
    await expect(beginLogin(gateway, 'bob')).rejects.toMatchObject({ code: 'UNSUPPORTED_OPERATION' });
  });

  it('logs in for everybody by its private key', async () => {
    const vault = memoryVault();
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await vault.write('default', 'platform', 'box-key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    const oauth = { grant: 'client_credentials', client_id: 'ours', private_key: { vault: 'box-key' } } as const;
    const { server, gateway } = await setup({ oauth }, {}, { vault });
    expect(gateway.upstreams.status()).toMatchObject([{ state: 'active' }]);
    const [request] = server.tokenRequests;
    expect(request?.['client_assertion_type']).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    const claims = JSON.parse(
      Buffer.from(request!['client_assertion']!.split('.')[1]!, 'base64url').toString(),
    ) as object;
    expect(claims).toMatchObject({ iss: 'ours', sub: 'ours', aud: server.issuer });
  });
});

describe(`an authorization server that the upstream names ${claim('D-SECURE.outbound')}`, () => {
  it('is not reached at a private address, unless an operator has named it', async () => {
    const outbound = createOutbound();
    open.push({ [Symbol.asyncDispose]: () => outbound.close() });
    const guarded = { fetchFor: outbound.fetchFor };
    const { gateway, server } = await setup({}, { apart: true }, guarded);
    await expect(beginLogin(gateway, 'alice')).rejects.toMatchObject({
      code: 'ADDRESS_BLOCKED',
      details: { address: '127.0.0.1' },
    });
    expect(server.registrations).toEqual([]);

    const named = await createTestGateway({
      ...guarded,
      servers: { box: { url: server.url, oauth: { issuer: server.issuer } } },
    });
    open.push(named);
    await logIn(named, 'alice');
  });

  it('is no other than the one an operator has named', async () => {
    const { gateway } = await setup({ oauth: { issuer: 'https://login.example.com' } });
    await expect(beginLogin(gateway, 'alice')).rejects.toThrow(/oauth\.issuer is https:\/\/login\.example\.com/);
  });
});
