import { generateKeyPairSync } from 'node:crypto';
import { claim } from '@aip/conformance';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createOutbound } from '../../../../engines/outbound/fetch.ts';
import { memoryVault, until } from '../../../../kernel/testing.ts';
import { createTestGateway } from '../../testing.ts';
import { setup, connect, beginLogin, logIn, holdRenewal, whoami, said, refusedWith } from './journey.testing.ts';
import { startProtectedServer } from './testing.ts';

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
    onTestFinished(() => again[Symbol.asyncDispose]());
    expect(again.upstreams.status()).toMatchObject([{ state: 'active' }]);
    expect(await whoami(await connect(again, 'alice'))).toMatchObject(said('alice@example.com'));
    expect(await vault.names('default', 'service:alice')).toHaveLength(1);
  });

  it('gets nobody’s tokens under the same name at another address', async () => {
    const { gateway, vault } = await setup();
    await logIn(gateway, 'alice');
    const other = await startProtectedServer();
    onTestFinished(() => other[Symbol.asyncDispose]());
    const moved = await createTestGateway({ vault, servers: { box: { url: other.url } } });
    onTestFinished(() => moved[Symbol.asyncDispose]());
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
    onTestFinished(() => outbound.close());
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
    onTestFinished(() => named[Symbol.asyncDispose]());
    await logIn(named, 'alice');
  });

  it('is no other than the one an operator has named', async () => {
    const { gateway } = await setup({ oauth: { issuer: 'https://login.example.com' } });
    await expect(beginLogin(gateway, 'alice')).rejects.toThrow(/oauth\.issuer is https:\/\/login\.example\.com/);
  });
});
