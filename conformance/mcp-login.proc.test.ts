import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  startProtectedServer,
  type ProtectedServer,
} from '../packages/platform/src/edges/mcp/upstream/oauth/testing.ts';
import { claim } from './claim.ts';
import { aip, startPlatformProcess, type Ended, type PlatformProcess } from './fixtures/platform-process.ts';

/** `aip mcp login` with a real MCP server behind OAuth, its authorization server, and a browser that agrees. */
const COMMAND = fileURLToPath(new URL('../packages/platform/bin/aip.mjs', import.meta.url));

let server: ProtectedServer;
let platform: PlatformProcess;
beforeAll(async () => {
  server = await startProtectedServer();
  platform = await startPlatformProcess({
    settings: { mcp: { servers: { box: { url: server.url, default_effect: 'read' } } } },
  });
}, 60_000);
afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

const mcp = (...args: string[]): Promise<Ended> => aip(['mcp', ...args, '--data-dir', platform.folder]);

/** The command while it waits. */
interface Waiting {
  readonly child: ChildProcess;
  /** Where it sends the browser. */
  readonly url: string;
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
}

async function login(...flags: string[]): Promise<Waiting> {
  const args = [COMMAND, 'mcp', 'login', 'box', '--data-dir', platform.folder, ...flags];
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, args, {
    env: { PATH, HOME, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const late = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const ended = once(child, 'close').then(([code]) => {
    clearTimeout(late);
    return { code: code as number | null, ...output };
  });
  const url = await vi.waitUntil(() => /^(http\S+)$/m.exec(output.stdout + output.stderr)?.[1], { timeout: 20_000 });
  return { child, url, ended };
}

/** What a browser does whose user agrees; returns the text of the page it ends on. */
async function browse(url: string): Promise<string> {
  const back = (await fetch(url, { redirect: 'manual' })).headers.get('location');
  return (await fetch(back ?? '')).text();
}

const whoami = async (): Promise<string> => {
  const { stdout, stderr } = await mcp('call', 'box/whoami');
  return stdout + stderr;
};

describe(`aip mcp login ${claim('P-MCP-GW.oauth', 'D-CLI.mcp')}`, () => {
  it('prints where to log in, waits for the browser, and says that it is done', async () => {
    expect((await mcp('list')).stdout).toMatch(/^box +login needed/m);
    const { url, ended } = await login();
    expect(new URL(url).origin).toBe(server.issuer);
    expect(await browse(url)).toContain('can use box now');
    expect(await ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/\nYou are logged in to box\.\n$/) });
    await expect.poll(whoami, { timeout: 20_000, interval: 500 }).toContain('alice@example.com');
  }, 60_000);

  it('says why a login has failed, and what it prints for programs is how it ended', async () => {
    server.failure = { status: 400, body: { error: 'access_denied' } };
    const failing = await login();
    expect(await browse(failing.url)).toContain('access_denied');
    expect(await failing.ended).toMatchObject({ code: 1, stderr: expect.stringContaining('access_denied') });
    server.failure = undefined;
    const { url, ended } = await login('-o', 'json');
    await browse(url);
    const { code, stdout } = await ended;
    expect([code, JSON.parse(stdout)]).toEqual([0, { server: 'box', state: 'done' }]);
  }, 60_000);

  it('waits as long as it is told, and Ctrl-C ends only the waiting', async () => {
    const impatient = await login('--timeout', '1s');
    expect(await impatient.ended).toMatchObject({ code: 1, stderr: expect.stringContaining('in time') });
    const { child, url, ended } = await login();
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 1, stderr: expect.stringContaining('the URL stays good until') });
    expect(await browse(url)).toContain('can use box now');
    const { code, stdout } = await mcp('login', 'box', '--no-wait', '-o', 'json');
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      {
        server: 'box',
        login: expect.any(String),
        url: expect.stringContaining(server.issuer),
        expires_at: expect.any(String),
      },
    ]);
  }, 60_000);

  it('is nobody else’s to wait for', async () => {
    const begun = await platform.admin.operate('mcp.login', { server: 'box' });
    const other = platform.client(await platform.token('other'));
    await expect(other.operate('mcp.await_login', { login: begun.login })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('logout forgets it, and restart begins anew', async () => {
    expect(await mcp('logout', 'box')).toMatchObject({ code: 0, stdout: 'You are logged out of box.\n' });
    expect(await mcp('logout', 'box')).toMatchObject({ code: 1, stderr: expect.stringContaining('not logged in') });
    expect(await whoami()).toContain('aip mcp login box');
    expect(await mcp('restart', 'box')).toMatchObject({ code: 0, stdout: 'Began anew with box.\n' });
    expect(await mcp('restart', 'nobody')).toMatchObject({ code: 1, stderr: expect.stringContaining('no MCP server') });
    expect((await mcp('login', 'nobody')).code).toBe(1);
  }, 60_000);

  it('leaves no token readable', () => {
    const presented = new Set(
      server.presented.map((header) => header.replace('Bearer ', '')).filter((token) => token !== ''),
    );
    expect(presented.size).toBeGreaterThan(0);
    for (const token of presented) expect(platform.stdout + platform.stderr).not.toContain(token);
  });
});
