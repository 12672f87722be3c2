import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort } from '../packages/platform/src/cli/free-port.testing.ts';
import { claim } from './claim.ts';
import { aip, startPlatformProcess, type PlatformProcess } from './fixtures/platform-process.ts';

/** The `aip mcp` commands against a platform with servers from npm behind it. */
const bin = (name: string): string => fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url));

let home: string;
let platform: PlatformProcess;

beforeAll(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'aip-mcp-'));
  const notes = path.join(home, 'notes');
  mkdirSync(notes);
  writeFileSync(path.join(notes, 'a.txt'), 'the first note');
  platform = await startPlatformProcess({ settings: settingsFor(notes) });
  await vi.waitUntil(
    async () => {
      const { out } = await mcp('list');
      return ['files', 'everything'].every((name) => new RegExp(`^${name} +active`, 'm').test(out));
    },
    { timeout: 30_000, interval: 200 },
  );
}, 60_000);
afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

const settingsFor = (notes: string) => ({
  mcp: {
    servers: {
      everything: { command: bin('mcp-server-everything') },
      files: { command: bin('mcp-server-filesystem'), args: [notes], effects: { read_text_file: 'read' } },
      gone: { url: 'http://127.0.0.1:9/mcp' },
    },
    virtual: {
      desk: {
        description: 'The front desk.',
        tools: {
          first_note: {
            target: 'tool:files/read_text_file',
            description: 'Reads the first note.',
            arguments: { path: path.join(notes, 'a.txt') },
          },
          sum: 'tool:everything/get-sum',
          lost: 'tool:gone/nothing',
        },
      },
    },
  },
});

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function run(...args: string[]): Promise<Ran> {
  const { code, stdout, stderr } = await aip([...args, '--data-dir', platform.folder], home);
  return { code, out: stdout.trimEnd(), err: stderr.trimEnd() };
}
const mcp = (...args: string[]): Promise<Ran> => run('mcp', ...args);
const json = async (...args: string[]): Promise<unknown> => JSON.parse((await mcp(...args, '-o', 'json')).out);

const withinWidth = ({ out }: Ran): void => {
  for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
};

describe(`aip mcp ${claim('D-CLI.mcp', 'P-MCP-GW.seen')}`, () => {
  it('list shows how every server is, and what every endpoint costs', async () => {
    const listed = await mcp('list');
    withinWidth(listed);
    expect(listed.out).toMatch(/^SERVER +STATE +VIA +ERA +TOOLS +MS +LOST +NOTE$/m);
    expect(listed.out).toMatch(/^files +active +stdio +legacy +\d+/m);
    expect(listed.out).toMatch(/^gone +offline +http +0 +\d+ +HTTP clients do not call/m);
    expect(listed.out).toMatch(/^\/mcp\/v\/desk +2 +\d+ +1 missing$/m);
    const { servers } = (await json('list')) as { servers: { name: string; pid?: number; since: string }[] };
    const files = servers.find(({ name }) => name === 'files');
    expect(() => process.kill(files?.pid ?? 0, 0)).not.toThrow();
    expect(Date.parse(files?.since ?? '')).toBeLessThanOrEqual(Date.now());
  });

  it('list --tokens shows what tool search would save', async () => {
    const { endpoints, search_tokens } = (await json('list', '--tokens')) as {
      endpoints: { path: string; tools: number; tokens: number }[];
      search_tokens: number;
    };
    const all = endpoints.find(({ path: at }) => at === '/mcp');
    expect(all?.tools).toBeGreaterThan(25);
    expect(search_tokens).toBeLessThan((all?.tokens ?? 0) / 10);
    const shown = await mcp('list', '--tokens');
    withinWidth(shown);
    expect(shown.out).toMatch(/^\/mcp +\d+ +\d+ +\d+ +\d+ +\d\d %$/m);
  });

  it('inspect shows the tools of a server, one tool, and what a virtual server lacks', async () => {
    const files = await mcp('inspect', 'files');
    withinWidth(files);
    expect(files.out).toMatch(/^read_text_file +read +active/m);
    expect(files.out).toMatch(/^write_file +external +active/m);
    const tool = await mcp('inspect', 'files/read_text_file');
    expect(tool.out).toMatch(/^path +string/m);
    expect(tool.out).toMatch(/^\[head\] +number/m);
    const desk = (await json('inspect', 'v/desk')) as { tools: { name: string }[]; missing: unknown[] };
    expect(desk.tools.map(({ name }) => name)).toEqual(['first_note', 'sum']);
    expect(desk.missing).toEqual([
      {
        name: 'lost',
        target: 'tool:gone/nothing',
        reason: expect.stringMatching(
          /There is no tool "gone\/nothing" here\. The MCP server "gone" has been offline since/,
        ),
      },
    ]);
    expect((await mcp('inspect', 'v/desk')).out).toMatch(/^lost +tool:gone\/nothing +There is/m);
    expect(await mcp('inspect', 'nothing')).toMatchObject({ code: 1, err: expect.stringContaining('aip mcp list') });
    expect(await mcp('inspect', 'v/shop')).toMatchObject({
      code: 1,
      err: expect.stringContaining('virtual server "shop"'),
    });
    expect(await mcp('inspect', 'files/nothing')).toMatchObject({
      code: 1,
      err: expect.stringContaining('no tool "nothing"'),
    });
  });

  it('call calls, shows progress, and says what a tool says', async () => {
    expect(await mcp('call', 'everything/get-sum', 'a=20', 'b=22')).toMatchObject({
      code: 0,
      out: 'The sum of 20 and 22 is 42.',
    });
    const slow = await mcp('call', 'everything/trigger-long-running-operation', '{"duration":0.2,"steps":2}');
    expect(slow).toMatchObject({ code: 0, err: '1/2\n2/2' });
    const outside = await mcp('call', 'files/read_text_file', 'path=/etc/hostname');
    expect(outside).toMatchObject({ code: 1, out: expect.stringContaining('Access denied') });
    expect(await mcp('call', 'gone/search')).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /no tool "gone\/search" here\. The MCP server "gone" has been offline since .*; last error: /,
      ),
    });
    expect((await mcp('call', 'everything/get-tiny-image')).out).toMatch(/\[image\/png, \d+ bytes; -o json has it\]/);
  });

  it('inspect and call know the tools of a virtual server by their names there, with what they fix hidden', async () => {
    const note = (await mcp('inspect', 'v/desk/first_note')).out;
    expect(note).toMatch(/^Tool +first_note$/m);
    expect(note).toMatch(/^Address +tool:files\/read_text_file$/m);
    expect(note).toContain('Reads the first note.');
    expect(note).toMatch(/^\[head\] +number/m);
    expect(note).not.toMatch(/^\[?path\]? +string/m);
    expect(await mcp('call', 'v/desk/first_note')).toMatchObject({ code: 0, out: 'the first note' });
    expect(await mcp('call', 'v/desk/sum', 'a=20', 'b=22')).toMatchObject({
      code: 0,
      out: 'The sum of 20 and 22 is 42.',
    });
    // What the record and the policies see is the real tool.
    const { tasks } = await platform.admin.operate('tasks.list', { limit: 2 });
    expect(tasks.map(({ to }) => to)).toEqual(['tool:everything/get-sum', 'tool:files/read_text_file']);
    expect(await mcp('call', 'v/desk/first_note', 'path=/etc/hostname')).toMatchObject({
      code: 1,
      err: expect.stringContaining('"path" is not an argument of first_note'),
    });
    expect(await mcp('call', 'v/desk/lost')).toMatchObject({
      code: 1,
      err: expect.stringContaining('"gone" has been'),
    });
    expect(await mcp('call', 'v/desk/nothing')).toMatchObject({
      code: 1,
      err: expect.stringContaining('no tool "nothing"'),
    });
    expect(await mcp('call', 'v/desk')).toMatchObject({ code: 2, err: expect.stringContaining('<server>/<tool>') });
  });

  it('pins and pin show and settle what was agreed to', async () => {
    expect((await mcp('pins', 'files')).out).toMatch(/^files\/read_text_file +pinned +first sight$/m);
    expect((await mcp('reject', 'files/move_file')).code).toBe(0);
    expect((await mcp('call', 'files/move_file', 'source=a', 'destination=b')).code).not.toBe(0);
    expect((await mcp('inspect', 'files')).out).toMatch(/^move_file +external +quarantined/m);
    expect(await mcp('pin', 'files/move_file')).toMatchObject({ code: 0, out: 'Pinned files/move_file.' });
    expect((await mcp('inspect', 'files')).out).toMatch(/^move_file +external +active/m);
  });

  it('export prints a server.json that import takes', async () => {
    const args = ['--name', 'com.example/desk', '--endpoint', '/mcp/v/desk', '--at', 'https://aip.example.com'];
    const exported = await mcp('export', ...args);
    expect(JSON.parse(exported.out)).toMatchObject({
      name: 'com.example/desk',
      description: 'The front desk.',
      remotes: [{ type: 'streamable-http', url: 'https://aip.example.com/mcp/v/desk' }],
    });
    writeFileSync(path.join(home, 'server.json'), exported.out);
    const { code, stdout } = await aip(
      ['mcp', 'import', 'server.json', '--set', 'token=t', '--print', '-o', 'json'],
      home,
    );
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      {
        mcp: {
          servers: {
            desk: {
              url: 'https://aip.example.com/mcp/v/desk',
              headers: { Authorization: { vault: 'desk.Authorization' } },
            },
          },
        },
      },
    ]);
    expect(await mcp('export', '--name', 'com.example/x', '--endpoint', '/mcp/v/shop')).toMatchObject({
      code: 2,
      err: expect.stringContaining('There is no endpoint /mcp/v/shop'),
    });
    expect((await mcp('export', '--name', 'nonsense')).code).toBe(2);
  });
});

describe(`servers that are added while the platform runs ${claim('P-MCP-GW.kept')}`, () => {
  it('are there after a restart, and their secrets are in no file that can be read', async () => {
    const port = await freePort();
    const remote = spawn(process.execPath, [bin('mcp-server-everything'), 'streamableHttp'], {
      env: { PATH: process.env['PATH'], PORT: String(port) },
      stdio: 'ignore',
    });
    try {
      const secret = 'a-header-that-nobody-sees';
      const add = { name: 'distant', url: `http://127.0.0.1:${port}/mcp`, headers: { 'X-Key': secret } };
      await expect
        .poll(
          () =>
            fetch(add.url).then(
              () => true,
              () => false,
            ),
          { timeout: 20_000 },
        )
        .toBe(true);
      await platform.admin.operate('mcp.add', add);
      const sum = () => platform.admin.invoke('tool:distant/get-sum', { a: 1, b: 2 });
      await expect.poll(() => sum().catch(() => undefined), { timeout: 20_000 }).toBe('The sum of 1 and 2 is 3.');
      await expect(platform.admin.operate('mcp.add', add)).rejects.toThrow('already');

      await platform.stop();
      for (const file of readdirSync(platform.folder, { recursive: true, withFileTypes: true }))
        if (file.isFile()) expect(readFileSync(path.join(file.parentPath, file.name), 'latin1')).not.toContain(secret);
      await platform.restart();
      await expect.poll(() => sum().catch(() => undefined), { timeout: 20_000 }).toBe('The sum of 1 and 2 is 3.');

      expect((await mcp('remove', 'distant')).code).toBe(0);
      await platform.stop();
      await platform.restart();
      await expect(sum()).rejects.toThrow('There is no tool "distant/get-sum" here.');
    } finally {
      remote.kill();
      await once(remote, 'exit');
    }
  }, 60_000);

  it('are never commands', async () => {
    const command = { name: 'evil', command: 'touch', args: [path.join(home, 'touched')] } as never;
    await expect(platform.admin.operate('mcp.add', command)).rejects.toThrow();
    const both = { ...(command as object), url: 'http://127.0.0.1:9/mcp' } as never;
    await expect(platform.admin.operate('mcp.add', both)).rejects.toThrow('command');
  });
});

it(`aip serve --stdio --virtual serves a virtual server ${claim('P-MCP-GW.virtual')}`, async () => {
  const folder = path.join(home, 'stdio');
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'aip.yaml'), JSON.stringify(settingsFor(path.join(home, 'notes'))));
  const command = fileURLToPath(new URL('../packages/platform/bin/aip.mjs', import.meta.url));
  const serve = ['serve', '--protocol', 'mcp', '--stdio', '--log-level', 'silent'];
  const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [command, ...serve, '--virtual', 'desk'],
    cwd: folder,
    stderr: 'ignore',
  });
  await client.connect(transport);
  await expect
    .poll(async () => (await client.listTools()).tools.map(({ name }) => name), { timeout: 20_000 })
    .toEqual(['first_note', 'sum']);
  await client.close();
  const unknown = await aip([...serve, '--virtual', 'shop'], folder);
  expect(unknown).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('There is no virtual server "shop" here: there are desk.'),
  });
}, 60_000);
