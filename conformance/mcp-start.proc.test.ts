import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { claim } from '@aip/conformance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectV2, ERAS } from '../packages/platform/src/edges/mcp/testing.ts';
import { startPlatformProcess, type PlatformProcess } from './fixtures/platform-process.ts';

const require = createRequire(import.meta.url);
const manifest = require.resolve('@modelcontextprotocol/server-everything/package.json');
const everything = {
  command: process.execPath,
  args: [path.join(path.dirname(manifest), 'dist/index.js')],
  default_effect: 'read',
};
/** It takes connections and never says a word. */
const silent = createServer(() => {});

let token: string;
let platform: PlatformProcess;
beforeAll(async () => {
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  platform = await startPlatformProcess({ settings: { mcp: { servers: { everything } } } });
  token = await platform.token('early');
});
afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
  silent.closeAllConnections();
  silent.close();
});

/** From the ready line on nothing is waited for but the answer itself. */
async function again(): Promise<void> {
  await platform.stop();
  await platform.restart();
}

describe(`a client that comes with the ready line ${claim('P-MCP-GW.federation')}`, () => {
  it.each(ERAS)('sees the tools of servers that are just starting (%s)', async (era) => {
    await again();
    const client = await connectV2(`${platform.url}/mcp`, era, { token });
    const names = (await client.listTools()).tools.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['everything_echo', 'everything_get-sum']));
    // Offered only to clients that can be asked, which takes a second connection to find out.
    expect(names).toContain('everything_trigger-elicitation-request');
    const { entries } = (await platform
      .client(token)
      .operate('catalogue.list', { kind: 'tool', owner: 'everything' })) as unknown as {
      entries: { name: string; asks?: true }[];
    };
    const asking = new Map(entries.map(({ name, asks }) => [name, asks === true]));
    expect([asking.get('echo'), asking.get('trigger-elicitation-request')]).toEqual([false, true]);
    await client.close();
  });

  it.each(ERAS)('calls them without having listed anything (%s)', async (era) => {
    await again();
    const client = await connectV2(`${platform.url}/mcp/everything`, era, { token });
    const result = await client.callTool({ name: 'echo', arguments: { message: 'early' } });
    expect(JSON.stringify(result)).toContain('early');
    await client.close();
  });

  it('calls them over HTTP', async () => {
    await again();
    const value = await platform.client(token).invoke('tool:everything/echo', { message: 'early' });
    expect(JSON.stringify(value)).toContain('early');
  });
});

it('a server that says nothing holds nobody up for longer than five seconds', async () => {
  const { port } = silent.address() as AddressInfo;
  const slow = { url: `http://127.0.0.1:${port}/mcp` };
  await using other = await startPlatformProcess({ settings: { mcp: { servers: { everything, slow } } } });
  const began = performance.now();
  const client = await connectV2(`${other.url}/mcp`, 'auto', { token: await other.token('early') });
  const { tools } = await client.listTools();
  expect(performance.now() - began).toBeLessThan(6_000);
  expect(tools.map(({ name }) => name)).toContain('everything_echo');
  await client.close();
});
