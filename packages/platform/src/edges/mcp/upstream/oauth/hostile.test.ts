import { claim } from '@aip/conformance';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { memoryVault, until } from '../../../../kernel/testing.ts';
import { connectV2, createTestGateway, type TestGateway } from '../../testing.ts';
import type { HttpUpstream } from '../config.ts';
import { startProtectedServer, type ProtectedServer } from './testing.ts';

const SECRET = 'tok-0123456789abcdefghij';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const item of open.splice(0).toReversed()) await item[Symbol.asyncDispose]();
});

async function setup(more: Partial<HttpUpstream> = {}): Promise<{ server: ProtectedServer; gateway: TestGateway }> {
  const server = await startProtectedServer({ repeats: true });
  open.push(server);
  const servers = { box: { url: server.url, default_effect: 'read' as const, ...more } };
  const gateway = await createTestGateway({ vault: memoryVault(), servers });
  open.push(gateway);
  return { server, gateway };
}

const beginLogin = (gateway: TestGateway) =>
  gateway.upstreams.login('box', gateway.exchange.authenticate({ kind: 'bearer', token: 'alice' }));

/** What a browser shows at the end of a login. */
async function browse(url: string): Promise<{ status: number; text: string }> {
  const response = await fetch((await fetch(url, { redirect: 'manual' })).headers.get('location')!);
  return { status: response.status, text: await response.text() };
}

async function call(gateway: TestGateway, name: string): Promise<string> {
  const client = await connectV2(`${gateway.url}/mcp/box`, 'auto', { token: 'alice' });
  open.push({ [Symbol.asyncDispose]: () => client.close() });
  return JSON.stringify(await client.callTool({ name, arguments: {} }));
}

/** The tokens that reached the server last. */
const presentedTo = (server: ProtectedServer): string => server.presented.at(-1)!.replace('Bearer ', '');

describe(`a server that repeats the token it was told ${claim('P-MCP-GW.oauth')}`, () => {
  it('does not hand it to its user, nor to the log', async () => {
    const { server, gateway } = await setup();
    await browse((await beginLogin(gateway)).url);
    await until(() => gateway.upstreams.status()[0]!.state === 'active');
    const before = await call(gateway, 'echo');
    expect(before).toContain('authorization: Bearer [secret]');
    expect(before).not.toContain(presentedTo(server));
    // The next one is as little told.
    server.expire();
    const after = await call(gateway, 'echo');
    expect(after).toContain('authorization: Bearer [secret]');
    expect(after).not.toContain(presentedTo(server));
  });

  it('does not hand the platform’s own to everybody', async () => {
    const { server, gateway } = await setup({
      oauth: { grant: 'client_credentials', client_id: 'aip', client_secret: 'swordfish' },
    });
    await until(() => gateway.upstreams.status()[0]!.state === 'active');
    const answer = await call(gateway, 'echo');
    expect(answer).toContain('authorization: Bearer [secret]');
    expect(answer).not.toContain(presentedTo(server));
  });
});

describe(`an authorization server that cannot be trusted ${claim('P-MCP-GW.oauth')}`, () => {
  it.each([
    ['a page that is a script', { authorization_endpoint: 'javascript:alert(1)' }, 'authorization_endpoint'],
    ['no word of PKCE', { code_challenge_methods_supported: undefined }, 'PKCE with S256'],
    ['PKCE in clear', { code_challenge_methods_supported: ['plain'] }, 'PKCE with S256'],
    ['another’s name', { issuer: 'https://good.example' }, 'received "https://good.example"'],
    ['fields of other types', { response_types_supported: 'code' }, 'response_types_supported'],
  ])('with %s is sent nobody to', async (_what, metadata, reason) => {
    const { server, gateway } = await setup();
    server.metadata = metadata;
    await expect(beginLogin(gateway)).rejects.toThrow(reason);
    expect(server.tokenRequests).toEqual([]);
  });

  const tokens = (more: object): string => JSON.stringify({ access_token: SECRET, token_type: 'Bearer', ...more });
  it.each([
    ['ends the header it goes into', tokens({ access_token: `${SECRET}\r\nX-Evil: 1` }), 'no header can carry'],
    ['has letters that no header takes', tokens({ access_token: `${SECRET}€` }), 'no header can carry'],
    ['is empty', tokens({ access_token: '' }), 'no header can carry'],
    ['is no text', tokens({ access_token: { token: SECRET } }), 'no header can carry'],
    ['is too long', tokens({ access_token: SECRET.repeat(1_000) }), 'no header can carry'],
    ['comes as a form', `${SECRET}=1&access_token=${SECRET}`, 'its answer is no JSON object'],
    ['comes with an error that names it', JSON.stringify({ error: `${SECRET} is bad` }), 'an error without a code'],
  ])('whose token %s logs nobody in', async (_what, answer, reason) => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue();
    const { server, gateway } = await setup();
    const { url } = await beginLogin(gateway);
    server.tokenAnswer = answer;
    const page = await browse(url);
    expect(page).toMatchObject({ status: 502, text: expect.stringContaining(reason) });
    expect(page.text + JSON.stringify(warn.mock.calls)).not.toContain(SECRET.slice(0, 8));
  });

  it.each([-1, 0, 1e308])(
    'may say that its token lasts for %d seconds: it is used until it is refused',
    async (seconds) => {
      const { server, gateway } = await setup();
      const { url } = await beginLogin(gateway);
      server.tokenAnswer = tokens({ expires_in: seconds });
      expect(await browse(url)).toMatchObject({ status: 200 });
      await until(() => server.presented.includes(`Bearer ${SECRET}`));
    },
  );

  it('does not get into the log what it says beside an error’s code', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue();
    const { server, gateway } = await setup();
    const { url } = await beginLogin(gateway);
    server.failure = { status: 400, body: { error: 'invalid_grant', error_description: `the code ${SECRET} is used` } };
    expect(await browse(url)).toMatchObject({ status: 502, text: expect.stringContaining('it answers invalid_grant') });
    expect(JSON.stringify(warn.mock.calls)).not.toContain(SECRET);
  });
});
