import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { openVault } from '../identity/index.ts';
import { loadConfig } from '../main/config.ts';
import { EXIT } from './exit-codes.ts';
import { localPlatform } from './local-platform.ts';
import { createTestPlatform, runInWorld, type TestPlatform } from './testing.ts';

describe(`aip mcp import ${claim('P-MCP-GW.registry', 'D-CLI.mcp')}`, () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aip-import-'));
    writeFileSync(join(folder, 'server.json'), JSON.stringify(WEATHER));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const local = () => localPlatform({ env: {}, cwd: folder });
  const aip = (...args: string[]) => runInWorld(['mcp', 'import', ...args], { cwd: folder, local: local() });
  const kept = (name: string) => openVault(join(folder, '.aip')).read('default', 'platform', name);
  const settings = (): unknown => parse(readFileSync(join(folder, 'aip.yaml'), 'utf8'));

  const WEATHER = {
    name: 'io.github.example/weather.mcp',
    description: 'Weather.',
    version: '1.0.2',
    packages: [
      {
        registryType: 'npm',
        identifier: '@example/weather',
        version: '1.0.2',
        transport: { type: 'stdio' },
        packageArguments: [{ type: 'positional', valueHint: 'city', isRequired: true, description: 'Where.' }],
        environmentVariables: [
          { name: 'API_KEY', description: 'From the provider.', isRequired: true, isSecret: true },
        ],
      },
      { registryType: 'mcpb', identifier: 'https://example.com/w.mcpb', transport: { type: 'stdio' } },
    ],
    remotes: [{ type: 'streamable-http', url: 'https://weather.example.com/mcp' }],
  };

  it('writes an entry of the settings that the platform takes, and keeps what stands there', async () => {
    writeFileSync(join(folder, 'aip.yaml'), '# mine\nport: 9000\n');
    const { code, out } = await aip('server.json', '--set', 'city=Berne', '--set', 'API_KEY=k');
    expect([code, out]).toEqual([EXIT.ok, expect.stringContaining('Wrote weather-mcp to')]);
    expect(readFileSync(join(folder, 'aip.yaml'), 'utf8')).toMatch(/^# mine\nport: 9000\n/);
    expect(settings()).toEqual({
      port: 9000,
      mcp: {
        servers: {
          'weather-mcp': {
            command: 'npx',
            args: ['-y', '@example/weather@1.0.2', 'Berne'],
            env: { API_KEY: { vault: 'weather-mcp.API_KEY' } },
          },
        },
      },
    });
    expect(out).toContain('Kept the secret weather-mcp.API_KEY.');
    expect(await kept('weather-mcp.API_KEY')).toBe('k');
    expect(loadConfig({ env: {}, cwd: folder }).mcp.servers['weather-mcp']).toMatchObject({ command: 'npx' });
    expect((await aip('server.json', '--set', 'city=Berne', '--set', 'API_KEY=other')).err).toContain('already');
    expect(await kept('weather-mcp.API_KEY')).toBe('k');
  });

  it('keeps secrets from others', async () => {
    await aip('server.json', '--set', 'city=Berne', '--set', 'API_KEY=k');
    expect(statSync(join(folder, 'aip.yaml')).mode & 0o077).toBe(0);
    expect(statSync(join(folder, '.aip', 'vault.key')).mode & 0o077).toBe(0);
  });

  it('hands secrets to the platform that runs on the data folder', async () => {
    await using platform = await createTestPlatform();
    writeFileSync(join(platform.folder, 'server.json'), JSON.stringify(WEATHER));
    const given = ['--name', 'sky', '--set', 'city=Berne', '--set', 'API_KEY=hush'];
    const { code } = await platform.aip('mcp', 'import', 'server.json', ...given);
    expect(code).toBe(EXIT.ok);
    expect(await platform.core.core.vault.read('default', 'platform', 'sky.API_KEY')).toBe('hush');
    expect(platform.core.entries(['secret.set'])).toHaveLength(1);
    expect(readFileSync(join(platform.folder, 'aip.yaml'), 'utf8')).not.toContain('hush');
  });

  it('cannot keep a secret out of arguments, and says so', async () => {
    const [npm] = WEATHER.packages;
    const packageArguments = [{ type: 'named', name: '--key', isRequired: true, isSecret: true }];
    const packages = [{ ...npm, packageArguments, environmentVariables: [] }];
    writeFileSync(join(folder, 'server.json'), JSON.stringify({ ...WEATHER, packages }));
    const { code, err } = await aip('server.json', '--set', '--key=k');
    expect([code, err]).toEqual([EXIT.ok, expect.stringContaining('--key is a secret in the command line')]);
    expect(existsSync(join(folder, '.aip'))).toBe(false);
  });

  it('shows what the document has chosen, without secrets, and nothing that moves the cursor', async () => {
    const [npm] = WEATHER.packages;
    const packageArguments = [
      { type: 'named', name: '--key', isRequired: true, isSecret: true, description: 'Key\u001b[2Jof yours' },
      { type: 'positional', value: '/home/you\u001b]0;evil\u0007' },
    ];
    writeFileSync(
      join(folder, 'server.json'),
      JSON.stringify({ ...WEATHER, packages: [{ ...npm, packageArguments }] }),
    );
    const prompts: string[] = [];
    const { code, err } = await runInWorld(['mcp', 'import', 'server.json', '--name', 'sky'], {
      cwd: folder,
      local: local(),
      terminal: true,
      secret: async (prompt) => (prompts.push(prompt), 'swordfish'),
    });
    expect([code, err]).toEqual([
      EXIT.ok,
      expect.stringMatching(/have let in: npx -y @example\/weather@1\.0\.2 --key=\[secret\] \/home\/you *$/m),
    ]);
    // oxlint-disable-next-line no-control-regex -- exactly these
    expect(err + prompts.join('')).not.toMatch(/\u001b|\u0007|swordfish/);
    const { err: elsewhere } = await aip('server.json', '--offer', '2', '--name', 'cloud');
    expect(elsewhere).toContain('have let in: https://weather.example.com');
  });

  it('leaves what it prints to whoever asked, without the secret', async () => {
    const { out, err } = await aip('server.json', '--set', 'city=Berne', '--set', 'API_KEY=k-is-secret', '--print');
    expect(parse(out)).toMatchObject({
      mcp: { servers: { 'weather-mcp': { env: { API_KEY: { vault: 'weather-mcp.API_KEY' } } } } },
    });
    expect(err).toContain('aip secret set weather-mcp.API_KEY');
    expect(out + err).not.toContain('k-is-secret');
    expect(existsSync(join(folder, '.aip'))).toBe(false);
  });

  it('names what it needs', async () => {
    const { code, err } = await aip('server.json');
    expect(code).toBe(EXIT.usage);
    expect(err).toContain('npm @example/weather@1.0.2 needs:');
    expect(err).toContain('--set city=…  Where.');
    expect(err).toContain('--set API_KEY=…  (secret)  From the provider.');
    expect((await aip('server.json', '--set', 'town=Berne')).err).toContain('asks for nothing of that name');
    expect(existsSync(join(folder, 'aip.yaml'))).toBe(false);
  });

  it('asks for secrets at a terminal', async () => {
    const prompts: string[] = [];
    const { code } = await runInWorld(['mcp', 'import', 'server.json', '--set', 'city=Berne'], {
      cwd: folder,
      local: local(),
      terminal: true,
      secret: async (prompt) => (prompts.push(prompt), 'typed'),
    });
    expect([code, prompts]).toEqual([EXIT.ok, ['API_KEY (From the provider.): ']]);
    expect(settings()).toMatchObject({
      mcp: { servers: { 'weather-mcp': { env: { API_KEY: { vault: 'weather-mcp.API_KEY' } } } } },
    });
    expect(await kept('weather-mcp.API_KEY')).toBe('typed');
  });

  it('takes the offer that is chosen, under the name that is given, and can only print', async () => {
    const { out } = await aip('server.json', '--offer', '3', '--name', 'sky', '--print');
    expect(parse(out)).toEqual({ mcp: { servers: { sky: { url: 'https://weather.example.com/mcp' } } } });
    expect(existsSync(join(folder, 'aip.yaml'))).toBe(false);
    expect((await aip('server.json', '--offer', '2')).err).toContain('packages of "mcpb" cannot be started here');
    expect((await aip('server.json', '--offer', '9')).err).toMatch(/There is no offer 9:.*1 {2}npm/s);
    expect((await aip('nothing.json')).err).toContain('does not exist');
  });
});

describe(`aip add mcp ${claim('D-CLI.mcp')}`, () => {
  let folder: string;
  let typed: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aip-add-'));
    typed = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const aip = (...args: string[]) =>
    runInWorld(['add', 'mcp', ...args], {
      cwd: folder,
      local: localPlatform({ env: {}, cwd: folder }),
      secret: async (prompt) => (typed.push(prompt), prompt === 'EMPTY: ' ? '' : `typed at ${prompt}`),
    });
  const kept = (name: string) => openVault(join(folder, '.aip')).read('default', 'platform', name);
  const text = (): string => readFileSync(join(folder, 'aip.yaml'), 'utf8');

  it('keeps a secret in the vault, and aip.yaml only cites it', async () => {
    const { code, out, err } = await aip('sky', '--env', 'REGION=eu', '--secret', 'API_KEY', '--', 'npx', 'weather');
    expect([code, err, typed]).toEqual([EXIT.ok, '', ['API_KEY: ']]);
    expect(out).toContain('Kept the secret sky.API_KEY.');
    expect(loadConfig({ env: {}, cwd: folder }).mcp.servers['sky']).toMatchObject({
      env: { REGION: 'eu', API_KEY: { vault: 'sky.API_KEY' } },
    });
    expect(await kept('sky.API_KEY')).toBe('typed at API_KEY: ');
    expect(text() + out).not.toContain('typed at');
  });

  it('asks for nothing, and keeps nothing, where the server cannot be added or nothing is typed', async () => {
    await aip('sky', '--', 'npx', 'weather');
    const before = text();
    expect(await aip('sky', '--secret', 'API_KEY', '--', 'npx', 'weather')).toMatchObject({
      code: EXIT.failed,
      err: expect.stringContaining('has a server "sky" already'),
    });
    expect(typed).toEqual([]);
    expect(await aip('sea', '--secret', 'EMPTY', '--', 'npx', 'weather')).toMatchObject({
      code: EXIT.usage,
      err: expect.stringContaining('No value was given for EMPTY'),
    });
    expect(text()).toBe(before);
    expect(existsSync(join(folder, '.aip'))).toBe(false);
  });

  it.each([
    ['API_KEY=abc', true],
    ['GITHUB_PAT=ghp_abcdef', true],
    ['DATABASE=postgres://me:word@db/shop', true],
    ['LOG_LEVEL=debug', false],
    ['API_KEY={env:SKY_KEY}', false],
    ['HOME_PAGE=https://example.com/a:b@c', false],
  ])('says so when a value that is kept in clear looks like a secret: %s', async (variable, warns) => {
    const { code, out, err } = await aip('sky', '--env', variable, '--', 'npx', 'weather');
    const name = variable.split('=')[0]!;
    expect([code, err.includes(`${name} looks like a secret`)]).toEqual([EXIT.ok, warns]);
    if (warns) expect(err).toContain(`"aip secret set sky.${name}", and in aip.yaml "${name}: { vault: sky.${name} }"`);
    // Not a second time, on a terminal that others may see.
    expect(out + err).not.toContain(variable.split('=')[1]);
  });

  it('refuses what the platform would not start with, and what would be ignored', async () => {
    for (const name of ['v', 'aip', 'a b'])
      expect(await aip(name, '--', 'x')).toMatchObject({
        code: EXIT.usage,
        err: expect.stringContaining('not a name'),
      });
    expect((await aip('a', '--header', 'X=1', '--', 'x')).err).toContain('--header is for a --url');
    expect((await aip('a', '--env', 'X=1', '--url', 'http://127.0.0.1:9')).err).toContain('--env is for a command');
    expect(existsSync(join(folder, 'aip.yaml'))).toBe(false);
  });
});

describe(`aip mcp call ${claim('D-CLI.mcp')}`, () => {
  let platform: TestPlatform;
  beforeEach(async () => {
    platform = await createTestPlatform();
  });
  afterEach(() => platform[Symbol.asyncDispose]());
  const aip = (...args: string[]) => platform.aip('mcp', 'call', ...args);

  const answers = (value: JsonObject): void =>
    void platform.core.tool('read', {
      async *deliver() {
        yield { type: 'progress', progress: 1, total: 2, message: 'half \u001b[2Jway' };
        yield { type: 'done', body: { type: 'mcp', value } };
      },
    });

  it('shows texts, and what else there is by kind and size, without their terminal codes', async () => {
    answers({
      content: [
        { type: 'text', text: 'first\nsecond \u001b[31mred' },
        { type: 'image', data: 'AAAA', mimeType: 'image/png' },
        { type: 'resource_link', uri: 'note://1', name: 'one' },
      ],
    });
    expect(await aip('notes/read')).toEqual({
      code: EXIT.ok,
      out: 'first\nsecond red\n[image/png, 3 bytes; -o json has it]\n[note://1]',
      err: '1/2  half way',
    });
    answers({ content: [], structuredContent: { sum: 3 } });
    expect((await aip('notes/read')).out).toBe('{\n  "sum": 3\n}');
  });

  it('ends with 1 when the tool says that it failed', async () => {
    answers({ content: [{ type: 'text', text: 'no such file' }], isError: true });
    expect(await aip('notes/read')).toEqual({
      code: EXIT.failed,
      out: 'no such file',
      err: '1/2  half way\naip: read says that it failed.',
    });
  });

  it('says of a tool that its server has only for clients who answer questions that nobody answers here', async () => {
    const { catalogue } = platform.core.exchange;
    const forThoseWhoAnswer = (): void => {
      const tools = catalogue.list({ owner: 'notes' });
      catalogue.put(
        'notes',
        tools.map((entry) => ({ ...entry, asks: true })),
      );
    };
    const said = 'MCP error -32602: Tool read not found';
    answers({ content: [{ type: 'text', text: said }], isError: true });
    // A text like that alone says nothing: a tool that looks for tools may have it too.
    expect(await aip('notes/read')).toMatchObject({ err: expect.stringContaining('read says that it failed') });
    forThoseWhoAnswer();
    expect(await aip('notes/read')).toMatchObject({
      code: EXIT.failed,
      err: expect.stringContaining('which the command line cannot answer'),
    });
    platform.core.tool('read', {
      async *deliver() {
        yield { type: 'failed', error: { code: 'INVALID_ARGUMENT', message: said, retryable: false }, effect: 'none' };
      },
    });
    forThoseWhoAnswer();
    expect(await aip('notes/read')).toMatchObject({
      code: EXIT.failed,
      err: expect.stringContaining('which the command line cannot answer'),
    });
  });

  it('takes arguments as pairs, typed by the tool’s schema, or as one object', async () => {
    const calls = platform.core.tool('write');
    const [entry] = platform.core.exchange.catalogue.list({ owner: 'notes' });
    platform.core.exchange.catalogue.put('notes', [
      { ...entry!, inputSchema: { type: 'object', properties: { title: { type: 'string' }, n: { type: 'number' } } } },
    ]);
    await aip('notes/write', 'title=7', 'n=7', 'tags=["a"]', 'note=a=b');
    await aip('notes/write', '{"title":"x"}');
    await aip('notes/write');
    expect(calls.map(({ message }) => message.body.value)).toEqual([
      { title: '7', n: 7, tags: ['a'], note: 'a=b' },
      { title: 'x' },
      {},
    ]);
    expect(await aip('notes/write', 'title')).toMatchObject({
      code: EXIT.usage,
      err: expect.stringContaining('<name>=<value>'),
    });
    expect(await aip('notes')).toMatchObject({ code: EXIT.usage, err: expect.stringContaining('<server>/<tool>') });
    expect(await aip('notes/nothing')).toMatchObject({
      code: EXIT.failed,
      err: expect.stringContaining('There is no tool "notes/nothing"'),
    });
  });

  it('says whom a parked call waits for', async () => {
    await platform.core.operate('policies.put', {
      name: 'ask.cedar',
      text: '@id("ask")\n@approve("operators")\npermit (principal, action == Action::"call", resource);',
    });
    platform.core.tool('write');
    const waiting = aip('notes/write');
    await expect.poll(async () => (await platform.aip('approvals')).out).toContain('tool:notes/write');
    const { asks } = (await platform.json('approvals')) as { asks: { id: string }[] };
    await platform.aip('approve', asks[0]!.id);
    expect(await waiting).toMatchObject({ code: EXIT.ok, err: expect.stringContaining(`aip approve ${asks[0]!.id}`) });
  });
});
