import { createRequire } from 'node:module';
import path from 'node:path';
import { AipClient } from '@aip/sdk';
import type { JsonObject } from '@aip/wire';
import { expect, test } from 'vitest';
import { loadConfig } from './config.ts';
import { startPlatform } from './platform.ts';
import { temporaryFolder } from './testing.ts';

const package_ = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-memory/package.json');
const server = path.join(path.dirname(package_), 'dist/index.js');

test('a server is started anew: another process, the same tools, and the old process is gone', async () => {
  using folder = temporaryFolder();
  const mcp = { servers: { memory: { command: process.execPath, args: [server] } } };
  const config = loadConfig({ env: {}, flags: { port: 0, data_dir: folder.path, mcp }, cwd: folder.path });
  const platform = await startPlatform({ config, log: () => {} });
  try {
    const client = new AipClient({ url: platform.url, token: platform.core.secrets.adminToken });
    const operate = (name: string, input: JsonObject = {}) => client.operate(name, input) as Promise<JsonObject>;
    const active = async (): Promise<number | undefined> => {
      const { servers } = (await operate('mcp.list')) as unknown as { servers: { state: string; pid?: number }[] };
      return servers[0]?.state === 'active' ? servers[0].pid : undefined;
    };
    const running = async (but?: number): Promise<number> => {
      let pid: number | undefined;
      await expect
        .poll(async () => (pid = await active()) !== undefined && pid !== but, { timeout: 20_000 })
        .toBe(true);
      return pid as number;
    };
    const first = await running();
    await operate('mcp.restart', { name: 'memory' });
    const second = await running(first);
    expect(() => process.kill(first, 0)).toThrow('ESRCH');
    expect(() => process.kill(second, 0)).not.toThrow();
    expect(await client.invoke('tool:memory/read_graph', {})).toEqual({ entities: [], relations: [] });
    await expect(operate('mcp.restart', { name: 'nobody' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  } finally {
    await platform.stop();
  }
});
