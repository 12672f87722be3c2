import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { claim } from '@aip/conformance';
import { describe, expect, test } from 'vitest';
import { loadClientSettings, loadConfig, type ConfigSources } from './config.ts';
import { addedServerSchema } from './mcp-settings.ts';
import { temporaryFolder } from './testing.ts';

function load(yaml: string | undefined, env: ConfigSources['env'] = {}, flags: ConfigSources['flags'] = {}) {
  using folder = temporaryFolder();
  if (yaml !== undefined) writeFileSync(join(folder.path, 'aip.yaml'), yaml);
  return loadConfig({ env, flags, cwd: folder.path });
}

/** The lines that say what is wrong. */
function faults(yaml: string | undefined, env: ConfigSources['env'] = {}): string[] {
  try {
    load(yaml, env);
    return [];
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    return (error as Error).message.split('\n  ').slice(1);
  }
}

describe('a configuration', () => {
  test(`needs nothing: it listens on loopback, with sensible bounds ${claim('D-DEPLOY.config')}`, () => {
    expect(load(undefined)).toMatchObject({
      host: '127.0.0.1',
      port: 8000,
      data_dir: expect.stringMatching(/\/\.aip$/),
      allowed_hosts: [],
      mcp: { servers: {} },
      log_level: 'info',
    });
    expect(load('')).toEqual({ ...load(undefined), data_dir: expect.any(String) });
  });

  test(`takes flags over variables over the file over defaults, down to single settings ${claim('D-DEPLOY.config')}`, () => {
    const yaml = 'port: 1001\nhost: 0.0.0.0\nrate: { per_second: 5, burst: 6 }\n';
    expect(load(yaml)).toMatchObject({ port: 1001, host: '0.0.0.0', rate: { per_second: 5, burst: 6 } });
    expect(load(yaml, { AIP_PORT: '1002', AIP_RATE__BURST: '7' })).toMatchObject({
      port: 1002,
      host: '0.0.0.0',
      rate: { per_second: 5, burst: 7 },
    });
    expect(load(yaml, { AIP_PORT: '1002' }, { port: 1003, host: undefined })).toMatchObject({
      port: 1003,
      host: '0.0.0.0',
    });
  });

  test(`says where a setting is that does not exist, and which was meant ${claim('D-DEPLOY.config')}`, () => {
    const yaml = 'rate:\n  per_secnd: 5\nmcp: { servers: { files: { comand: npx } } }\nprot: 9\nhost: 7\nquux: 1\n';
    expect(faults(yaml, { AIP_HOST: '', AIP_RATE__BURST: 'many', AIP_IOAP__IDLE: '3' }).toSorted()).toEqual([
      'aip.yaml:2:3 rate.per_secnd: there is no such setting; did you mean "per_second"?',
      'aip.yaml:3:28 mcp.servers.files.comand: there is no such setting; did you mean "command"?',
      'aip.yaml:4:1 prot: there is no such setting; did you mean "port"?',
      'aip.yaml:5:1 host: Invalid input: expected string, received number',
      expect.stringMatching(/^aip\.yaml:6:1 quux: there is no such setting; there are host, port, /),
      'ioap.idle: there is no such setting; there are idle_seconds, max_connections',
      expect.stringMatching(/^rate\.burst: /),
    ]);
    // What a variable says is not looked for in the file.
    expect(faults('port: 1\n', { AIP_PORT: '99999' })).toEqual([expect.stringMatching(/^port: /)]);
  });

  test('reads what a variable means from the setting it is for', () => {
    const config = load(undefined, {
      AIP_ADMIN_TOKEN: '1234567890123456',
      AIP_DATA_DIR: '2026',
      AIP_RATE__PER_SECOND: '0.5',
      AIP_ALLOWED_HOSTS: '[aip.example.org, "10.0.0.1:8000"]',
      AIP_MCP__SERVERS__NOTES: '{command: npx, args: [-y, notes], env: {TOKEN: "42"}}',
      AIP_MCP__SERVERS__FILES__COMMAND: 'files',
      AIP_MCP__SERVERS__FILES__ENV__PIN: '0042',
      AIP_HOST: '',
    });
    expect(config).toMatchObject({
      admin_token: '1234567890123456',
      data_dir: expect.stringMatching(/\/2026$/),
      rate: { per_second: 0.5 },
      allowed_hosts: ['aip.example.org', '10.0.0.1:8000'],
      host: '127.0.0.1',
    });
    expect(config.mcp.servers).toMatchObject({
      notes: { command: 'npx', args: ['-y', 'notes'], env: { TOKEN: '42' } },
      files: { command: 'files', env: { pin: '0042' } },
    });
  });

  test('takes an origin for where others reach the platform, and nothing else', () => {
    expect(load(undefined, { AIP_PUBLIC_URL: 'https://aip.example.org' }).public_url).toBe('https://aip.example.org');
    for (const url of [
      'aip.example.org',
      'ftp://aip.example.org',
      'https://aip.example.org/aip',
      'https://me@aip.example.org',
    ])
      expect(faults(`public_url: ${url}`), url).toEqual([expect.stringMatching(/^aip\.yaml:1:1 public_url: /)]);
  });

  test('leaves variables alone that are not settings', () => {
    expect(
      load(undefined, {
        AIP_URL: 'http://localhost:1',
        AIP_TOKEN: 'x',
        AIP_JOIN_TOKEN: 'y',
        AIP_TEST_ROUNDS: '9',
        AIP_BREAKFAST: 'eggs',
      }),
    ).toMatchObject({ port: 8000 });
  });

  test('is read from the file that AIP_CONFIG names, which then has to be there', () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'other.yaml');
    const read = () => loadConfig({ env: { AIP_CONFIG: file }, cwd: '/nowhere' });
    expect(read).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(file) }));
    writeFileSync(file, 'port: 1234\ndata_dir: state');
    expect(read()).toMatchObject({ port: 1234, data_dir: '/nowhere/state' });
  });
});

describe('a wrong configuration', () => {
  test(`names every wrong setting at once ${claim('D-DEPLOY.config')}`, () => {
    const yaml =
      'port: 70000\nhots: 0.0.0.0\nrate: { per_second: 0, brust: 1 }\nadmin_token: short\nlog_level: loud\nmcp: { servers: { "a b": { command: x } } }';
    const found = faults(yaml).join('\n');
    for (const name of ['port', 'hots', 'rate.per_second', 'brust', 'admin_token', 'log_level', 'mcp.servers'])
      expect(found).toContain(name);
  });

  test.for([
    ['a command that is a number', 'mcp: { servers: { notes: { command: 5 } } }', 'mcp.servers.notes.command'],
    ['a URL that is none', 'mcp: { servers: { notes: { url: here } } }', 'mcp.servers.notes.url'],
    ['an unknown setting beside a command', 'mcp: { servers: { notes: { command: x, arg: [] } } }', 'arg'],
    [
      'an effect that is none',
      'mcp: { servers: { notes: { command: x, effects: { write: sometimes } } } }',
      'mcp.servers.notes.effects.write',
    ],
    ['an agent without URL', 'a2a: { agents: { scout: {} } }', 'a2a.agents.scout.url'],
  ] as const)('says where: %s', ([, yaml, name]) => {
    const found = faults(yaml);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(name);
  });

  test('says which variable', () => {
    expect(faults(undefined, { AIP_PORT: 'eighty' })).toEqual([expect.stringMatching(/^port: /)]);
    expect(() => load(undefined, { AIP_ALLOWED_HOSTS: '[a, b' })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('AIP_ALLOWED_HOSTS') }),
    );
  });

  test.for([
    ['port: [', /aip\.yaml: .*line 1/],
    ['port: 1\nport: 2', /aip\.yaml: .*unique/],
    ['- port', /aip\.yaml has to hold settings/],
    ['hello', /aip\.yaml has to hold settings/],
  ] as const)('that is no list of settings is named by file: %j', ([yaml, message]) => {
    expect(() => load(yaml)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) }),
    );
  });

  test('never repeats a secret that it refuses', () => {
    expect(faults('admin_token: hunter2').join()).not.toContain('hunter2');
  });
});

describe(`what leads to a platform ${claim('D-DEPLOY.config')}`, () => {
  const find = (yaml: string, env: ConfigSources['env'] = {}) => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'aip.yaml'), yaml);
    return loadClientSettings({ env, cwd: folder.path }, 'data_dir', 'port');
  };

  test.for([
    ['a setting that there is not', 'listen: 5\nport: 9\ndata_dir: /d'],
    ['another that is wrong', 'port: 9\nlog_level: loud\nadmin_token: short\ndata_dir: /d'],
    ['a name twice', 'port: 8\nport: 9\ndata_dir: /d'],
    ['no YAML', 'port: 9\ndata_dir: /d\nallowed_hosts: [a'],
  ] as const)('is found whatever else is wrong: %s', ([, yaml]) => {
    expect(() => load(yaml)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(find(yaml, { AIP_ALLOWED_HOSTS: '[a, b' })).toEqual({ port: 9, data_dir: '/d' });
  });

  test('is itself not to be wrong, unless a variable says it', () => {
    const yaml = 'port: many\nlisten: 5';
    expect(() => find(yaml)).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        details: { errors: [expect.stringMatching(/^aip\.yaml:1:1 port: /)] },
      }),
    );
    expect(find(yaml, { AIP_PORT: '9' }).port).toBe(9);
  });

  test('is the default where the file says nothing that can be read', () => {
    for (const yaml of ['hello', '- port']) expect(find(yaml).port).toBe(8000);
  });
});

describe(`a secret in the settings ${claim('P-MCP-GW.secrets')}`, () => {
  const server = (settings: string): string => `mcp: { servers: { box: { url: http://box.test/, ${settings} } } }`;

  test('is cited in one form wherever a credential goes', () => {
    const { mcp, a2a } = load(`
      mcp:
        servers:
          box: { command: box, env: { KEY: { vault: box.key }, MODE: fast } }
          cloud:
            url: https://cloud.test/mcp
            headers: { Authorization: { env: CLOUD_TOKEN }, X-Mode: fast, X-Key: "key={vault:cloud.key}" }
            oauth: { client_id: us, issuer: https://login.test, client_secret: { vault: cloud-secret } }
      a2a: { agents: { far: { url: https://far.test, headers: { Authorization: { vault: far } } } } }`);
    expect(mcp.servers).toMatchObject({
      box: { env: { KEY: { vault: 'box.key' }, MODE: 'fast' } },
      cloud: {
        headers: {
          Authorization: { env: 'CLOUD_TOKEN' },
          'X-Mode': 'fast',
          'X-Key': ['key=', { vault: 'cloud.key' }],
        },
        oauth: { client_secret: { vault: 'cloud-secret' } },
      },
    });
    expect(a2a.agents).toMatchObject({ far: { headers: { Authorization: { vault: 'far' } } } });
  });

  test.each([
    ['headers: { X: { vualt: x } }', 'mcp.servers.box.headers.X: text, or a secret: { vault: <name> } or'],
    ['headers: { X: { vault: a, env: B } }', 'mcp.servers.box.headers.X: text, or a secret'],
    ['headers: { X: "Bearer {vault:two words}" }', 'mcp.servers.box.headers.X: {vault:…} names no secret: letters'],
    ['headers: { X: "Bearer {vault:box" }', 'mcp.servers.box.headers.X: in text, a secret is {vault:<name>} or'],
    [
      'headers: { X: "Bearer ${env:BOX}" }',
      'mcp.servers.box.headers.X: in text, a secret is {env:<VARIABLE>}, without',
    ],
    ['headers: { X: { vault: two words } }', 'mcp.servers.box.headers.X.vault: letters, digits'],
    [
      'oauth: { client_id: us, issuer: https://i.test, client_secret: x }',
      'client_secret: a secret is { vault: <name> }',
    ],
  ])('%s is refused by name', (settings, fault) => {
    expect(faults(server(settings))).toEqual([expect.stringContaining(fault)]);
  });

  test('is not cited by a server that is added while the platform runs, which could be anybody’s', () => {
    const added = { url: 'https://box.test/mcp', headers: { A: 'b' } };
    expect(addedServerSchema.safeParse(added).success).toBe(true);
    for (const reference of [{ vault: 'admin' }, { env: 'AIP_ADMIN_TOKEN' }]) {
      const oauth = { client_id: 'us', issuer: 'https://login.test' };
      expect(addedServerSchema.safeParse({ ...added, headers: { A: reference } }).success).toBe(false);
      expect(addedServerSchema.safeParse({ ...added, oauth: { ...oauth, client_secret: reference } }).success).toBe(
        false,
      );
    }
    // Text that looks as if is sent as it is.
    const headers = { A: 'Bearer {vault:admin}' };
    expect(addedServerSchema.parse({ ...added, headers }).headers).toEqual(headers);
  });
});
