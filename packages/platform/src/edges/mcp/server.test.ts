import { claim } from '@aip/conformance';
import type { Client } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  connectV1,
  connectV2,
  createTestGateway,
  ERAS,
  startHttpUpstream,
  type TestGateway,
  type TestUpstream,
} from './testing.ts';

let upstream: TestUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startHttpUpstream('modern');
  gateway = await createTestGateway({ servers: { box: { url: upstream.url, headers: { 'x-key': 'upstream-key' } } } });
  gateway.agent('travel-agent', 'book', async function* (call) {
    yield { type: 'output', body: { type: 'text', value: 'looking' } };
    yield { type: 'done', body: { type: 'data', value: { booked: call.message.body.value as never } } };
  });
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

describe.each(ERAS)('a client of the official v2 SDK, %s', (era) => {
  let client: Client;
  beforeAll(async () => {
    client = await connectV2(`${gateway.url}/mcp`, era);
  });
  afterAll(() => client.close());

  it(`sees upstream tools, skills and operations under prefixed names ${claim('P-MCP.modern', 'P-MCP.legacy', 'P-MCP-GW.federation')}`, async () => {
    expect(client.getProtocolEra()).toBe(era === 'auto' ? 'modern' : 'legacy');
    const { tools } = await client.listTools();
    const names = tools.map((tool) => tool.name);
    expect(names).toEqual(
      expect.arrayContaining(['box_add', 'travel-agent_book', 'aip_catalogue_list', 'aip_tasks_get']),
    );
    expect(names).toEqual(names.toSorted());
    const add = tools.find((tool) => tool.name === 'box_add');
    expect(add).toMatchObject({
      description: 'Adds two numbers.',
      inputSchema: { type: 'object', required: ['a', 'b'] },
      outputSchema: { required: ['sum'] },
    });
  });

  it(`gets an upstream’s result whole ${claim('P-MCP.errors')}`, async () => {
    expect(await client.callTool({ name: 'box_add', arguments: { a: 2, b: 3 } })).toMatchObject({
      content: [{ type: 'text', text: '5' }],
      structuredContent: { sum: 5 },
      _meta: { 'example.com/unit': 'apples' },
    });
    expect(await client.callTool({ name: 'box_fail', arguments: {} })).toMatchObject({
      isError: true,
      content: [{ text: 'no such file' }],
      _meta: { 'example.com/errno': 2 },
    });
    const { read } = gateway.exchange.journal;
    const settled = read.entries('default', { from: 0, limit: 1_000 }).filter(({ kind }) => kind === 'settle');
    expect(settled.at(-1)?.head).toMatchObject({ state: 'failed', code: 'TOOL_FAILED' });
  });

  it('calls an agent’s skill and an operation of the platform', async () => {
    expect(await client.callTool({ name: 'travel-agent_book', arguments: { to: 'Rome' } })).toMatchObject({
      structuredContent: { booked: { to: 'Rome' } },
    });
    const listed = await client.callTool({ name: 'aip_catalogue_list', arguments: { kind: 'skill' } });
    expect(listed.structuredContent).toMatchObject({ entries: [{ name: 'book' }] });
  });

  it(`is told -32602 for a tool that is not there ${claim('P-MCP.errors')}`, async () => {
    await expect(client.callTool({ name: 'box_nothing', arguments: {} })).rejects.toMatchObject({ code: -32602 });
    await expect(client.callTool({ name: 'add', arguments: { a: 1, b: 1 } })).rejects.toMatchObject({ code: -32602 });
  });

  it(`reads resources, templates and prompts, and completes their arguments ${claim('P-MCP.resources')}`, async () => {
    const { resources } = await client.listResources();
    expect(resources.map((resource) => resource.uri)).toEqual(['mcp:box/note://1']);
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates.map((template) => template.uriTemplate)).toEqual(['mcp:box/note://{id}']);
    expect((await client.readResource({ uri: 'mcp:box/note://1' })).contents).toEqual([
      { uri: 'mcp:box/note://1', text: 'first' },
    ]);
    expect((await client.readResource({ uri: 'mcp:box/note://7' })).contents).toEqual([
      { uri: 'mcp:box/note://7', text: 'note 7' },
    ]);
    await expect(client.readResource({ uri: 'mcp:nowhere/note://7' })).rejects.toMatchObject({ code: -32602 });

    const { prompts } = await client.listPrompts();
    expect(prompts).toMatchObject([{ name: 'box_hello', arguments: [{ name: 'who' }] }]);
    expect(await client.getPrompt({ name: 'box_hello', arguments: { who: 'Ada' } })).toMatchObject({
      messages: [{ content: { text: 'Say hello to Ada' } }],
    });
    const completion = await client.complete({
      ref: { type: 'ref/resource', uri: 'mcp:box/note://{id}' },
      argument: { name: 'id', value: '' },
    });
    expect(completion.completion.values).toEqual(['1', '2']);
  });

  it('finds a linked resource under the URI that the link names', async () => {
    const { content } = await client.callTool({ name: 'box_link', arguments: {} });
    expect(content[0]).toMatchObject({ type: 'resource_link', uri: 'mcp:box/note://1' });
  });

  it(`is kept informed by progress whose numbers rise ${claim('P-MCP.progress')}`, async () => {
    const seen: { progress: number; message?: string | undefined }[] = [];
    await client.callTool({ name: 'box_work', arguments: {} }, { onprogress: (progress) => seen.push(progress) });
    expect(seen).toMatchObject([
      { progress: 1, total: 2, message: 'step 1' },
      { progress: 2, message: 'step 2' },
    ]);
    const streamed: typeof seen = [];
    await client.callTool(
      { name: 'travel-agent_book', arguments: {} },
      { onprogress: (progress) => streamed.push(progress) },
    );
    expect(streamed.map(({ message }) => message)).toEqual(['looking']);
  });

  it(`cancels a call all the way to the upstream ${claim('P-MCP.cancel')}`, async () => {
    const before = upstream.cancelled.length;
    const started = upstream.calls.length;
    const stop = new AbortController();
    const call = client.callTool({ name: 'box_hang', arguments: {} }, { signal: stop.signal });
    call.catch(() => {});
    await expect.poll(() => upstream.calls.length).toBeGreaterThan(started);
    stop.abort('changed my mind');
    await expect(call).rejects.toThrow();
    await expect.poll(() => upstream.cancelled.length).toBe(before + 1);
  });

  it(`sees one server or agent alone under its own names ${claim('P-MCP-GW.federation')}`, async () => {
    const alone = await connectV2(`${gateway.url}/mcp/box`, era);
    const { tools } = await alone.listTools();
    expect(tools.map((tool) => tool.name)).toEqual(['add', 'fail', 'greet', 'hang', 'huge', 'link', 'work']);
    expect(await alone.callTool({ name: 'add', arguments: { a: 1, b: 1 } })).toMatchObject({
      structuredContent: { sum: 2 },
    });
    expect((await alone.listResources()).resources.map((resource) => resource.uri)).toEqual(['note://1']);
    expect((await alone.readResource({ uri: 'note://1' })).contents).toMatchObject([{ uri: 'note://1' }]);
    await expect(alone.callTool({ name: 'travel-agent_book', arguments: {} })).rejects.toMatchObject({ code: -32602 });
    await alone.close();

    for (const name of ['travel-agent', 'did:key:z6Mktravel-agent']) {
      const agent = await connectV2(`${gateway.url}/mcp/${name}`, era);
      expect((await agent.listTools()).tools.map((tool) => tool.name)).toEqual(['book']);
      expect(await agent.callTool({ name: 'book', arguments: {} })).toMatchObject({
        structuredContent: { booked: {} },
      });
      await agent.close();
    }
  });

  it(`is told when an upstream’s tools change ${claim('P-MCP-GW.changes')}`, async () => {
    let changes = 0;
    const watching = await connectV2(`${gateway.url}/mcp`, era, {
      listChanged: { tools: { onChanged: () => changes++ } },
    });
    await watching.listTools();
    const name = `new-${era}`;
    upstream.grow(name);
    await expect.poll(() => changes).toBeGreaterThan(0);
    await expect
      .poll(async () =>
        (await watching.listTools(undefined, { cacheMode: 'refresh' })).tools.some(
          (tool) => tool.name === `box_${name}`,
        ),
      )
      .toBe(true);
    await watching.close();
    gateway.exchange.catalogue.put(
      'box',
      gateway.exchange.catalogue.list({ owner: 'box' }).filter((entry) => entry.name !== name),
    );
  });
});

it(`serves the official v1 client as well ${claim('P-MCP.legacy')}`, async () => {
  const client = await connectV1(`${gateway.url}/mcp`);
  expect((await client.listTools()).tools.map((tool) => tool.name)).toContain('box_add');
  expect(await client.callTool({ name: 'box_add', arguments: { a: 4, b: 5 } })).toMatchObject({
    structuredContent: { sum: 9 },
  });
  await expect(client.callTool({ name: 'nothing' })).rejects.toMatchObject({ code: -32602 });
  await client.close();
});

it(`sends an upstream the operator’s headers, never the client’s ${claim('P-MCP-GW.upstreams')}`, async () => {
  expect(upstream.headers.length).toBeGreaterThan(0);
  for (const headers of upstream.headers) {
    expect(headers['x-key']).toBe('upstream-key');
    expect(headers.authorization).toBeUndefined();
  }
});
