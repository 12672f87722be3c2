import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../../main/testing.ts';
import { EXIT } from '../exit-codes.ts';
import { runInWorld, type Ran } from '../testing.ts';

/** A platform that answers each operation with this. */
async function answering(answers: Readonly<Record<string, JsonObject>>, cwd = '/nonexistent') {
  const server = createServer((request, response) => {
    const name = request.url?.split('?')[0]?.replace('/v1/', '').replace('/', '.') ?? '';
    request.resume().on('end', () => {
      response.writeHead(answers[name] ? 200 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answers[name] ?? { error: { code: 'NOT_FOUND', message: name, retryable: false } }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const local = { inspect: async () => [] };
  return {
    aip: (...args: string[]): Promise<Ran> => runInWorld(args, { local, cwd, env: { AIP_URL: url, AIP_TOKEN: 't' } }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const server = (name: string, more: JsonObject = {}): JsonObject => ({
  name,
  state: 'active',
  transport: 'http',
  reached: 'http://127.0.0.1:9',
  since: '2026-11-21T04:00:00.000Z',
  tools: 1,
  resources: 0,
  prompts: 0,
  quarantined: 0,
  failures: 0,
  ...more,
});
const list = (servers: JsonObject[], endpoints: JsonObject[] = []): JsonObject => ({
  servers,
  endpoints,
  search_tokens: 0,
});

it(`aip doctor has a line for what is not as it should be behind a running platform ${claim('D-CLI.doctor')}`, async () => {
  const missing = [{ name: 'read_rules', target: 'tool:files/read', reason: 'gone' }];
  const common = { 'platform.status': { version: '0' }, 'sources.list': { sources: [] } };
  await using healthy = await answering({
    ...common,
    'mcp.list': list([server('good')], [{ path: '/mcp', tools: 1, tokens: 1, searched: false, missing: [] }]),
    'mcp.pins': { tools: [] },
  });
  expect((await healthy.aip('doctor')).code).toBe(EXIT.ok);

  await using platform = await answering({
    ...common,
    'mcp.list': list(
      [
        server('good'),
        server('files', { state: 'offline', error: 'it cannot be reached (ECONNREFUSED).' }),
        server('search', { state: 'login_needed' }),
        server('slow', { state: 'starting' }),
      ],
      [{ path: '/mcp/v/desk', tools: 0, tokens: 1, searched: false, missing }],
    ),
    'mcp.pins': { tools: [{ server: 'good', tool: 'write', state: 'quarantined', findings: [] }] },
    'sources.list': {
      sources: [{ name: 'pets', kind: 'openapi', state: 'failed', tools: 0, resources: 0, error: 'no', problems: [] }],
    },
  });
  const { code, out } = await platform.aip('doctor');
  expect(code).toBe(EXIT.unverified);
  const said = out.split('\n').map((line) => line.replaceAll(/ +/g, ' '));
  expect(said.slice(said.findIndex((line) => line.startsWith('platform')) + 1)).toEqual([
    'dashboard waits not built → run "npm run dashboard" in the checkout and start again',
    'mcp.servers.files FAILED offline at http://127.0.0.1:9: it cannot be reached (ECONNREFUSED). → aip mcp inspect files',
    'mcp.servers.search FAILED login needed → aip mcp login search',
    'mcp.servers.slow ok starting',
    'mcp.servers.good FAILED quarantined: write → aip mcp pins good',
    'mcp.virtual.desk FAILED missing: read_rules (tool:files/read) → aip mcp inspect v/desk',
    'sources.openapi.pets FAILED no → aip source inspect pets',
  ]);
});

it(`aip dashboard says that none is built instead of a URL that leads nowhere ${claim('D-CLI.commands')}`, async () => {
  await using platform = await answering({ 'logins.create': { code: 'c' } });
  expect(await platform.aip('dashboard')).toMatchObject({
    code: EXIT.failed,
    out: '',
    err: 'aip: The dashboard is not built; run "npm run dashboard" in the checkout and start again.',
  });
});

it(`aip mcp inspect says by what a server is reached, and what its process said last ${claim('D-CLI.mcp')}`, async () => {
  const lost = server('files', {
    transport: 'stdio',
    state: 'offline',
    reached: 'npx',
    error: 'the connection has ended',
    stderr: ['Error: ENOENT\u001b[2J ./notes', '  at main'],
  });
  const nothing = { tools: [], resources: [], prompts: [], missing: [] };
  await using platform = await answering({ 'mcp.inspect': { server: lost, ...nothing } });
  const { out } = await platform.aip('mcp', 'inspect', 'files');
  expect(out).toMatch(/^Reached +npx$/m);
  expect(out).toMatch(/^Error +the connection has ended$/m);
  expect(out).toContain('It said last, on standard error:\n  Error: ENOENT ./notes\n    at main');
});

it.each([
  [server('sky', { tools: 3 }), 'It is connected, and has 3 tools.'],
  [
    server('sky', { state: 'offline', error: 'it cannot be reached (ECONNREFUSED).' }),
    'It is not connected, and is tried again at http://127.0.0.1:9/mcp: it cannot be reached (ECONNREFUSED).',
  ],
  [server('sky', { state: 'login_needed' }), 'It wants a login: aip mcp login sky'],
  [server('sky', { state: 'starting' }), '"aip mcp inspect sky" says how it goes on'],
])(`aip add mcp --url says how the server stands: %j ${claim('D-CLI.mcp')}`, async (found, said) => {
  await using platform = await answering({
    'mcp.add': { name: 'sky', origin: 'http://127.0.0.1:9' },
    'mcp.list': list([found]),
  });
  const { out } = await platform.aip('add', 'mcp', 'sky', '--url', 'http://me:hidden@127.0.0.1:9/mcp?key=hidden');
  expect(out).toContain(said);
  expect(out).not.toContain('hidden');
});

it(`aip mcp remove says of a server that aip.yaml names that it comes back ${claim('D-CLI.mcp')}`, async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'aip.yaml');
  writeFileSync(file, 'mcp: { servers: { files: { command: npx } } }');
  await using platform = await answering({ 'mcp.remove': { name: 'files' } }, folder.path);
  expect((await platform.aip('mcp', 'remove', 'files')).out).toBe(
    `Removed files.\nIt comes back with the next start: take mcp.servers.files out of ${file} as well.`,
  );
  expect((await platform.aip('mcp', 'remove', 'search')).out).toBe('Removed search.');
});
