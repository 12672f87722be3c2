import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { claim } from '@aip/conformance';
import { afterEach, describe, expect, it } from 'vitest';
import { toolDigest } from '../../../kernel/definition.ts';
import { connectV2, createTestGateway, startHttpUpstream, type TestGateway, type TestUpstream } from '../testing.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0).toReversed()) await item[Symbol.asyncDispose]();
});

async function setup(
  era: 'modern' | 'legacy',
  more: object = {},
): Promise<{ upstream: TestUpstream; gateway: TestGateway }> {
  const upstream = await startHttpUpstream(era);
  open.push(upstream);
  const gateway = await createTestGateway({ servers: { box: { url: upstream.url, ...more } } });
  open.push(gateway);
  return { upstream, gateway };
}

const isActive = (gateway: TestGateway): boolean =>
  gateway.upstreams.status().every((status) => status.state === 'active');

it(`is said to be offline once, and again when the reason is another ${claim('P-MCP-GW.supervision')}`, async () => {
  let status = 500;
  let tries = 0;
  const server = createServer((_request, response) => {
    tries++;
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({ [Symbol.asyncDispose]: () => new Promise<void>((done) => void server.close(() => done())) });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  const said: unknown[] = [];
  const gateway = await createTestGateway({
    servers: { box: { url } },
    log: (_level, message, fields) => void (message === 'an MCP server is offline' && said.push(fields['error'])),
  });
  open.push(gateway);
  await expect.poll(() => gateway.upstreams.status()[0]?.failures, { timeout: 10_000 }).toBeGreaterThan(2);
  expect(said).toHaveLength(1);
  status = 403;
  await expect.poll(() => said.length, { timeout: 10_000 }).toBe(2);
  expect(said[1]).not.toBe(said[0]);
  expect(tries).toBeGreaterThan(3);
});

describe.each(['modern', 'legacy'] as const)('an upstream over HTTP, %s', (era) => {
  it(`is spoken to in its own era ${claim('P-MCP-GW.upstreams')}`, async () => {
    const { gateway } = await setup(era);
    expect(gateway.upstreams.status()).toEqual([
      {
        name: 'box',
        state: 'active',
        transport: 'http',
        reached: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
        era,
        since: expect.any(Number),
        tools: 7,
        failures: 0,
      },
    ]);
  });

  it(`is what the operator says it is, whatever it says of itself ${claim('P-MCP-GW.untrusted')}`, async () => {
    const { gateway } = await setup(era, { effects: { work: 'read' }, prices: { add: 3 }, default_price: 1 });
    const entry = (name: string) => gateway.exchange.catalogue.get(`tool:box/${name}`);
    // Its annotations call `add` harmless; nobody has to believe it.
    expect(entry('add')).toMatchObject({ effect: 'external', idempotent: false, price: 3, state: 'active' });
    expect(entry('work')).toMatchObject({ effect: 'read', idempotent: true, price: 1 });
    expect(entry('add')?.digest).toBe(toolDigest(entry('add')!.native!));
  });

  it(`fails its calls when it goes, and comes back by itself ${claim('P-MCP-GW.supervision')}`, async () => {
    const { upstream, gateway } = await setup(era);
    const client = await connectV2(`${gateway.url}/mcp`, 'auto');
    const running = client.callTool({ name: 'box_hang', arguments: {} });
    await expect.poll(() => upstream.calls.length).toBe(1);
    const crashed = performance.now();
    await upstream.crash();
    expect(await running).toMatchObject({ isError: true, _meta: { 'aip/error': { code: 'UPSTREAM_FAILED' } } });
    expect(performance.now() - crashed).toBeLessThan(1_000);
    expect(await client.callTool({ name: 'box_add', arguments: { a: 1, b: 1 } })).toMatchObject({
      isError: true,
      _meta: { 'aip/error': { code: 'UPSTREAM_FAILED' } },
    });
    await expect.poll(() => gateway.upstreams.status()[0]?.state).toBe('offline');
    expect((await client.listTools(undefined, { cacheMode: 'refresh' })).tools.map((tool) => tool.name)).toContain(
      'box_add',
    );
    await upstream.revive();
    await expect.poll(() => isActive(gateway)).toBe(true);
    expect(await client.callTool({ name: 'box_add', arguments: { a: 1, b: 1 } })).toMatchObject({
      structuredContent: { sum: 2 },
    });
    await client.close();
  });

  it(`cannot make anybody hold a result above ten megabytes ${claim('P-MCP-GW.limits')}`, async () => {
    const { gateway } = await setup(era);
    const client = await connectV2(`${gateway.url}/mcp`, 'auto');
    expect(await client.callTool({ name: 'box_huge', arguments: {} })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('larger than 10485760 bytes') }],
    });
    expect(await client.callTool({ name: 'box_add', arguments: { a: 1, b: 1 } })).toMatchObject({
      structuredContent: { sum: 2 },
    });
    await client.close();
  });
});

it('a session that the upstream has forgotten is renewed, and the call is made once', async () => {
  const { upstream, gateway } = await setup('legacy');
  await upstream.crash();
  await upstream.revive();
  const client = await connectV2(`${gateway.url}/mcp`, 'auto');
  expect(await client.callTool({ name: 'box_add', arguments: { a: 2, b: 2 } })).toMatchObject({
    structuredContent: { sum: 4 },
  });
  expect(upstream.calls).toHaveLength(1);
  await client.close();
});

it('a session of somebody who can be asked is renewed as well', async () => {
  const { upstream, gateway } = await setup('legacy');
  const client = await connectV2(`${gateway.url}/mcp`, 'auto', {
    capabilities: { elicitation: { form: {} } },
    prepare: (prepared) =>
      prepared.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { name: 'Ada' } })),
  });
  const greet = () => client.callTool({ name: 'box_greet', arguments: {} });
  expect(await greet()).toMatchObject({ content: [{ text: 'Hello Ada' }] });
  await upstream.crash();
  await upstream.revive();
  await expect.poll(() => isActive(gateway)).toBe(true);
  expect(await greet()).toMatchObject({ content: [{ text: 'Hello Ada' }] });
  await client.close();
});

describe(`what is no MCP server ${claim('P-MCP-GW.supervision')}`, () => {
  async function listenWith(answer: Parameters<typeof createServer>[1]): Promise<string> {
    const server: Server = createServer(answer);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({
      [Symbol.asyncDispose]: () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  }

  it.each([
    ['refuses the credentials', 401, 'refuses the credentials'],
    ['is another service', 404, 'HTTP 404'],
    ['is broken', 500, 'HTTP 500'],
  ])('%s: it is offline with a reason, and nothing else suffers', async (_what, status, reason) => {
    const upstream = await startHttpUpstream('modern');
    open.push(upstream);
    const url = await listenWith((_request, response) => void response.writeHead(status).end('no'));
    const gateway = await createTestGateway({ servers: { wrong: { url }, box: { url: upstream.url } } });
    open.push(gateway);
    const statuses = gateway.upstreams.status();
    expect(statuses.find((entry) => entry.name === 'box')).toMatchObject({ state: 'active' });
    expect(statuses.find((entry) => entry.name === 'wrong')).toMatchObject({
      state: 'offline',
      error: expect.stringContaining(reason),
    });
  });

  it('redirects elsewhere: it is not followed', async () => {
    let reached = 0;
    const inside = await listenWith((_request, response) => {
      reached++;
      response.end();
    });
    const url = await listenWith((_request, response) => void response.writeHead(307, { location: inside }).end());
    const gateway = await createTestGateway({ servers: { wrong: { url } } });
    open.push(gateway);
    expect(gateway.upstreams.status()).toMatchObject([{ state: 'offline' }]);
    expect(reached).toBe(0);
  });
});

it('servers are added and removed while the platform runs', async () => {
  const { upstream, gateway } = await setup('modern');
  expect(() => gateway.upstreams.add('box', { url: upstream.url })).toThrow(/already/);
  for (const name of ['aip', 'operations', 'a/b', '', 'x'.repeat(40)])
    expect(() => gateway.upstreams.add(name, { url: upstream.url })).toThrow(/mcp\.servers/);
  gateway.upstreams.add('second', { url: upstream.url });
  await gateway.upstreams.settled(5_000);
  const client = await connectV2(`${gateway.url}/mcp`, 'auto');
  expect((await client.listTools()).tools.map((tool) => tool.name)).toEqual(
    expect.arrayContaining(['box_add', 'second_add']),
  );
  await gateway.upstreams.remove('second');
  expect((await client.listTools(undefined, { cacheMode: 'refresh' })).tools.map((tool) => tool.name)).not.toContain(
    'second_add',
  );
  await expect(client.callTool({ name: 'second_add', arguments: { a: 1, b: 1 } })).rejects.toMatchObject({
    code: -32602,
  });
  await client.close();
});

it.each(['tools/list', 'server/discover'])(
  'a server that is removed while %s is on its way is gone at once',
  async (method) => {
    const upstream = await startHttpUpstream('modern');
    open.push(upstream);
    const asked = Promise.withResolvers<void>();
    const never: typeof fetch = (input, init) => {
      if (new Headers(init?.headers).get('mcp-method') !== method) return fetch(input, init);
      asked.resolve();
      return new Promise((_, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)));
    };
    const gateway = await createTestGateway({ fetchFor: () => never });
    open.push(gateway);
    gateway.upstreams.add('slow', { url: upstream.url });
    await asked.promise;
    const began = performance.now();
    await gateway.upstreams.remove('slow');
    expect(performance.now() - began).toBeLessThan(1_500);
    expect(gateway.exchange.catalogue.list({ owner: 'slow' })).toEqual([]);
  },
);

it('a server that is removed as it answers is gone as well', async () => {
  const { upstream, gateway } = await setup('modern');
  for (let round = 0; round < 20; round++) {
    gateway.upstreams.add('brief', { url: upstream.url });
    await new Promise((resolve) => setTimeout(resolve, round));
    await gateway.upstreams.remove('brief');
  }
  expect(gateway.exchange.catalogue.list({ owner: 'brief' })).toEqual([]);
});
