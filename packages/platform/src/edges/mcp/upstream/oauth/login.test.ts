import { claim } from '@aip/conformance';
import { describe, expect, it, vi } from 'vitest';
import { memoryVault } from '../../../../kernel/testing.ts';
import { setup, connect, beginLogin, browse, logIn, whoami, said, refusedWith } from './journey.testing.ts';
import { createLogins } from './logins.ts';

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
