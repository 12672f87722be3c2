import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import type { Client } from '@modelcontextprotocol/client';
import { afterEach, describe, expect, it } from 'vitest';
import { PASS, type Crossing } from '../../kernel/guard.ts';
import { connectV2, createTestGateway, ERAS, post, startHttpUpstream, type TestGateway } from './testing.ts';
import { rank } from './tool-ranking.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0).toReversed()) await item[Symbol.asyncDispose]();
});

async function setup(searchAbove: number | undefined) {
  const upstream = await startHttpUpstream('modern');
  open.push(upstream);
  const crossed: Crossing[] = [];
  const admit = (crossing: Crossing) => {
    if (crossing.target.kind === 'tool') crossed.push(crossing);
    return PASS;
  };
  const gateway = await createTestGateway({
    servers: { box: { url: upstream.url } },
    slots: { trust: { name: 'trust', admit } },
    edge: {
      searchAbove,
      virtual: {
        small: { tools: { sum: { target: 'tool:box/add' } }, resources: [], prompts: [] },
        hidden: {
          tools: { sum: { target: 'tool:box/add', description: 'Totals figures.', arguments: { b: 1 } } },
          resources: [],
          prompts: [],
          search_above: 0,
        },
      },
    },
  });
  open.push(gateway);
  return { upstream, gateway, crossed };
}

async function connect(gateway: TestGateway, era: (typeof ERAS)[number], path = '/mcp'): Promise<Client> {
  const client = await connectV2(`${gateway.url}${path}`, era);
  open.push({ [Symbol.asyncDispose]: () => client.close() });
  return client;
}

const names = async (client: Client): Promise<string[]> => (await client.listTools()).tools.map(({ name }) => name);

interface Found {
  readonly found: number;
  readonly tools: readonly { name: string; description?: string; inputSchema: JsonObject }[];
}

const search = async (client: Client, args: JsonObject): Promise<Found> =>
  (await client.callTool({ name: 'search_tools', arguments: args })).structuredContent as Found;

describe.each(ERAS)(`an endpoint with more tools than wanted, %s ${claim('P-MCP-GW.search')}`, (era) => {
  it('lists the two tools that search, and only where there are more', async () => {
    const { gateway } = await setup(5);
    expect(await names(await connect(gateway, era))).toEqual(['call_tool', 'search_tools']);
    expect(await names(await connect(gateway, era, '/mcp/box'))).toEqual(['call_tool', 'search_tools']);
    expect(await names(await connect(gateway, era, '/mcp/v/small'))).toEqual(['sum']);
    expect(await names(await connect(gateway, era, '/mcp/v/hidden'))).toEqual(['call_tool', 'search_tools']);
  });

  it('lists everything unless it was set', async () => {
    const { gateway } = await setup(undefined);
    expect(await names(await connect(gateway, era))).toContain('box_add');
    await expect((await connect(gateway, era)).callTool({ name: 'search_tools', arguments: {} })).rejects.toThrow(
      'Unknown tool: search_tools',
    );
    await expect(
      (await connect(gateway, era)).callTool({ name: 'call_tool', arguments: { name: 'box_add' } }),
    ).rejects.toThrow('Unknown tool: call_tool');
  });

  it('finds by words, with what is needed for a call', async () => {
    const { gateway } = await setup(5);
    const { found, tools } = await search(await connect(gateway, era), { query: 'adding numbers', limit: 1 });
    expect(found).toBeGreaterThanOrEqual(1);
    expect(tools).toMatchObject([
      { name: 'box_add', description: 'Adds two numbers.', inputSchema: { required: ['a', 'b'] } },
    ]);
    const hidden = await connect(gateway, era, '/mcp/v/hidden');
    expect((await search(hidden, { query: 'total' })).tools).toMatchObject([{ name: 'sum' }]);
    expect((await search(hidden, { query: 'add' })).tools).toEqual([]);
  });

  it('calls what was found as if it were called itself: once, the real tool, the whole result', async () => {
    const { gateway, crossed, upstream } = await setup(5);
    const client = await connect(gateway, era);
    const direct = await client.callTool({ name: 'box_add', arguments: { a: 1, b: 2 } });
    const through = await client.callTool({
      name: 'call_tool',
      arguments: { name: 'box_add', arguments: { a: 1, b: 2 } },
    });
    expect(through).toEqual(direct);
    expect(crossed.map(({ target, message }) => [target.address, message.body.value])).toEqual([
      ['tool:box/add', { a: 1, b: 2 }],
      ['tool:box/add', { a: 1, b: 2 }],
    ]);
    expect(upstream.calls).toHaveLength(2);
    const hidden = await connect(gateway, era, '/mcp/v/hidden');
    expect(await hidden.callTool({ name: 'call_tool', arguments: { name: 'sum', arguments: { a: 1 } } })).toMatchObject(
      { structuredContent: { sum: 2 } },
    );
    expect(await client.callTool({ name: 'call_tool', arguments: { name: 'box_fail' } })).toMatchObject({
      isError: true,
      _meta: { 'example.com/errno': 2 },
    });
  });

  it.each([
    ['search_tools', {}, 'needs a "query"'],
    ['search_tools', { query: 'x'.repeat(1_001) }, 'at most 1000'],
    ['search_tools', { query: 'add', limit: 21 }, 'from 1 to 20'],
    ['call_tool', {}, 'needs the "name"'],
    ['call_tool', undefined, 'needs the "name"'],
    ['call_tool', { name: 'box_add', a: 1 }, '"a" belongs into "arguments"'],
    ['call_tool', { name: 'box_add', arguments: [1] }, 'have to be an object'],
    ['call_tool', { name: 'nothing' }, 'Unknown tool: nothing'],
    ['call_tool', { name: 'call_tool', arguments: { name: 'box_add' } }, 'Unknown tool: call_tool'],
  ])('refuses %s %j', async (name, args, message) => {
    const { gateway, crossed } = await setup(5);
    const client = await connect(gateway, era);
    await expect(client.callTool({ name, ...(args ? { arguments: args } : {}) })).rejects.toMatchObject({
      code: -32602,
      message: expect.stringContaining(message),
    });
    expect(crossed).toEqual([]);
  });

  it('asks, and takes the answer to the call inside', async () => {
    const { gateway } = await setup(5);
    const client = await connectV2(`${gateway.url}/mcp`, era, {
      capabilities: { elicitation: {} },
      prepare: (made) =>
        made.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { name: 'Ann' } })),
    });
    open.push({ [Symbol.asyncDispose]: () => client.close() });
    expect(await client.callTool({ name: 'call_tool', arguments: { name: 'box_greet' } })).toMatchObject({
      content: [{ type: 'text', text: 'Hello Ann' }],
    });
  });
});

it(`is answered alike with and without the SDK ${claim('P-MCP-GW.search')}`, async () => {
  const upstream = await startHttpUpstream('modern');
  open.push(upstream);
  const answers = await Promise.all(
    [true, false].map(async (fastCalls) => {
      const gateway = await createTestGateway({
        servers: { box: { url: upstream.url } },
        edge: { searchAbove: 0, fastCalls },
      });
      open.push(gateway);
      const call = (name: string, args: JsonObject) =>
        post(`${gateway.url}/mcp`, 'tools/call', { name, arguments: args });
      return [
        await call('search_tools', { query: 'add numbers' }),
        await call('call_tool', { name: 'box_add', arguments: { a: 1, b: 2 } }),
        await call('call_tool', { name: 'box_add', stray: 1 }),
      ];
    }),
  );
  expect(answers[0]).toEqual(answers[1]);
});

describe('the ranking of tools', () => {
  const tool = (name: string, description: string, properties: JsonObject = {}) => ({
    name,
    definition: { description, inputSchema: { type: 'object', properties } } as JsonObject,
  });
  const TOOLS = [
    tool('files_read_text_file', 'Reads a file.', { path: { type: 'string' } }),
    tool('files_write_file', 'Writes a file.', { path: { type: 'string' }, content: { type: 'string' } }),
    tool('memory_search_nodes', 'Finds nodes in the knowledge graph.', { query: { type: 'string' } }),
    tool('sendMail', 'Sends a message.', { to: { type: 'string', description: 'The recipient’s address.' } }),
  ];
  const found = (query: string): string[] => rank(query, TOOLS).map(({ name }) => name);

  it('prefers rare words and names, and finds words of arguments', () => {
    expect(found('read files')).toEqual(['files_read_text_file', 'files_write_file']);
    expect(found('knowledge')).toEqual(['memory_search_nodes']);
    expect(found('mail')).toEqual(['sendMail']);
    expect(found('recipient')).toEqual(['sendMail']);
    expect(found('READ_TEXT')).toEqual(['files_read_text_file']);
    expect(found('weather')).toEqual([]);
  });

  it('is the same whatever the order, with equals by name', () => {
    const same = [tool('b', 'Twin.'), tool('a', 'Twin.'), tool('c', 'Twin.')];
    for (const order of [same, same.toReversed()])
      expect(rank('twin', order).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  it.each([
    ['Deprecated. Reads a file.'],
    ['Reads a file. DEPRECATED: Use read_text_file instead.'],
    ['Reads a file.\n\n**Deprecated** since 2.0'],
    ['[deprecated] Reads a file.'],
    ['Reads a file (deprecated since 2.0).'],
    ['Reads a file. This tool is deprecated.'],
    ['@deprecated Use read_text_file. Reads a file.'],
  ])('puts a deprecated tool behind the one that does the same: %s', (description) => {
    const tools = [tool('read_file', description), tool('read_text_file', 'Reads a file as text.'), ...TOOLS.slice(2)];
    expect(rank('read file', tools).map(({ name }) => name)).toEqual(['read_text_file', 'read_file']);
    expect(rank('read file', [tools[0]!, ...TOOLS.slice(2)]).map(({ name }) => name)).toEqual(['read_file']);
  });

  it('takes a title at its word too', () => {
    const [old, current] = [tool('read_file', 'Reads a file.'), tool('read_text_file', 'Reads a file as text.')];
    const titled = { ...old, definition: { ...old.definition, title: 'Read File (Deprecated)' } };
    expect(rank('read file', [titled, current]).map(({ name }) => name)).toEqual(['read_text_file', 'read_file']);
  });

  it.each([
    ['Finds deprecated packages.'],
    ['Says whether a package is deprecated.'],
    ['Lists versions: current, deprecated, yanked.'],
    ['Lists non-deprecated packages; see is_deprecated.'],
    ['Lists versions of a package (deprecated or yanked ones too).'],
  ])('has nothing against a tool for deprecated things: %s', (description) => {
    const twin = tool('b_packages', description.replaceAll('deprecated', 'outdated'));
    expect(rank('packages', [twin, tool('a_packages', description)])[0]?.name).toBe('a_packages');
  });

  it('is quick for thousands of tools', () => {
    const many = Array.from({ length: 5_000 }, (_, i) => tool(`tool_${i}`, `Does thing number ${i}. `.repeat(10)));
    expect(rank('thing number 4711', many)[0]?.name).toBe('tool_4711');
  });
});
