import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { claim } from '@aip/conformance';
import type { Client } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../../kernel/testing.ts';
import { connectV2, createTestGateway, type TestGateway } from '../testing.ts';

const require = createRequire(import.meta.url);
const command = (name: string, ...args: string[]) => ({
  command: process.execPath,
  args: [
    path.join(path.dirname(require.resolve(`@modelcontextprotocol/${name}/package.json`)), 'dist/index.js'),
    ...args,
  ],
});

const folder = mkdtempSync(path.join(tmpdir(), 'aip-federation-'));
const thought = { thought: 'think', nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 };
/** A call of each server, and what its answer holds. */
const CALLS = {
  everything: ['everything_echo', { message: 'hello' }, 'hello'],
  files: ['files_read_text_file', { path: path.join(folder, 'note.txt') }, 'a note'],
  memory: ['memory_read_graph', {}, 'entities'],
  thinking: ['thinking_sequentialthinking', thought, 'thoughtNumber'],
} as const;
const NAMES = Object.keys(CALLS) as (keyof typeof CALLS)[];

let gateway: TestGateway;
let client: Client;
const logged: { message: string; fields: Record<string, unknown> }[] = [];
beforeAll(async () => {
  writeFileSync(path.join(folder, 'note.txt'), 'a note');
  gateway = await createTestGateway({
    log: (_level, message, fields) => logged.push({ message, fields }),
    servers: {
      everything: command('server-everything'),
      files: command('server-filesystem', folder),
      memory: { ...command('server-memory'), env: { MEMORY_FILE_PATH: path.join(folder, 'memory.json') } },
      thinking: command('server-sequential-thinking'),
    },
  });
  client = await connectV2(`${gateway.url}/mcp`, 'auto');
});
afterAll(async () => {
  await client.close();
  await gateway[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const status = (name: string) => gateway.upstreams.status().find((entry) => entry.name === name)!;
const call = (name: keyof typeof CALLS) => client.callTool({ name: CALLS[name][0], arguments: CALLS[name][1] });
const works = async (name: keyof typeof CALLS): Promise<void> => {
  const result = await call(name);
  expect(result.isError, JSON.stringify(result)).not.toBe(true);
  expect(JSON.stringify(result)).toContain(CALLS[name][2]);
};

describe(`four official servers behind one endpoint ${claim('P-MCP-GW.federation', 'P-MCP-GW.supervision')}`, () => {
  it('all work at once', async () => {
    expect(gateway.upstreams.status().map(({ state }) => state)).toEqual(NAMES.map(() => 'active'));
    await Promise.all(NAMES.map(works));
  });

  it.each(NAMES)(
    '%s is killed in the middle of a call: an error within a second, the others untouched, back by itself',
    async (name) => {
      const pids = new Map(NAMES.map((each) => [each, status(each).pid!]));
      const pid = pids.get(name)!;
      expect(pid).toBeGreaterThan(0);
      // Stopped, it has the call and cannot answer.
      process.kill(pid, 'SIGSTOP');
      const outcome = call(name);
      await new Promise((resolve) => setTimeout(resolve, 100));
      const killed = performance.now();
      process.kill(pid, 'SIGKILL');
      const result = await outcome;
      expect(performance.now() - killed).toBeLessThan(1_000);
      expect(result).toMatchObject({ isError: true, _meta: { 'aip/error': { code: 'UPSTREAM_FAILED' } } });

      const others = NAMES.filter((other) => other !== name);
      await Promise.all(others.map(works));
      for (const other of others) expect(status(other)).toMatchObject({ state: 'active', pid: pids.get(other) });

      await until(() => status(name).state === 'active', 20_000);
      expect(status(name).pid).not.toBe(pid);
      await works(name);
    },
    60_000,
  );

  it('what a server says at its start is logged once', () => {
    const starts = logged.filter(
      ({ message, fields }) => message === 'an MCP server says' && fields['server'] === 'memory',
    );
    // It was started twice: at first, and after it had been killed.
    expect(starts.map(({ fields }) => fields['line'])).toEqual(Array(2).fill(starts[0]?.fields['line']));
  });
});
