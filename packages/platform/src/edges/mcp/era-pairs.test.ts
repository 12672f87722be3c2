import { claim } from '@aip/conformance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  connectPeerClient,
  startPeerServer,
  type ClientKind,
  type PeerClient,
  type PeerServer,
  type ServerKind,
} from './peers.testing.ts';
import { createTestGateway, type TestGateway } from './testing.ts';

const KINDS = ['v1', 'v2 legacy', 'v2 modern'] as const;
const pairs: readonly (readonly [ClientKind, ServerKind])[] = KINDS.flatMap((client) =>
  KINDS.map((server) => [client, server] as const),
);

describe.each(pairs)(
  `a client of the official SDK, %s, with a server of the official SDK, %s ${claim('P-MCP.eras')}`,
  (clientKind, serverKind) => {
    let server: PeerServer;
    let gateway: TestGateway;
    let client: PeerClient;

    beforeAll(async () => {
      server = await startPeerServer(serverKind);
      gateway = await createTestGateway({ servers: { peer: { url: server.url } } });
      client = await connectPeerClient(clientKind, `${gateway.url}/mcp/peer`);
      await client.tools();
    });
    afterAll(async () => {
      for (const item of [client, gateway, server]) await item[Symbol.asyncDispose]();
    });

    it.each([
      ['form', { action: 'accept', content: { name: 'Ada' } }],
      ['page', { action: 'accept' }],
      ['model', { role: 'assistant', content: { text: 'four' } }],
      ['roots', { roots: [{ uri: 'file:///home', name: 'home' }] }],
    ])('answers what the server asks in the middle of a call: %s', async (name, answer) => {
      expect(JSON.parse(await client.call(name))).toMatchObject(answer);
    });

    it('hears how far a call has come', async () => {
      const seen: number[] = [];
      await client.call('work', { onprogress: (progress) => seen.push(progress) });
      expect(seen).toEqual([1, 2]);
    });

    it('cancels a call all the way', async () => {
      const { cancelled } = server;
      const stop = new AbortController();
      const call = client.call('hang', { signal: stop.signal });
      call.catch(() => {});
      await expect.poll(() => server.running).toBe(1);
      stop.abort();
      await expect(call).rejects.toThrow();
      await expect.poll(() => server.cancelled).toBe(cancelled + 1);
    });

    it(`hears what the server logs during a call ${claim('P-MCP.logging')}`, async () => {
      await client.call('log');
      await expect.poll(() => client.told.logged).toEqual(['something happened']);
    });

    it('hears that the list of tools has changed', async () => {
      const { toolChanges } = client.told;
      const before = await client.tools();
      server.grow();
      await expect.poll(() => client.told.toolChanges).toBeGreaterThan(toolChanges);
      await expect.poll(async () => (await client.tools()).length).toBe(before.length + 1);
    });

    it(`hears that a resource has changed that it subscribes to ${claim('P-MCP.subscriptions')}`, async () => {
      await client.subscribe('note://1');
      server.touch();
      await expect.poll(() => client.told.updated).toEqual(['note://1']);
    });
  },
);
