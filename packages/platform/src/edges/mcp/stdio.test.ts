import { PassThrough } from 'node:stream';
import { claim } from '@aip/conformance';
import { Client } from '@modelcontextprotocol/client';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { afterEach, describe, expect, it } from 'vitest';
import { serveMcpStdio, type McpStdio } from './index.ts';
import { startPeerServer, type PeerServer } from './peers.testing.ts';
import { createTestGateway, ERAS, type TestGateway, type TestGatewayOptions } from './testing.ts';

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

  it('ends when a kill closes its session', async () => {
    const { gateway, client, served } = await setup(era);
    for (const session of gateway.exchange.sessions.all()) session.close('KILLED', 'test');
    await served.closed;
    await client.close();
  });
});
