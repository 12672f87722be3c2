import { claim } from '@aip/conformance';
import { afterEach, describe, expect, it } from 'vitest';
import { memoryVault, until } from '../../../kernel/testing.ts';
import { createTestGateway } from '../testing.ts';

const SECRET = 'hush-hush-little-secret';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0).toReversed()) await item[Symbol.asyncDispose]();
});

/** What is logged of a server that runs this script. */
async function logOf(script: string): Promise<Line[]> {
  const vault = memoryVault();
  await vault.write('default', 'platform', 'key', SECRET);
  const lines: Line[] = [];
  const gateway = await createTestGateway({
    vault,
    servers: { box: { command: process.execPath, args: ['-e', script], env: { KEY: { vault: 'key' } } } },
    log: (level, message, fields) => void lines.push({ level, message, fields }),
  });
  open.push(gateway);
  return lines;
}

const said = (lines: readonly Line[]): string[] =>
  lines.filter(({ message }) => message === 'an MCP server says').map(({ fields }) => String(fields['line']));

describe('what a server says on standard error', () => {
  it('is no warning while it is well', async () => {
    const lines = await logOf(`
      const { McpServer } = require('@modelcontextprotocol/server');
      const { StdioServerTransport } = require('@modelcontextprotocol/server/stdio');
      console.error('Box MCP server running on stdio');
      new McpServer({ name: 'box', version: '1' }).connect(new StdioServerTransport());`);
    await until(() => said(lines).length > 0);
    expect(lines.filter(({ level }) => level !== 'info')).toEqual([]);
  });

  it(`is told with the error when it dies: its last lines, in order ${claim('P-MCP-GW.supervision')}`, async () => {
    const lines = await logOf(`
      for (let n = 1; n <= 30; n++) console.error('line ' + n);
      console.error('Fatal: no key like ' + process.env.KEY);
      process.exitCode = 1;`);
    const offline = (): Line | undefined => lines.find(({ message }) => message === 'an MCP server is offline');
    await until(() => offline() !== undefined);
    expect(offline()).toMatchObject({ level: 'warn', fields: { server: 'box' } });
    const last = offline()!.fields['stderr'] as string[];
    expect(last).toHaveLength(20);
    expect(last.slice(-2)).toEqual(['line 30', 'Fatal: no key like [secret]']);
  });

  it(`is cut after its secrets are hidden, wherever they stand ${claim('P-MCP-GW.secrets')}`, async () => {
    const lines = await logOf(`
      const { KEY } = process.env;
      for (const length of [200, 256, 500, 4096, 65536]) {
        console.error('x'.repeat(length - 10) + KEY + 'x'.repeat(10));
        console.log('x'.repeat(length - 10) + KEY);
        console.log('{' + 'x'.repeat(length - 45) + KEY);
      }
      console.error('y'.repeat(246) + KEY + 'y'.repeat(70_000));
      console.error('end');`);
    await until(() => said(lines).includes('end'));
    const everything = JSON.stringify(lines);
    for (let begin = 6; begin <= SECRET.length; begin++) expect(everything).not.toContain(SECRET.slice(0, begin));
    expect(everything).toContain('[secret]');
    for (const line of said(lines)) expect(line.length).toBeLessThanOrEqual(4_096);
  });
});
