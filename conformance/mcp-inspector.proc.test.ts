import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import path from 'node:path';
import { claim } from '@aip/conformance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPlatformProcess, type PlatformProcess } from './fixtures/platform-process.ts';
import { startFixtureServer, type FixtureServer } from './mcp/fixture/server.ts';

const INSPECTOR = bin('@modelcontextprotocol/inspector', 'mcp-inspector');

let fixture: FixtureServer;
let platform: PlatformProcess;
let token: string;

beforeAll(async () => {
  fixture = await startFixtureServer('modern');
  platform = await startPlatformProcess({
    settings: {
      mcp: {
        servers: { fixture: { url: fixture.url, default_effect: 'read' } },
        virtual: { chosen: { tools: { hello: 'tool:fixture/greet' } } },
      },
    },
  });
  token = await platform.token('inspector');
});
afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
  await fixture?.[Symbol.asyncDispose]();
});

describe.each(['modern', 'legacy'])(`the official Inspector, %s ${claim('P-MCP.inspector')}`, (era) => {
  it.each([
    ['/mcp', 'fixture_greet'],
    ['/mcp/fixture', 'greet'],
    ['/mcp/v/chosen', 'hello'],
  ])('lists and calls at %s', async (endpoint, tool) => {
    const listed = (await inspect(endpoint, ['--method', 'tools/list'])) as { tools: { name: string }[] };
    expect(listed.tools.map(({ name }) => name)).toContain(tool);
    const called = await inspect(endpoint, ['--method', 'tools/call', '--tool-name', tool, '--tool-arg', 'name=Ada']);
    expect(called).toMatchObject({ content: [{ type: 'text', text: 'Hello, Ada!' }] });
  });

  async function inspect(endpoint: string, args: readonly string[]): Promise<unknown> {
    const common = ['--transport', 'http', '--protocol-era', era, '--format', 'json'];
    const child = spawn(
      process.execPath,
      [
        INSPECTOR,
        '--cli',
        `${platform.url}${endpoint}`,
        ...common,
        '--header',
        `Authorization: Bearer ${token}`,
        ...args,
      ],
      {
        cwd: platform.folder,
        env: { PATH: process.env['PATH'], HOME: platform.folder },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let [output, errors] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    const [code] = (await once(child, 'close')) as [number | null];
    expect(code, `${output}${errors}`).toBe(0);
    return resultIn(JSON.parse(output));
  }
});

/** The Inspector wraps what it was answered. */
function resultIn(output: unknown): unknown {
  return output !== null && typeof output === 'object' && 'result' in output ? output.result : output;
}

function bin(name: string, command: string): string {
  const file = createRequire(import.meta.url).resolve(`${name}/package.json`);
  const { bin: commands } = createRequire(import.meta.url)(file) as { bin: Record<string, string> };
  return path.join(path.dirname(file), commands[command] ?? '');
}
