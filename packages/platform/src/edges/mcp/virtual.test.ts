import { PassThrough } from 'node:stream';
import { claim } from '@aip/conformance';
import type { AipError, JsonObject } from '@aip/wire';
import { Client } from '@modelcontextprotocol/client';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { afterEach, describe, expect, it } from 'vitest';
import { createCatalogue } from '../../exchange/catalogue.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import { errorBody } from '../../kernel/error-body.ts';
import { PASS, type Crossing, type Guard } from '../../kernel/guard.ts';
import { createDirectory } from './directory.ts';
import { serveMcpStdio } from './index.ts';
import { connectV2, createTestGateway, ERAS, post, startHttpUpstream, type TestGateway } from './testing.ts';
import { createVirtualServers, type VirtualServer } from './virtual.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0).toReversed()) await item[Symbol.asyncDispose]();
});

const DESK: VirtualServer = {
  instructions: 'The front desk.',
  tools: {
    plus_ten: {
      target: 'tool:box/add',
      title: 'Plus ten',
      description: 'Adds ten to a number.',
      arguments: { b: 10 },
    },
    ask: { target: 'skill:echo/say' },
    who: { target: 'operation:catalogue.list', description: 'What there is.' },
    welcome: { target: 'tool:box/greet' },
    lost: { target: 'tool:box/nonsense' },
    // Steers the platform: not shown to those who may not.
    steer: { target: 'operation:events.follow' },
  },
  resources: ['resource:box/note://1*', 'resource:box/note://{id}/open'],
  prompts: ['prompt:box/hello'],
};

/** What policy was asked about: the target and the arguments. */
interface Seen {
  readonly address: string;
  readonly args: unknown;
}

async function setup(policy: Guard['admit'] = () => PASS) {
  const upstream = await startHttpUpstream('modern');
  open.push(upstream);
  const seen: Seen[] = [];
  const admit = (crossing: Crossing) => {
    const { target, message } = crossing;
    if (target.kind !== 'operation') seen.push({ address: target.address, args: message.body.value });
    return policy(crossing);
  };
  const gateway = await createTestGateway({
    servers: { box: { url: upstream.url } },
    slots: { policy: { name: 'policy', admit } },
    edge: { virtual: { desk: DESK } },
  });
  open.push(gateway);
  gateway.agent('echo', 'say', async function* ({ message }) {
    yield { type: 'done', body: { type: 'data', value: message.body.value as never } };
  });
  return { upstream, gateway, seen };
}

async function connect(gateway: TestGateway, era: (typeof ERAS)[number]): Promise<Client> {
  const client = await connectV2(`${gateway.url}/mcp/v/desk`, era);
  open.push({ [Symbol.asyncDispose]: () => client.close() });
  return client;
}

describe.each(ERAS)(`a virtual server, %s ${claim('P-MCP-GW.virtual')}`, (era) => {
  it('shows what was chosen, under the names and in the words of the operator, and nothing else', async () => {
    const { gateway } = await setup();
    const client = await connect(gateway, era);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['ask', 'plus_ten', 'welcome', 'who']);
    expect(tools.find(({ name }) => name === 'plus_ten')).toMatchObject({
      title: 'Plus ten',
      description: 'Adds ten to a number.',
      inputSchema: { properties: { a: { type: 'number' } }, required: ['a'] },
      outputSchema: { properties: { sum: { type: 'number' } } },
    });
    expect(tools.find(({ name }) => name === 'plus_ten')?.inputSchema.properties).not.toHaveProperty('b');
    expect(client.getInstructions()).toBe('The front desk.');
    await expect(client.callTool({ name: 'box_fail', arguments: {} })).rejects.toMatchObject({ code: -32602 });
    await expect(client.callTool({ name: 'fail', arguments: {} })).rejects.toMatchObject({ code: -32602 });
  });

  it('calls the real tool with all its arguments, which is what policy is asked about', async () => {
    const { gateway, seen, upstream } = await setup();
    const client = await connect(gateway, era);
    await client.listTools();
    expect(await client.callTool({ name: 'plus_ten', arguments: { a: 1 } })).toMatchObject({
      structuredContent: { sum: 11 },
      _meta: { 'example.com/unit': 'apples' },
    });
    expect(seen).toEqual([{ address: 'tool:box/add', args: { a: 1, b: 10 } }]);
    expect(upstream.calls).toMatchObject([{ name: 'add', args: { a: 1, b: 10 } }]);
  });

  it('does not let a caller give an argument that is fixed', async () => {
    const { gateway, seen } = await setup();
    const client = await connect(gateway, era);
    await expect(client.callTool({ name: 'plus_ten', arguments: { a: 1, b: 2 } })).rejects.toThrow(
      '"b" is not an argument of plus_ten',
    );
    expect(seen).toEqual([]);
  });

  it('is denied what the real tool is denied', async () => {
    const { gateway } = await setup(({ target, message }) =>
      target.address === 'tool:box/add' && (message.body.value as JsonObject)['b'] === 10
        ? { verdict: 'deny', error: errorBody('PERMISSION_DENIED', 'No adding.') }
        : PASS,
    );
    const client = await connect(gateway, era);
    await client.listTools();
    expect(await client.callTool({ name: 'plus_ten', arguments: { a: 1 } })).toMatchObject({
      isError: true,
      _meta: { 'aip/error': { code: 'PERMISSION_DENIED' } },
    });
  });

  it('calls skills and operations, and answers what they ask', async () => {
    const { gateway } = await setup();
    const client = await connectV2(`${gateway.url}/mcp/v/desk`, era, {
      capabilities: { elicitation: {} },
      prepare: (made) =>
        made.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { name: 'Ann' } })),
    });
    open.push({ [Symbol.asyncDispose]: () => client.close() });
    expect(await client.callTool({ name: 'ask', arguments: { text: 'hi' } })).toMatchObject({
      structuredContent: { text: 'hi' },
    });
    const listed = await client.callTool({ name: 'who', arguments: { kind: 'agent' } });
    expect(listed.structuredContent).toMatchObject({ entries: [{ name: 'echo' }] });
    expect(await client.callTool({ name: 'welcome', arguments: {} })).toMatchObject({
      content: [{ type: 'text', text: 'Hello Ann' }],
    });
  });

  it('lets only those resources and prompts through that are listed', async () => {
    const { gateway } = await setup();
    const client = await connect(gateway, era);
    expect((await client.listResources()).resources.map(({ uri }) => uri)).toEqual(['mcp:box/note://1']);
    expect((await client.listResourceTemplates()).resourceTemplates).toEqual([]);
    expect((await client.listPrompts()).prompts.map(({ name }) => name)).toEqual(['box_hello']);
    expect((await client.readResource({ uri: 'mcp:box/note://1' })).contents).toMatchObject([
      { uri: 'mcp:box/note://1', text: 'first' },
    ]);
    // However it is spelt.
    expect((await client.readResource({ uri: 'mcp:box/NOTE://%31' })).contents).toMatchObject([{ text: 'first' }]);
    for (const uri of ['mcp:box/note://2', 'mcp:box/note:1/../note://1', 'note://1'])
      await expect(client.readResource({ uri })).rejects.toThrow('There is no resource');
    for (const uri of [
      'mcp:box/note://1/..%2f2',
      'mcp:box/note://1/%%32e%%32e/2',
      `mcp:box/note://1${'a'.repeat(9_000)}`,
    ])
      await expect(client.readResource({ uri })).rejects.toThrow(/^uri: |Invalid params: uri: /);
    expect((await client.getPrompt({ name: 'box_hello', arguments: { who: 'Ann' } })).messages).toHaveLength(1);
  });

  it('tells its clients of changes of what it shows', async () => {
    const { gateway, upstream } = await setup();
    let changes = 0;
    const client = await connectV2(`${gateway.url}/mcp/v/desk`, era, {
      listChanged: { tools: { onChanged: () => void changes++ } },
    });
    open.push({ [Symbol.asyncDispose]: () => client.close() });
    await client.listTools();
    upstream.grow('nonsense');
    await expect.poll(() => changes, { timeout: 3_000 }).toBeGreaterThan(0);
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('lost');
  });

  it('is served on standard input and output', async () => {
    const { gateway } = await setup();
    const [toServer, toClient] = [new PassThrough(), new PassThrough()];
    const served = serveMcpStdio(
      gateway.exchange,
      { kind: 'local', name: 'terminal', roles: ['caller'] },
      { stdin: toServer, stdout: toClient, virtual: { desk: DESK }, server: 'desk' },
    );
    const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode: era } });
    await client.connect(new StdioServerTransport(toClient, toServer));
    expect((await client.listTools()).tools).toHaveLength(4);
    expect(await client.callTool({ name: 'plus_ten', arguments: { a: 5 } })).toMatchObject({
      structuredContent: { sum: 15 },
    });
    await served.close();
    await client.close();
  });
});

describe(`virtual servers ${claim('P-MCP-GW.virtual')}`, () => {
  it('answer long calls with a task, and show its end', async () => {
    const { gateway } = await setup();
    const finish = Promise.withResolvers<void>();
    gateway.agent('echo', 'say', async function* () {
      await finish.promise;
      yield { type: 'done', body: { type: 'text', value: 'at last' } };
    });
    const capabilities = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
    const send = async (method: string, params: JsonObject): Promise<JsonObject> =>
      (await post(`${gateway.url}/mcp/v/desk`, method, params, { capabilities })).body['result'] as JsonObject;
    const started = await send('tools/call', { name: 'ask', arguments: { text: 'hi' } });
    expect(started).toMatchObject({ resultType: 'task', status: 'working' });
    finish.resolve();
    await expect
      .poll(() => send('tasks/get', { taskId: started['taskId'] as string }), { timeout: 5_000 })
      .toMatchObject({ status: 'completed', result: { content: [{ type: 'text', text: 'at last' }] } });
  });

  it('do not show what is quarantined, and say so to whoever calls it', async () => {
    const { gateway } = await setup();
    const { catalogue } = gateway.exchange;
    catalogue.put(
      'box',
      catalogue
        .list({ owner: 'box' })
        .map((entry) => (entry.name === 'add' ? { ...entry, state: 'quarantined' } : entry)),
    );
    const servers = createVirtualServers(catalogue, { desk: DESK });
    expect(servers.missing('desk')).toContainEqual({
      name: 'plus_ten',
      target: 'tool:box/add',
      reason: 'tool:box/add is quarantined.',
    });
    expect(servers.tools('desk', catalogue.list()).map(({ name }) => name)).not.toContain('plus_ten');
    expect(servers.tool('desk', 'plus_ten')?.entry.state).toBe('quarantined');
  });

  it('let through what a template stands for, or what begins so, and nothing that only looks like it', () => {
    const listed = (kind: 'resource' | 'template', name: string): CatalogueEntry => ({
      address: `resource:fs/${name}`,
      kind,
      name,
      owner: 'fs',
      ownerName: 'fs',
      description: '',
      effect: 'read',
      idempotent: true,
      price: 0,
      state: 'active',
    });
    const catalogue = createCatalogue();
    const pages = 'docs://{+section}/{+page}.md';
    const resources = [`resource:fs/${pages}`, 'resource:fs/file:///pub/*', 'resource:fs/note://100%'];
    catalogue.put('fs', [
      ...['note://100%', 'note://200%', 'file:///pub/50%', 'file:///pub/..%2fsecret'].map((uri) =>
        listed('resource', uri),
      ),
      ...[pages, 'docs://secret/{page}.md', '{+uri}'].map((template) => listed('template', template)),
    ]);
    const servers = createVirtualServers(catalogue, { desk: { tools: {}, resources, prompts: [] } });
    const directory = createDirectory(catalogue, servers);
    const read = (uri: string): unknown => {
      try {
        return directory.resource({ kind: 'virtual', owner: 'desk' }, `mcp:fs/${uri}`)?.uri;
      } catch (error) {
        return (error as AipError).code;
      }
    };
    expect(catalogue.list().flatMap((entry) => (servers.lists('desk', entry) ? [entry.name] : []))).toEqual([
      'note://100%',
      'file:///pub/50%',
      pages,
    ]);
    for (const uri of ['note://100%', 'file:///pub/50%', 'docs://a/b/c.md', 'file:///pub/new'])
      expect(read(uri)).toBe(uri);
    expect(read('file:///x/../pub/new')).toBe('file:///pub/new');
    for (const uri of [
      'note://200%',
      'file:///pub/..%2fsecret',
      'file:///pub/../secret',
      'docs://secret/b.md',
      'docs://a',
    ])
      expect(read(uri)).toBeUndefined();
    for (const uri of ['file:///pub/..%2fother', 'docs://a/%252e%252e/b.md', 'docs://a/..%5cb.md', 'file:///pub/%'])
      expect(read(uri)).toBe('INVALID_ARGUMENT');
    // Of hostile length: with a template that takes anything twice, matching by an expression would take minutes.
    const start = performance.now();
    expect(read(`docs://${'a/'.repeat(60_000)}b.m`)).toBe('INVALID_ARGUMENT');
    expect(read(`docs://${'a/'.repeat(4_000)}b.m`)).toBeUndefined();
    expect(performance.now() - start).toBeLessThan(100);
  });

  it('that are not configured are named as such', async () => {
    const { gateway } = await setup();
    const { status, body } = await post(`${gateway.url}/mcp/v/shop`, 'tools/list', {});
    expect(status).toBe(404);
    expect(body).toMatchObject({
      error: { message: 'There is no virtual server "shop" here: there are desk.', data: { code: 'NOT_FOUND' } },
    });
    expect(() =>
      serveMcpStdio(gateway.exchange, { kind: 'local', name: 'terminal', roles: [] }, { server: 'shop' }),
    ).toThrow('There is no virtual server "shop" here: mcp.virtual has none.');
  });

  it('are concerned by those whose tools they show, also when these are gone', async () => {
    const { gateway } = await setup();
    const servers = createVirtualServers(gateway.exchange.catalogue, { desk: DESK });
    expect(servers.missing('desk')).toEqual([
      { name: 'lost', target: 'tool:box/nonsense', reason: 'There is no tool "box/nonsense" here.' },
    ]);
    gateway.agent('stranger', 'help', async function* () {});
    const owners = ['box', 'did:key:z6Mkecho', 'did:key:z6Mkstranger', 'other'];
    const concerned = (): string[] => owners.filter((owner) => servers.concerns('desk', owner));
    expect(concerned()).toEqual(['box', 'did:key:z6Mkecho']);
    gateway.exchange.catalogue.remove('did:key:z6Mkecho');
    expect(concerned()).toEqual(['box', 'did:key:z6Mkecho']);
    expect(servers.missing('desk').map(({ name }) => name)).toEqual(['ask', 'lost']);
  });

  it('refuse what is called by the names of Object', async () => {
    const { gateway } = await setup();
    for (const name of ['constructor', '__proto__', 'toString'])
      expect((await post(`${gateway.url}/mcp/v/desk`, 'tools/call', { name, arguments: {} })).body).toMatchObject({
        error: { code: -32602, message: `Unknown tool: ${name}` },
      });
  });

  it('say that the server of a tool is down when it was never there', async () => {
    const gateway = await createTestGateway({
      servers: { gone: { url: 'http://127.0.0.1:9/mcp' } },
      edge: { virtual: { desk: { ...DESK, tools: { read: { target: 'tool:gone/read' } } } } },
    });
    open.push(gateway);
    const down = /Unknown tool: \w+\. The MCP server "gone" has been offline since \d{4}-.*; last error: /;
    for (const [path, name] of [
      ['/mcp/v/desk', 'read'],
      ['/mcp/gone', 'read'],
      ['/mcp', 'gone_read'],
    ] as const)
      expect((await post(`${gateway.url}${path}`, 'tools/call', { name, arguments: {} })).body).toMatchObject({
        error: { code: -32602, message: expect.stringMatching(down) },
      });
  });
});
