import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { toNodeHandler, type NodeIncomingMessageLike } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { everyByte } from '../packages/platform/src/main/testing.ts';
import { claim } from './claim.ts';
import { aip, startPlatformProcess, type PlatformProcess } from './fixtures/platform-process.ts';

/** Secrets of two servers, one a process and one over HTTP, that say whatever they have been told wherever they can. */
const KEY = 'box-key-4711-hush';
const TOKEN = 'cloud-token-0815-hush';

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

const TALKATIVE = `
  import { createHash } from 'node:crypto';
  import { McpServer } from '@modelcontextprotocol/server';
  import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
  const { BOX_KEY = '', BOX_PATH = '' } = process.env;
  const digest = (text) => createHash('sha256').update(text).digest('hex');
  console.error('my key is ' + BOX_KEY);
  const server = new McpServer({ name: 'box', version: '1.0.0' });
  server.registerTool('told', { description: 'With ' + BOX_KEY }, () => ({
    content: [{ type: 'text', text: ['told', BOX_KEY, digest(BOX_KEY), digest(BOX_PATH)].join(' ') }],
  }));
  server.registerTool('fail', { description: 'Fails.' }, () => { throw new Error('not with ' + BOX_KEY); });
  await server.connect(new StdioServerTransport());`;

/** What the server over HTTP was sent last. */
let authorization = '';
const handler = toNodeHandler(
  createMcpHandler(
    () => {
      const server = new McpServer({ name: 'cloud', version: '1.0.0' });
      server.registerTool('told', { description: `With ${authorization}`, inputSchema: z.object({}) }, () => ({
        content: [{ type: 'text', text: authorization }],
        structuredContent: { [authorization]: [digestOf(authorization), authorization.replace('Bearer ', '')] },
      }));
      return server;
    },
    { legacy: 'reject' },
  ),
);
const http = createServer((request, response) => {
  if (request.headers.authorization === undefined) return void response.writeHead(403).end();
  authorization = request.headers.authorization;
  return void handler(request as NodeIncomingMessageLike, response);
});

let platform: PlatformProcess;
beforeAll(async () => {
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
  const box = {
    command: process.execPath,
    args: ['--input-type=module', '-e', TALKATIVE],
    cwd: path.resolve(import.meta.dirname, '..'),
    env: { BOX_KEY: { vault: 'box-key' }, BOX_PATH: { env: 'PATH' } },
    default_effect: 'read',
  };
  const cloud = { url, headers: { Authorization: 'Bearer {vault:cloud-token}' }, default_effect: 'read' };
  const nowhere = { url, headers: { Authorization: { env: 'NOT_SET_ANYWHERE' } } };
  platform = await startPlatformProcess({ settings: { mcp: { servers: { box, cloud, nowhere } } } });
}, 60_000);
afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
  http.closeAllConnections();
  http.close();
});

async function server(name: string): Promise<{ state: string; error?: string }> {
  const { servers } = await platform.admin.operate('mcp.list', {});
  return servers.find((one) => one.name === name) ?? { state: 'gone' };
}

/** Everything that a caller of the tool sees. */
async function told(tool: string): Promise<string> {
  const updates: unknown[] = [];
  try {
    for await (const update of platform.admin.stream(`tool:${tool}`)) updates.push(update);
  } catch (error) {
    updates.push((error as Error).message);
  }
  return JSON.stringify(updates);
}

describe(`secrets that the settings of servers cite ${claim('P-MCP-GW.secrets')}`, () => {
  it('that are missing keep their server from starting, by name, and nobody else', async () => {
    expect(await server('box')).toMatchObject({
      state: 'offline',
      error: 'The vault holds no secret "box-key"; "aip secret set box-key" keeps one.',
    });
    expect(await server('cloud')).toMatchObject({ state: 'offline', error: expect.stringContaining('cloud-token') });
    expect(await server('nowhere')).toMatchObject({
      state: 'offline',
      error: expect.stringContaining('NOT_SET_ANYWHERE'),
    });
    expect((await fetch(`${platform.url}/readyz`)).status).toBe(200);
    expect(await told('box/told')).toContain('aip secret set box-key');
  });

  it('that are set later are taken at the next attempt, by itself or by "aip mcp restart"', async () => {
    await platform.admin.operate('secrets.set', { name: 'box-key', value: KEY });
    await platform.admin.operate('secrets.set', { name: 'cloud-token', value: TOKEN });
    expect(await aip(['mcp', 'restart', 'cloud', '--data-dir', platform.folder])).toMatchObject({ code: 0 });
    await expect.poll(() => server('cloud'), { timeout: 5_000 }).toMatchObject({ state: 'active' });
    await expect.poll(() => server('box'), { timeout: 40_000, interval: 200 }).toMatchObject({ state: 'active' });
  }, 60_000);

  it('reach their server, and do not come back from it', async () => {
    const box = await told('box/told');
    expect(box).toContain(`told [secret] ${digestOf(KEY)} ${digestOf(process.env['PATH'] ?? '')}`);
    expect(await told('cloud/told')).toContain(`{"[secret]":["${digestOf(`Bearer ${TOKEN}`)}","[secret]"]}`);
    expect(await told('box/fail')).toContain('not with [secret]');
  });

  it('stand nowhere in clear: not in what is shown, not in the log, not in the data folder, not in aip.yaml', async () => {
    const shown = await Promise.all([
      ...['box', 'cloud'].map((name) => platform.admin.operate('mcp.inspect', { server: name })),
      platform.admin.operate('mcp.list', {}),
      platform.admin.operate('tasks.list', {}),
    ]);
    expect(JSON.stringify(shown)).toContain('With [secret]');
    expect(platform.stderr).toContain('my key is [secret]');
    const { folder } = platform;
    await platform.stop();
    const everything = [JSON.stringify(shown), platform.stdout, platform.stderr, everyByte(path.dirname(folder))];
    for (const text of everything) {
      expect(text).not.toContain(KEY);
      expect(text).not.toContain(TOKEN);
    }
    expect(everything.at(-1)).toContain('"vault":"box-key"');
  });
});
