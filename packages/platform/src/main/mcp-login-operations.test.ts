import { claim } from '@aip/conformance';
import { expect, it } from 'vitest';
import { connectV2 } from '../edges/mcp/testing.ts';
import { startProtectedServer } from '../edges/mcp/upstream/oauth/testing.ts';
import { loadConfig } from './config.ts';
import { startPlatform } from './platform.ts';
import { everyByte, temporaryFolder } from './testing.ts';

/** Everybody whose role is caller may log in, and read at once with what they got. */
async function start(folder: string, url: string) {
  const servers = { box: { url, default_effect: 'read' } };
  const config = loadConfig({ env: {}, flags: { data_dir: folder, port: 0, mcp: { servers } }, cwd: folder });
  const platform = await startPlatform({ config, log: () => {} });
  const admin = platform.core.secrets.adminToken;
  async function post(
    path: string,
    body: object,
    token?: string,
  ): Promise<{ status: number; body: Record<string, string> }> {
    const response = await fetch(`${platform.url}/v1/${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, string> };
  }
  return { platform, admin, post };
}

it(`mcp.login works for callers under the starter policy, across a restart, and leaves no token readable ${claim('P-MCP-GW.oauth', 'I-AUTH.vault')}`, async () => {
  using folder = temporaryFolder();
  await using server = await startProtectedServer();
  let token: string;
  const secrets: string[] = [];
  {
    const { platform, admin, post } = await start(folder.path, server.url);
    token = (await post('tokens/create', { name: 'alice', roles: ['caller'] }, admin)).body['token']!;
    expect((await post('mcp/login', { server: 'box' })).status).toBeGreaterThanOrEqual(401);
    expect(await post('mcp/login', { server: 'nowhere' }, token)).toMatchObject({ status: 404 });
    const begun = await post('mcp/login', { server: 'box' }, token);
    expect(begun).toMatchObject({ status: 200, body: { server: 'box' } });
    expect(Date.parse(begun.body['expires_at']!)).toBeGreaterThan(Date.now() + 5 * 60_000);
    const { searchParams } = new URL(begun.body['url']!);
    secrets.push(searchParams.get('state')!, searchParams.get('code_challenge')!);
    const callback = (await fetch(begun.body['url']!, { redirect: 'manual' })).headers.get('location')!;
    expect(new URL(callback).origin).toBe(platform.url);
    expect(await (await fetch(callback)).text()).toContain('service:alice can use box now');
    await platform.stop();
  }
  const again = await start(folder.path, server.url);
  const client = await connectV2(`${again.platform.url}/mcp/box`, 'auto', { token });
  await expect
    .poll(async () => JSON.stringify(await client.callTool({ name: 'whoami', arguments: {} }).catch(String)), {
      timeout: 5_000,
    })
    .toContain('alice@example.com');
  await client.close();
  secrets.push(...server.presented.filter((header) => header !== '').map((header) => header.replace('Bearer ', '')));
  expect(secrets.length).toBeGreaterThan(2);
  expect(await again.post('mcp/logout', { server: 'box' }, token)).toMatchObject({ status: 200 });
  expect(await again.post('mcp/logout', { server: 'box' }, token)).toMatchObject({ status: 404 });
  await again.platform.stop();
  const bytes = everyByte(folder.path);
  for (const secret of secrets) expect(bytes).not.toContain(secret);
}, 30_000);

it.each([
  [{ grant: 'client_credentials' }, 'client_id: has to be set'],
  [{ client_id: 'x', client_secret: { vault: 'y' } }, 'issuer: has to say'],
  [{ scopes: ['two words'] }, 'a scope, without spaces'],
])('settings of a login that cannot work are refused by name: %j', (oauth, fault) => {
  const mcp = { servers: { box: { url: 'https://mcp.example.com', oauth } } };
  expect(() => loadConfig({ env: {}, flags: { mcp }, cwd: '/nonexistent' })).toThrow(fault);
});
