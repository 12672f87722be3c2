import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { claim } from '@aip/conformance';
import type { Client } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorBody } from '../../../kernel/error-body.ts';
import { PASS, type Guard } from '../../../kernel/guard.ts';
import { connectV1, connectV2, createTestGateway, ERAS, type TestGateway } from '../testing.ts';

const require = createRequire(import.meta.url);
const server = (name: string): string =>
  path.join(path.dirname(require.resolve(`@modelcontextprotocol/${name}/package.json`)), 'dist/index.js');

const folder = mkdtempSync(path.join(tmpdir(), 'aip-mcp-'));
const script = (name: string, source: string): string => {
  const file = path.join(folder, name);
  writeFileSync(file, source);
  return file;
};

/** Speaks just enough MCP to misbehave afterwards. */
const CRUDE = `
  const send = (message) => process.stdout.write(JSON.stringify(message) + '\\n');
  let buffer = '';
  process.stdin.on('data', (chunk) => {
    buffer += chunk;
    for (let end; (end = buffer.indexOf('\\n')) >= 0; buffer = buffer.slice(end + 1)) receive(JSON.parse(buffer.slice(0, end)));
  });
  process.stdin.on('end', () => process.exit(0));
  function receive({ id, method, params }) {
    if (method === 'initialize') return send({ jsonrpc: '2.0', id, result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'crude', version: '1' } } });
    if (method === 'tools/list') return send({ jsonrpc: '2.0', id, result: { tools: TOOLS.map((name) => ({ name, inputSchema: { type: 'object' } })) } });
    if (method === 'tools/call') return call(id, params);
    if (id !== undefined) unknown(id, method);
  }
  const unknown = (id) => send({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } });
  const done = (id, text) => send({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text }] } });
`;

/** Logs in the middle of every call, without saying of which. */
const TALKATIVE = `${CRUDE}
  const TOOLS = ['talk'];
  function call(id, { arguments: { word } }) {
    send({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: word } });
    setTimeout(() => done(id, word), 50);
  }
`;

const policy: Guard = {
  name: 'policy',
  admit: ({ target }) =>
    target.address === 'tool:files/write_file'
      ? { verdict: 'deny', error: errorBody('PERMISSION_DENIED', 'Nobody writes here.') }
      : PASS,
};

let gateway: TestGateway;
beforeAll(async () => {
  process.env['AIP_SECRET_OF_THE_PLATFORM'] = 'must not leak';
  writeFileSync(path.join(folder, 'note.txt'), 'a note');
  const node = process.execPath;
  gateway = await createTestGateway({
    slots: { policy },
    servers: {
      files: { command: node, args: [server('server-filesystem'), folder] },
      everything: { command: node, args: [server('server-everything')], env: { GIVEN: 'by the operator' } },
      talkative: { command: node, args: [script('talkative.cjs', TALKATIVE)] },
      // Exits at anything that comes before initialize, as some older servers do.
      prudish: {
        command: node,
        args: [
          script(
            'prudish.cjs',
            `const TOOLS = ['ping']; ${CRUDE} function call(id) { done(id, 'pong'); } receive = ((known) => (message) => (message.method === 'server/discover' ? process.exit(1) : known(message)))(receive);`,
          ),
        ],
      },
      rude: {
        command: node,
        args: [
          script(
            'rude.cjs',
            `const TOOLS = ['huge', 'garbage', 'die', 'fine', 'wrong', 'spawn']; ${CRUDE}
          function call(id, { name }) {
            if (name === 'huge') return done(id, 'x'.repeat(11 * 1024 * 1024));
            if (name === 'garbage') { process.stdout.write('not json\\n[1,2]\\n{"jsonrpc":"2.0","id":"no such","result":{}}\\n'); return done(id, 'after garbage'); }
            if (name === 'die') return process.exit(3);
            if (name === 'wrong') return send({ jsonrpc: '2.0', id, result: { content: 'not a list' } });
            if (name === 'spawn') { require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' }); return done(id, 'spawned'); }
            done(id, 'fine');
          }`,
          ),
        ],
      },
      missing: { command: path.join(folder, 'no-such-command') },
    },
  });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  delete process.env['AIP_SECRET_OF_THE_PLATFORM'];
  rmSync(folder, { recursive: true, force: true });
});

const text = (result: unknown): string => (result as { content: { text: string }[] }).content[0]!.text;
const status = (name: string) => gateway.upstreams.status().find((entry) => entry.name === name);

describe.each([
  ['the v2 client, modern', () => connectV2(`${gateway.url}/mcp`, 'auto')],
  ['the v2 client, legacy', () => connectV2(`${gateway.url}/mcp`, 'legacy')],
  ['the v1 client', () => connectV1(`${gateway.url}/mcp`) as unknown as Promise<Client>],
] as const)('%s', (_who, connect) => {
  let client: Client;
  beforeAll(async () => {
    client = await connect();
  });
  afterAll(() => client.close());

  it(`lists and calls tools of real upstreams, federated ${claim('P-MCP-GW.federation', 'P-MCP-GW.upstreams')}`, async () => {
    const names = (await client.listTools()).tools.map((tool) => tool.name);
    expect(names).toEqual(
      expect.arrayContaining([
        'files_read_text_file',
        'files_write_file',
        'everything_echo',
        'prudish_ping',
        'rude_fine',
      ]),
    );
    expect(
      text(await client.callTool({ name: 'files_read_text_file', arguments: { path: path.join(folder, 'note.txt') } })),
    ).toBe('a note');
    expect(text(await client.callTool({ name: 'everything_echo', arguments: { message: 'hi' } }))).toContain('hi');
    expect(text(await client.callTool({ name: 'prudish_ping', arguments: {} }))).toBe('pong');
  });

  it(`gets a clear answer for a denied tool, which never reaches the upstream ${claim('P-MCP.denial')}`, async () => {
    const file = path.join(folder, 'never.txt');
    const result = await client.callTool({ name: 'files_write_file', arguments: { path: file, content: 'x' } });
    expect(result).toMatchObject({ isError: true });
    expect(text(result)).toBe('PERMISSION_DENIED: Nobody writes here.');
    expect((await client.callTool({ name: 'files_get_file_info', arguments: { path: file } })).isError).toBe(true);
  });

  it('reads its resources and prompts', async () => {
    const { resources } = await client.listResources();
    const first = resources.find((resource) => resource.uri.startsWith('mcp:everything/'));
    expect((await client.readResource({ uri: first!.uri })).contents[0]?.uri).toBe(first!.uri);
    const { prompts } = await client.listPrompts();
    expect(prompts.map((prompt) => prompt.name)).toContain('everything_simple-prompt');
    expect((await client.getPrompt({ name: 'everything_simple-prompt' })).messages).not.toHaveLength(0);
  });
});

it.each(ERAS)(`the v2 client follows a long call (%s) ${claim('P-MCP.progress')}`, async (era) => {
  const client = await connectV2(`${gateway.url}/mcp`, era);
  const seen: number[] = [];
  await client.callTool(
    { name: 'everything_trigger-long-running-operation', arguments: { duration: 0.4, steps: 4 } },
    { onprogress: ({ progress }) => seen.push(progress) },
  );
  expect(seen).toEqual([1, 2, 3, 4]);
  await client.close();
});

it('the v1 client follows a long call as well', async () => {
  const client = await connectV1(`${gateway.url}/mcp`);
  const seen: number[] = [];
  const params = { name: 'everything_trigger-long-running-operation', arguments: { duration: 0.3, steps: 3 } };
  await client.callTool(params, undefined, { onprogress: ({ progress }) => seen.push(progress) });
  expect(seen).toEqual([1, 2, 3]);
  await client.close();
});

it.each(ERAS)(`a question of a real upstream reaches its caller (%s) ${claim('P-MCP.asks')}`, async (era) => {
  const client = await connectV2(`${gateway.url}/mcp`, era, {
    capabilities: { sampling: {} },
    prepare: (made) =>
      made.setRequestHandler('sampling/createMessage', () => ({
        role: 'assistant',
        model: 'test',
        content: { type: 'text', text: 'sampled!' },
      })),
  });
  await expect.poll(() => gateway.exchange.catalogue.get('tool:everything/trigger-sampling-request')).toBeDefined();
  const result = await client.callTool({
    name: 'everything_trigger-sampling-request',
    arguments: { prompt: 'hello', maxTokens: 10 },
  });
  expect(JSON.stringify(result.content)).toContain('sampled!');
  await client.close();
});

it(`a process sees nothing of the platform’s environment but what it was given ${claim('P-MCP-GW.upstreams')}`, async () => {
  const client = await connectV2(`${gateway.url}/mcp`, 'auto');
  const environment = JSON.parse(text(await client.callTool({ name: 'everything_get-env', arguments: {} }))) as Record<
    string,
    string
  >;
  expect(environment['GIVEN']).toBe('by the operator');
  expect(environment['AIP_SECRET_OF_THE_PLATFORM']).toBeUndefined();
  expect(Object.keys(environment).filter((name) => !['GIVEN', 'PATH', 'HOME', 'LANG'].includes(name))).toEqual([]);
  await client.close();
});

describe(`an upstream process that fails ${claim('P-MCP-GW.supervision')}`, () => {
  it('ends its calls within a second, leaves the others untouched, and comes back by itself', async () => {
    const client = await connectV2(`${gateway.url}/mcp`, 'auto');
    const long = client.callTool({
      name: 'everything_trigger-long-running-operation',
      arguments: { duration: 2, steps: 2 },
    });
    const since = performance.now();
    const died = await client.callTool({ name: 'rude_die', arguments: {} });
    expect(performance.now() - since).toBeLessThan(1_000);
    expect(died).toMatchObject({ isError: true, _meta: { 'aip/error': { code: 'UPSTREAM_FAILED' } } });
    await expect.poll(() => status('rude'), { timeout: 10_000 }).toMatchObject({ state: 'active', failures: 1 });
    expect(text(await client.callTool({ name: 'rude_fine', arguments: {} }))).toBe('fine');
    expect((await long).isError).not.toBe(true);
    await client.close();
  });

  it('is named with its reason while it cannot be started', () => {
    expect(status('missing')).toMatchObject({
      state: 'offline',
      tools: 0,
      error: expect.stringContaining('check mcp.servers.missing.command'),
    });
    expect(status('everything')).toMatchObject({ state: 'active', era: 'legacy', transport: 'stdio' });
  });

  it(`is contained when it sends too much, or what is no answer ${claim('P-MCP-GW.limits')}`, async () => {
    const client = await connectV2(`${gateway.url}/mcp`, 'auto');
    const [huge, fine] = await Promise.all([
      client.callTool({ name: 'rude_huge', arguments: {} }),
      client.callTool({ name: 'rude_fine', arguments: {} }),
    ]);
    expect(text(huge)).toContain('larger than 10485760 bytes');
    expect(text(fine)).toBe('fine');
    expect(text(await client.callTool({ name: 'rude_garbage', arguments: {} }))).toBe('after garbage');
    expect(text(await client.callTool({ name: 'rude_wrong', arguments: {} }))).toContain(
      'does not follow the protocol',
    );
    await client.close();
  });

  it('takes with it what it has started', async () => {
    const client = await connectV2(`${gateway.url}/mcp`, 'auto');
    const before = status('rude')!.failures;
    await client.callTool({ name: 'rude_spawn', arguments: {} });
    const since = performance.now();
    // The grandchild holds the pipe open; its parent’s end is noticed all the same.
    expect((await client.callTool({ name: 'rude_die', arguments: {} })).isError).toBe(true);
    expect(performance.now() - since).toBeLessThan(1_000);
    await expect
      .poll(() => status('rude'), { timeout: 10_000 })
      .toMatchObject({ state: 'active', failures: before + 1 });
    await client.close();
  });
});

it(`hears the log messages of an older process for its own calls, and nobody else’s ${claim('P-MCP.logging')}`, async () => {
  const words = ['one', 'two', 'three'];
  const clients = await Promise.all(
    words.map((token) => connectV2(`${gateway.url}/mcp/talkative`, 'legacy', { token })),
  );
  const heard = words.map((): unknown[] => []);
  for (const [index, client] of clients.entries()) {
    client.setNotificationHandler('notifications/message', ({ params }) => void heard[index]!.push(params.data));
    // The last one has not said that it wants to hear any.
    if (index < 2) await client.setLoggingLevel('info');
  }
  await Promise.all(
    clients.map((client, index) => client.callTool({ name: 'talk', arguments: { word: words[index]! } })),
  );
  expect(heard).toEqual([['one'], ['two'], []]);
  for (const client of clients) await client.close();
});
