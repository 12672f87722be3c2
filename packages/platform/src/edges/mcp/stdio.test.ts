import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { claim } from '@aip/conformance';
import { Client } from '@modelcontextprotocol/client';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { afterEach, describe, expect, it } from 'vitest';
import { serveMcpStdio, type McpStdio } from './index.ts';
import { startPeerServer, type PeerServer } from './peers.testing.ts';
import { createTestGateway, ERAS, type TestGateway, type TestGatewayOptions } from './testing.ts';

const MIB = 1024 * 1024;
const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0)) await item[Symbol.asyncDispose]();
});

/** A client at the other end of the pipes. */
async function setup(
  mode: (typeof ERAS)[number],
  onChanged = (): void => {},
  options: TestGatewayOptions = {},
): Promise<{ gateway: TestGateway; client: Client; served: McpStdio }> {
  const gateway = await createTestGateway(options);
  open.push(gateway);
  gateway.agent('echo', 'say', async function* (call) {
    yield {
      type: 'done',
      body: { type: 'data', value: { from: call.message.from.id, said: call.message.body.value as never } },
    };
  });
  const [toServer, toClient] = [new PassThrough(), new PassThrough()];
  const served = serveMcpStdio(
    gateway.exchange,
    { kind: 'local', name: 'terminal', roles: ['caller'] },
    { stdin: toServer, stdout: toClient, watch: gateway.upstreams.watch, extensions: gateway.upstreams.extensions },
  );
  const client = new Client(
    { name: 'test', version: '1.0.0' },
    { versionNegotiation: { mode }, listChanged: { tools: { onChanged } } },
  );
  await client.connect(new StdioServerTransport(toClient, toServer));
  return { gateway, client, served };
}

/** The bare pipes, whose answers nobody reads yet. */
async function pipes(mode: (typeof ERAS)[number]) {
  const gateway = await createTestGateway();
  open.push(gateway);
  for (let n = 0; n < 20; n++)
    gateway.agent('echo', `say_${n}_${'x'.repeat(20)}`, async function* () {
      yield { type: 'done', body: { type: 'data', value: {} } };
    });
  const [toServer, toClient] = [new PassThrough(), new PassThrough()];
  const served = serveMcpStdio(
    gateway.exchange,
    { kind: 'local', name: 'terminal', roles: ['caller'] },
    { stdin: toServer, stdout: toClient },
  );
  const initialize = (): void => {
    if (mode === 'auto') return;
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
    toServer.write(`${JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params })}\n`);
    toServer.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
  };
  return { gateway, served, toServer, toClient, initialize };
}

function listTools(mode: (typeof ERAS)[number], id: number): string {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const params = mode === 'auto' ? { _meta } : {};
  return `${JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/list', params })}\n`;
}

describe.each(ERAS)(`a client on standard input and output, %s ${claim('P-MCP.stdio')}`, (era) => {
  it('lists and calls as the principal of the terminal', async () => {
    const { gateway, client, served } = await setup(era);
    expect(client.getProtocolEra()).toBe(era === 'auto' ? 'modern' : 'legacy');
    expect((await client.listTools()).tools.map((tool) => tool.name)).toContain('echo_say');
    const result = await client.callTool({ name: 'echo_say', arguments: { text: 'hi' } });
    expect(result.structuredContent).toEqual({ from: 'service:terminal', said: { text: 'hi' } });
    expect(gateway.exchange.sessions.size).toBe(1);
    await served.close();
    await served.closed;
    expect(gateway.exchange.sessions.size).toBe(0);
    await client.close();
  });

  it('is told when the tools change', async () => {
    let changes = 0;
    const { gateway, client, served } = await setup(era, () => changes++);
    await client.listTools();
    gateway.agent('newcomer', 'help', async function* () {});
    await expect.poll(() => changes).toBeGreaterThan(0);
    await served.close();
    await client.close();
  });

  async function watching(kind: 'v1' | 'v2 modern'): Promise<{ client: Client; peer: PeerServer; updated: string[] }> {
    const peer = await startPeerServer(kind);
    const { client, served } = await setup(era, undefined, { servers: { peer: { url: peer.url } } });
    open.push({
      async [Symbol.asyncDispose]() {
        await served.close();
        await client.close();
        await peer[Symbol.asyncDispose]();
      },
    });
    const updated: string[] = [];
    client.setNotificationHandler('notifications/resources/updated', ({ params }) => void updated.push(params.uri));
    return { client, peer, updated };
  }

  it.each(['v1', 'v2 modern'] as const)(
    `hears of resources that it watches at a server (%s), until it does not want to ${claim('P-MCP.subscriptions')}`,
    async (kind) => {
      const { client, peer, updated } = await watching(kind);
      const uri = 'mcp:peer/note://1';
      const stop =
        era === 'auto'
          ? await client.listen({ resourceSubscriptions: [uri] }).then((listening) => () => listening.close())
          : await client.subscribeResource({ uri }).then(() => () => client.unsubscribeResource({ uri }));
      peer.touch();
      await expect.poll(() => updated).toEqual([uri]);
      await stop();
      await expect.poll(() => peer.subscribed).toBe(0);
      peer.touch();
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(updated).toEqual([uri]);
    },
  );

  it(`is refused a resource that is not there ${claim('P-MCP.subscriptions')}`, async () => {
    const { client } = await watching('v1');
    const uri = 'mcp:other/note://1';
    const watch = era === 'auto' ? client.listen({ resourceSubscriptions: [uri] }) : client.subscribeResource({ uri });
    await expect(watch).rejects.toThrow(/no resource/);
  });

  it('is not read any further while it does not read itself', async () => {
    const { gateway, served, toServer, toClient, initialize } = await pipes(era);
    initialize();
    const asked = 1_000;
    for (let id = 1; id <= asked; id++) toServer.write(listTools(era, id));
    await expect.poll(() => toServer.isPaused()).toBe(true);
    expect(toClient.writableLength).toBeLessThan(32 * 1024 * 1024);
    // What it has asked for comes as soon as it reads.
    let answers = 0;
    createInterface(toClient).on('line', (line) => (answers += Number((JSON.parse(line) as { id: number }).id > 0)));
    await expect.poll(() => answers, { timeout: 20_000 }).toBe(asked);
    await served.close();
    expect(gateway.exchange.sessions.size).toBe(0);
  });

  it('ends with a word about why when a message is too large, and when nobody reads what nobody asked for', async () => {
    const large = await pipes(era);
    large.toServer.write(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":"${'x'.repeat(11 * MIB)}`);
    await expect(large.served.closed).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
      message: 'A message of the client on standard input has more than 10 MiB.',
    });
    const unread = await pipes(era);
    unread.toClient.write(Buffer.alloc(65 * MIB));
    unread.initialize();
    unread.toServer.write(listTools(era, 1));
    await expect(unread.served.closed).rejects.toMatchObject({ code: 'SLOW_CONSUMER' });
    for (const { gateway } of [large, unread]) expect(gateway.exchange.sessions.size).toBe(0);
  });

  it('ends when a kill closes its session', async () => {
    const { gateway, client, served } = await setup(era);
    for (const session of gateway.exchange.sessions.all()) session.close('KILLED', 'test');
    await served.closed;
    await client.close();
  });
});
