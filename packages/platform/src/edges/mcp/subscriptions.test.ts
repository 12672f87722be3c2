import { claim } from '@aip/conformance';
import { afterEach, describe, expect, it } from 'vitest';
import { errorBody } from '../../kernel/error-body.ts';
import { PASS, type Guard } from '../../kernel/guard.ts';
import { connectPeerClient, startPeerServer, type PeerServer, type ServerKind } from './peers.testing.ts';
import { createTestGateway, startHttpUpstream, type TestGateway } from './testing.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0).toReversed()) await item[Symbol.asyncDispose]();
});
function opened<T extends AsyncDisposable>(item: T): T {
  open.push(item);
  return item;
}

async function setup(kind: ServerKind, policy?: Guard): Promise<{ server: PeerServer; gateway: TestGateway }> {
  const server = opened(await startPeerServer(kind));
  const slots = policy ? { slots: { policy } } : {};
  const gateway = opened(await createTestGateway({ servers: { peer: { url: server.url } }, ...slots }));
  return { server, gateway };
}

const CLIENTS = ['v1', 'v2 modern'] as const;

describe(`a subscription to a resource ${claim('P-MCP.subscriptions')}`, () => {
  it.each(CLIENTS)('names the resource as the endpoint shows it (%s)', async (kind) => {
    const { server, gateway } = await setup('v2 legacy');
    const client = opened(await connectPeerClient(kind, `${gateway.url}/mcp`));
    await client.subscribe('mcp:peer/note://1');
    server.touch();
    await expect.poll(() => client.told.updated).toEqual(['mcp:peer/note://1']);
  });

  it('is one at the server, however many clients have it, and ends with the last of them', async () => {
    const { server, gateway } = await setup('v1');
    const clients = [];
    for (const kind of [...CLIENTS, ...CLIENTS])
      clients.push(opened(await connectPeerClient(kind, `${gateway.url}/mcp/peer`)));
    for (const client of clients) await client.subscribe('note://1');
    expect(server.subscribed).toBe(1);
    server.touch();
    for (const client of clients) await expect.poll(() => client.told.updated).toEqual(['note://1']);
    for (const session of gateway.exchange.sessions.all()) session.close('KILLED', 'test');
    await expect.poll(() => server.subscribed).toBe(0);
  });

  it.each(CLIENTS)('is for those who may read the resource (%s)', async (kind) => {
    const denies: Guard = {
      name: 'policy',
      admit: ({ message }) =>
        message.action === 'read' ? { verdict: 'deny', error: errorBody('PERMISSION_DENIED', 'Not this one.') } : PASS,
    };
    const { server, gateway } = await setup('v1', denies);
    const client = opened(await connectPeerClient(kind, `${gateway.url}/mcp/peer`));
    await expect(client.subscribe('note://1')).rejects.toThrow(/Not this one|403/);
    expect(server.subscribed).toBe(0);
  });

  it.each(CLIENTS)(
    `tells nothing while it is stopped, whoever keeps the session ${claim('G-KILL.stop')} (%s)`,
    async (kind) => {
      let stopped = false;
      const gate: Guard = {
        name: 'gate',
        admit: () => (stopped ? { verdict: 'deny', error: errorBody('KILLED', 'Stopped.') } : PASS),
      };
      const server = opened(await startPeerServer('v1'));
      const gateway = opened(await createTestGateway({ servers: { peer: { url: server.url } }, slots: { gate } }));
      const client = opened(await connectPeerClient(kind, `${gateway.url}/mcp/peer`));
      const witness = Promise.withResolvers<void>();
      await client.subscribe('note://1');
      await gateway.upstreams.watch('peer', 'note://1', witness.resolve);
      stopped = true;
      server.touch();
      await witness.promise;
      stopped = false;
      server.touch();
      await expect.poll(() => client.told.updated.length).toBeGreaterThan(0);
      expect(client.told.updated).toEqual(['note://1']);
    },
  );

  it.each(CLIENTS)('is refused for what is not there, and where the server cannot tell (%s)', async (kind) => {
    const upstream = opened(await startHttpUpstream('modern'));
    const gateway = opened(await createTestGateway({ servers: { box: { url: upstream.url } } }));
    const client = opened(await connectPeerClient(kind, `${gateway.url}/mcp`));
    await expect(client.subscribe('note://1')).rejects.toThrow(/no resource/);
    await expect(client.subscribe('mcp:box/note://1')).rejects.toThrow(/does not tell/);
  });

  it('outlives a server that has been away, and counts that as a change', async () => {
    const { server, gateway } = await setup('v1');
    const client = opened(await connectPeerClient('v1', `${gateway.url}/mcp/peer`));
    await client.subscribe('note://1');
    await server.restart();
    await expect.poll(() => client.told.updated, { timeout: 10_000 }).toEqual(['note://1']);
    server.touch();
    await expect.poll(() => client.told.updated).toEqual(['note://1', 'note://1']);
  });
});
