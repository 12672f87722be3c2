import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { claim } from '@aip/conformance';
import { AipError } from '@aip/wire';
import type { Command } from 'commander';
import { afterAll, describe, expect, it } from 'vitest';
import { EXIT } from './exit-codes.ts';
import type { Check, Local, StartOptions } from './local.ts';
import { buildProgram } from './program.ts';
import { createTestPlatform, runInWorld } from './testing.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'aip-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

const nowhere = {
  url: 'http://127.0.0.1:9',
  dataDir: folder,
  tokenFile: path.join(folder, 'none'),
  adminToken: undefined,
};

describe(`an error on the command line ${claim('D-CLI.errors')}`, () => {
  it.each([
    [['bogus']],
    [['kill']],
    [['agent', 'list', '--state', 'odd']],
    [['agent', 'create', '--name', 'a b', '--capabilities', 'x']],
    [['token', 'create', 'x', '--expires', 'soon']],
    [['serve']],
  ])('is wrong usage: %j', async (args) => {
    const { code, err, out } = await runInWorld(args);
    expect([code, out]).toEqual([EXIT.usage, '']);
    expect(err).toMatch(/^error: .*\n\(add --help for what there is\)$/s);
  });

  it.each([
    [['klll', 'global'], 'kill'],
    [['agent', 'lst'], 'list'],
    [['tasks', 'cancle'], 'cancel'],
    [['budget', 'sett', 'planner'], 'set'],
    [['up', '--prot', '9000'], '--port'],
    [['tasks', 'list', '--limt', '3'], '--limit'],
  ])('says what was probably meant: %j', async (args, meant) => {
    expect(await runInWorld(args)).toMatchObject({
      code: EXIT.usage,
      err: expect.stringContaining(`(Did you mean ${meant}?)\n(add --help`),
    });
  });

  it('says how to start a platform when none answers', async () => {
    const { code, err } = await runInWorld(['status'], { local: { settings: () => nowhere } });
    expect([code, err]).toEqual([
      EXIT.unreachable,
      'aip: No platform answers at http://127.0.0.1:9; start it with "aip up".',
    ]);
  });

  it('is JSON with -o json', async () => {
    const { err } = await runInWorld(['status', '-o', 'json'], { local: { settings: () => nowhere } });
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'AGENT_UNAVAILABLE', retryable: true } });
  });

  it('names every wrong setting', async () => {
    const settings = () => {
      throw new AipError('CONFIG_INVALID', 'The configuration has errors:\n  port: too big\n  host: missing');
    };
    const { code, err } = await runInWorld(['status'], { local: { settings } });
    expect([code, err.split('\n')]).toEqual([
      EXIT.usage,
      ['aip: The configuration has errors:', '  port: too big', '  host: missing'],
    ]);
  });

  it('says which credential is missing', async () => {
    await using platform = await createTestPlatform();
    const { code, err } = await runInWorld(['kill', 'global'], {
      env: { AIP_URL: platform.url },
      local: { settings: () => ({ ...nowhere, url: platform.url }) },
    });
    expect([code, err]).toEqual([EXIT.denied, expect.stringContaining('--data-dir')]);
  });

  it('cannot change the terminal, whoever wrote the text', async () => {
    const start = () =>
      Promise.reject(new AipError('CONFLICT', 'evil \u001b[2J\u001b]0;title\u0007 \u202etxt\r\nnext'));
    const { err } = await runInWorld(['up'], { terminal: true, env: { NO_COLOR: '1' }, local: { start } });
    for (const character of ['\u001b', '\u0007', '\r', '\u202e']) expect(err).not.toContain(character);
  });
});

describe(`the operator's credential ${claim('D-CLI.credential')}`, () => {
  it('is read from the data folder, and is not needed with a token', async () => {
    await using platform = await createTestPlatform();
    expect((await platform.aip('kills')).code).toBe(EXIT.ok);
    const { token } = await platform.core.operate<{ token: string }>('tokens.create', {
      name: 'ops',
      roles: ['operator'],
    });
    const asOps = await runInWorld(['kills'], { env: { AIP_URL: platform.url, AIP_TOKEN: token } });
    expect(asOps.code).toBe(EXIT.ok);
  });

  it('is not sent to another machine', async () => {
    writeFileSync(path.join(folder, 'admin.token'), 'secret');
    let sent: string | null | undefined;
    const original = globalThis.fetch;
    globalThis.fetch = async (_url, init) => {
      sent = new Headers(init?.headers).get('authorization');
      return Response.json({ kills: [] });
    };
    try {
      const local = { settings: () => ({ ...nowhere, tokenFile: path.join(folder, 'admin.token') }) };
      await runInWorld(['kills', '--url', 'https://aip.example.com'], { local });
      expect(sent).toBeNull();
      await runInWorld(['kills', '--url', 'http://localhost:8000'], { local });
      expect(sent).toBe('Bearer secret');
    } finally {
      globalThis.fetch = original;
    }
  });
});

describe(`output ${claim('D-CLI.output')}`, () => {
  it('is coloured on a terminal only, and never with NO_COLOR', async () => {
    await using platform = await createTestPlatform();
    await platform.core.agent('hello');
    const world = { env: { AIP_URL: platform.url, AIP_TOKEN: platform.core.core.secrets.adminToken } };
    const list = (terminal: boolean, env = {}) =>
      runInWorld(['agent', 'list'], { terminal, env: { ...world.env, ...env } });
    expect((await list(true)).out).toContain('\u001b[32m');
    for (const plain of [await list(false), await list(true, { NO_COLOR: '1' }), await list(true, { TERM: 'dumb' })])
      expect(plain.out).not.toContain('\u001b');
  });

  it('is what the operation returned with -o json', async () => {
    await using platform = await createTestPlatform();
    await platform.core.agent('hello');
    expect(await platform.json('agent', 'list')).toEqual(await platform.core.operate('agents.list', {}));
  });

  it('is help, with examples, for every command', async () => {
    const help = (await runInWorld(['--help'])).out;
    for (const command of [
      'up',
      'dev',
      'serve',
      'agent',
      'connect',
      'add',
      'tasks',
      'approvals',
      'approve',
      'deny',
      'kill',
      'pause',
      'release',
      'kills',
      'budget',
      'policy',
      'audit',
      'doctor',
      'token',
    ]) {
      expect(help).toMatch(new RegExp(`^  ${command} `, 'm'));
    }
    expect(help).toContain('First steps:');
    expect((await runInWorld(['agent', 'invoke', '--help'])).out).toContain('Examples:');
  });
});

describe.each([80, 240])(`help on a terminal of %i columns ${claim('D-CLI.output')}`, (columns) => {
  const helps = helpOfAll(columns);

  it('has lines of at most 100 characters, whatever the command', () => {
    expect(helps.length).toBeGreaterThan(50);
    const lines = helps.flatMap(({ words, text }) => text.split('\n').map((line) => `${words}: ${line}`));
    expect(lines.filter((line) => line.slice(line.indexOf(': ') + 2).length > 100)).toEqual([]);
  });

  it('says defaults as people would write them', () => {
    const clumsy = /default: "?[[{]/;
    expect(helps.filter(({ text }) => clumsy.test(text.replaceAll(/\s+/g, ' '))).map(({ words }) => words)).toEqual([]);
  });
});

/** What `--help` prints, of every command there is. */
function helpOfAll(columns: number): { readonly words: string; readonly text: string }[] {
  const printed: string[] = [];
  const silent = () => Promise.reject(new Error('Nothing runs here.'));
  const world = {
    env: {},
    cwd: '/',
    terminal: true,
    columns,
    err: () => {},
    secret: silent,
    stopped: silent,
    local: silent,
  };
  const walk = (command: Command, words: string): { words: string; text: string }[] => {
    printed.length = 0;
    command.outputHelp();
    const own = { words, text: printed.join('\n') };
    return [own, ...command.commands.flatMap((child) => walk(child, `${words} ${child.name()}`))];
  };
  return walk(
    buildProgram({ ...world, out: (text) => printed.push(text) }, () => {}),
    'aip',
  );
}

describe('what runs in this process', () => {
  const starting = (seen: StartOptions[]): Partial<Local> => ({
    start: async (options) => {
      seen.push(options);
      return {
        url: 'http://127.0.0.1:8000',
        loginUrl: 'http://127.0.0.1:8000/ui#login=x',
        stop: async () => void seen.push({ flags: { stopped: true } }),
      };
    },
  });

  it('up says that it is ready, waits to be stopped, and stops', async () => {
    const seen: StartOptions[] = [];
    const { code, out } = await runInWorld(['up', '--port', '9000', '--data-dir', '/data'], { local: starting(seen) });
    expect([code, out.split('\n')]).toEqual([
      EXIT.ok,
      ['AIP ready on http://127.0.0.1:8000', 'Dashboard (this link works once): http://127.0.0.1:8000/ui#login=x'],
    ]);
    expect(seen).toEqual([
      { flags: { port: 9000, data_dir: '/data', host: undefined, admin_token: undefined, log_level: undefined } },
      { flags: { stopped: true } },
    ]);
  });

  it('up says how a dashboard that is not there is made, and prints no link to it', async () => {
    const start = async () => ({ url: 'http://127.0.0.1:8000', loginUrl: undefined, stop: async () => {} });
    const { out } = await runInWorld(['up'], { local: { start } });
    expect(out.split('\n')).toEqual([
      'AIP ready on http://127.0.0.1:8000',
      'Dashboard: not built. Run "npm run dashboard" in the checkout and start again; "npm start" does both.',
    ]);
  });

  it('dev and serve ask for their kind of start', async () => {
    const seen: StartOptions[] = [];
    await runInWorld(['dev'], { local: starting(seen) });
    await runInWorld(['serve', '--protocol', 'mcp', '--port', '8001'], { local: starting(seen) });
    expect(seen[0]).toMatchObject({ dev: true });
    expect(seen[2]).toMatchObject({ only: 'mcp', flags: { port: 8001 } });
    let spoken = 0;
    const serveStdio = async () => void spoken++;
    expect((await runInWorld(['serve', '--protocol', 'mcp', '--stdio'], { local: { serveStdio } })).out).toBe('');
    expect(spoken).toBe(1);
    expect((await runInWorld(['serve', '--protocol', 'a2a', '--stdio'])).code).toBe(EXIT.usage);
  });

  it('doctor shows what is wrong and what to do, and a platform that does not run is no fault', async () => {
    const inspecting = (checks: Check[]): Partial<Local> => ({ settings: () => nowhere, inspect: async () => checks });
    const good = await runInWorld(['doctor'], { local: inspecting([]) });
    expect(good).toMatchObject({
      code: EXIT.ok,
      out: expect.stringMatching(/platform +not running +No platform answers/),
    });
    const bad = await runInWorld(['doctor'], {
      local: inspecting([
        { name: 'secrets', ok: false, detail: 'admin.token has mode 0644', remedy: 'chmod 600 admin.token' },
      ]),
    });
    expect(bad).toMatchObject({
      code: EXIT.unverified,
      out: expect.stringMatching(/FAILED +admin\.token has mode 0644 → chmod 600/),
    });
  });

  it('doctor names each wrong setting once, in a line of its own', async () => {
    const errors = ['port: too big', 'host: missing'];
    const settings = () => {
      throw new AipError('CONFIG_INVALID', `The configuration has errors:\n  ${errors.join('\n  ')}`, {
        details: { errors },
      });
    };
    const { code, out } = await runInWorld(['doctor'], { local: { settings } });
    expect(code).toBe(EXIT.unverified);
    expect(out.split('\n').slice(2)).toEqual(['settings  FAILED  port: too big', 'settings  FAILED  host: missing']);
  });

  it('does without the settings that are wrong, with one line about them; doctor has a row for each', async () => {
    const faults = ['aip.yaml:1:1 listen: there is no such setting', 'rate: too big'];
    const local = { settings: () => ({ ...nowhere, faults }), inspect: async () => [] };
    expect(await runInWorld(['kill', 'global'], { local })).toMatchObject({
      code: EXIT.unreachable,
      err: expect.stringMatching(
        /^aip: goes on without the settings that are wrong: aip\.yaml:1:1 listen: there is no such setting \(and 1 more: aip doctor\)\naip: No platform answers/,
      ),
    });
    const { code, out, err } = await runInWorld(['doctor'], { local });
    expect([code, err]).toEqual([EXIT.unverified, '']);
    for (const fault of faults) expect(out).toMatch(new RegExp(`^settings +FAILED +${fault}$`, 'm'));
  });

  it('wants a URL that can be called', async () => {
    for (const url of ['127.0.0.1:8000', 'localhost:8000'])
      expect(await runInWorld(['status'], { env: { AIP_URL: url }, local: { settings: () => nowhere } })).toMatchObject(
        {
          code: EXIT.usage,
          err: `aip: The URL of the platform (AIP_URL) needs http:// or https://, as in http://127.0.0.1:8000; it is "${url}".`,
        },
      );
  });

  it('add mcp --url is the server’s address, not where the platform is', async () => {
    const { code, err } = await runInWorld(['add', 'mcp', 'search', '--url', 'http://127.0.0.1:7/mcp'], {
      local: { settings: () => nowhere },
    });
    expect([code, err]).toEqual([EXIT.unreachable, expect.stringContaining('http://127.0.0.1:9;')]);
  });

  it('add mcp writes commands into aip.yaml and leaves the rest of it as it is', async () => {
    const file = path.join(folder, 'aip.yaml');
    writeFileSync(file, '# mine\nport: 9000\n');
    const added = await runInWorld(['add', 'mcp', 'files', '--env', 'A=1', '--', 'npx', '-y', 'server', '-o', 'x'], {
      cwd: folder,
    });
    expect(added).toMatchObject({ code: EXIT.ok, out: expect.stringContaining('aip.yaml') });
    expect(readFileSync(file, 'utf8')).toBe(
      '# mine\nport: 9000\nmcp:\n  servers:\n    files:\n      command: npx\n      args:\n        - -y\n        - server\n        - -o\n        - x\n      env:\n        A: "1"\n',
    );
    expect(await runInWorld(['add', 'mcp', 'files', '--', 'other'], { cwd: folder })).toMatchObject({
      code: EXIT.failed,
      err: expect.stringContaining('already'),
    });
    expect((await runInWorld(['add', 'mcp', 'files'], { cwd: folder })).code).toBe(EXIT.usage);
  });
});
