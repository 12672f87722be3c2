import { claim } from '@aip/conformance';
import type { EventStore } from '@modelcontextprotocol/server';
import { afterEach, describe, expect, it } from 'vitest';
import { createResumption } from './resumption.ts';
import { connectV1, connectV2, createTestGateway } from './testing.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0)) await item[Symbol.asyncDispose]();
});

const headers = (session?: string): Record<string, string> => ({
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  authorization: 'Bearer alice',
  ...(session === undefined ? {} : { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' }),
});

describe(`a stream that is lost in the middle of a call ${claim('P-MCP.resumption')}`, () => {
  it('is taken up again from the last event that the client has, and the call is not made again', async () => {
    const gateway = await createTestGateway();
    open.push(gateway);
    const go = Promise.withResolvers<void>();
    let calls = 0;
    gateway.agent('slow', 'work', async function* () {
      calls++;
      await go.promise;
      yield { type: 'progress', progress: 1 };
      yield { type: 'done', body: { type: 'text', value: 'worth waiting for' } };
    });
    const url = `${gateway.url}/mcp`;
    const post = (id: number, method: string, params: object, session?: string, signal?: AbortSignal) =>
      fetch(url, {
        method: 'POST',
        headers: headers(session),
        body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
        ...(signal ? { signal } : {}),
      });
    const initialized = await post(1, 'initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'test', version: '1' },
    });
    await initialized.text();
    const session = initialized.headers.get('mcp-session-id')!;

    const cut = new AbortController();
    const params = { name: 'slow_work', arguments: {}, _meta: { progressToken: 'p' } };
    const call = await post(2, 'tools/call', params, session, cut.signal);
    const first = new TextDecoder().decode((await call.body!.getReader().read()).value);
    // Before anything else: where to come back to, and when (2025-11-25, transports).
    expect(first).toMatch(/^id: \d+\nretry: \d+\ndata: \n\n/);
    const lastEventId = /^id: (\d+)/.exec(first)![1]!;
    cut.abort();
    go.resolve();
    await new Promise((resolve) => setTimeout(resolve, 100));

    const again = await fetch(url, { headers: { ...headers(session), 'last-event-id': lastEventId } });
    const rest = await again.text();
    expect(rest).toContain('"progress":1');
    expect(rest).toContain('worth waiting for');
    expect(calls).toBe(1);
    const never = await fetch(url, { headers: { ...headers(session), 'last-event-id': '999999' } });
    expect(never.status).toBe(400);
    await never.text();
  });
});

describe.each(['v1', 'v2'] as const)(
  `a call that takes longer than its stream, with the official client %s ${claim('P-MCP.polling')}`,
  (generation) => {
    it('is polled for by its client, which misses nothing', { timeout: 15_000 }, async () => {
      const gateway = await createTestGateway({ edge: { sessions: { stream: 200 } } });
      open.push(gateway);
      const go = Promise.withResolvers<void>();
      let calls = 0;
      gateway.agent('slow', 'work', async function* () {
        calls++;
        yield { type: 'progress', progress: 1 };
        await go.promise;
        yield { type: 'progress', progress: 2 };
        yield { type: 'done', body: { type: 'text', value: 'worth waiting for' } };
      });
      let gets = 0;
      gateway.app.server.on('request', (request) => {
        if (request.headers['last-event-id'] !== undefined) gets++;
      });
      const seen: number[] = [];
      const onprogress = ({ progress }: { progress: number }): void => void seen.push(progress);
      const call = { name: 'slow_work', arguments: {} };
      const client =
        generation === 'v1' ? await connectV1(`${gateway.url}/mcp`) : await connectV2(`${gateway.url}/mcp`, 'legacy');
      const result =
        'experimental' in client
          ? client.callTool(call, undefined, { onprogress })
          : client.callTool(call, { onprogress });
      // It comes back more than once: the stream that it took up again is closed as well.
      await expect.poll(() => gets, { timeout: 12_000 }).toBeGreaterThan(1);
      go.resolve();
      expect(await result).toMatchObject({ content: [{ text: 'worth waiting for' }] });
      expect(seen).toEqual([1, 2]);
      expect(calls).toBe(1);
      await client.close();
    });
  },
);

describe(`a session with many long calls behind it ${claim('P-MCP.polling')}`, () => {
  it('still lets its client poll for the next one', async () => {
    const gateway = await createTestGateway({ edge: { sessions: { stream: 50 } } });
    open.push(gateway);
    let go = Promise.withResolvers<void>();
    let running = 0;
    gateway.agent('slow', 'work', async function* () {
      running++;
      await go.promise;
      yield { type: 'done', body: { type: 'text', value: 'worth waiting for' } };
    });
    const post = (id: number, method: string, params: object, session?: string) =>
      fetch(`${gateway.url}/mcp`, {
        method: 'POST',
        headers: headers(session),
        body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
      });
    const clientInfo = { name: 'test', version: '1' };
    const initialized = await post(0, 'initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo });
    await initialized.text();
    const session = initialized.headers.get('mcp-session-id')!;
    const call = async (id: number): Promise<string> =>
      (await post(id, 'tools/call', { name: 'slow_work', arguments: { id } }, session)).text();

    const calls = Array.from({ length: 300 }, (_, id) => call(id + 1));
    for (const text of await Promise.all(calls)) expect(text).not.toContain('worth waiting for');
    expect(running).toBe(300);
    go.resolve();
    await expect.poll(() => gateway.exchange.live.size).toBe(0);
    go = Promise.withResolvers();
    // Its stream ends before the call does.
    expect(await call(301)).not.toContain('worth waiting for');
    go.resolve();
  });
});

describe(`what is kept for that ${claim('P-MCP.resumption')}`, () => {
  const message = (n: number, text = '') => ({ jsonrpc: '2.0' as const, method: 'n', params: { n, text } });
  async function replayed(store: EventStore, after: string): Promise<unknown[]> {
    const sent: unknown[] = [];
    await store.replayEventsAfter(after, {
      send: async (_id, event) => void sent.push((event as never)['params']['n']),
    });
    return sent;
  }

  it('is one stream of one session', async () => {
    const kept = createResumption();
    const [a, b] = [kept.storeOf('a', 'alice'), kept.storeOf('b', 'bob')];
    const first = await a.storeEvent('1', message(1));
    await a.storeEvent('2', message(2));
    await b.storeEvent('1', message(3));
    await a.storeEvent('1', message(4));
    expect(await replayed(a, first)).toEqual([4]);
    expect(await b.getStreamIdForEventId!(first)).toBeUndefined();
    await expect(replayed(b, first)).rejects.toThrow();
  });

  it('is bounded for each session and for all together, and goes with its session', async () => {
    const kept = createResumption({ perSession: 3, perPrincipal: 1_000, total: 1_000 });
    const [a, b] = [kept.storeOf('a', 'alice'), kept.storeOf('b', 'bob')];
    const ids = [];
    for (let n = 0; n < 5; n++) ids.push(await a.storeEvent('s', message(n)));
    expect(kept.size).toBe(3);
    expect(await a.getStreamIdForEventId!(ids[1]!)).toBeUndefined();
    expect(await replayed(a, ids[2]!)).toEqual([3, 4]);
    await b.storeEvent('s', message(9, 'x'.repeat(2_000)));
    // One that is too large for all is kept alone.
    expect(kept.size).toBe(1);
    kept.forget('b');
    expect(kept.size).toBe(0);
  });

  it('of one caller never drives out what is kept for another', async () => {
    const kept = createResumption({ perSession: 256, perPrincipal: 1_000, total: 2_000 });
    const bob = kept.storeOf('b', 'bob');
    const first = await bob.storeEvent('s', message(1));
    await bob.storeEvent('s', message(2));
    for (let n = 0; n < 50; n++) await kept.storeOf(`m${n}`, 'mallory').storeEvent('s', message(n, 'x'.repeat(200)));
    expect(await replayed(bob, first)).toEqual([2]);
    expect(kept.size).toBeLessThan(8);
    for (let n = 0; n < 50; n++) kept.forget(`m${n}`);
    kept.forget('b');
    expect(kept.size).toBe(0);
  });
});
