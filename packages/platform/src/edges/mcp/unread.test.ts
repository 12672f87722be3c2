import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { claim } from '@aip/conformance';
import { afterEach, describe, expect, it } from 'vitest';
import { trusting } from '../../exchange/testing.ts';
import { answerWith } from './fetch-adapter.ts';
import { createUnread, requireReader, writeOn } from './unread.ts';

const MEGABYTE = Buffer.alloc(1024 * 1024, 'x');
const principal = (token: string) => trusting({ kind: 'bearer', token });
const limited = expect.objectContaining({ code: 'RATE_LIMITED' });

const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0)) close();
});

/** Opens a response whose client does not read. */
async function startServer(): Promise<() => Promise<ServerResponse>> {
  const server = createServer().listen(0, '127.0.0.1');
  opened.push(() => server.close().closeAllConnections());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return async () => {
    const socket = connect({ port, host: '127.0.0.1' }).pause();
    socket.on('error', () => {});
    opened.push(() => socket.destroy());
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    const [, response] = (await once(server, 'request')) as [unknown, ServerResponse];
    return response;
  };
}

describe(`what nobody reads ${claim('G-GUARD.shares')}`, () => {
  it('ends a stream on which too much of it waits, however large one message may be', async () => {
    const open = await startServer();
    const response = await open();
    expect(writeOn(response, Buffer.alloc(20 * MEGABYTE.length))).toBe(true);
    expect(writeOn(response, 'more')).toBe(false);
    expect(response.destroyed).toBe(true);
  });

  it('ends the streams of a caller for whom too much of it waits on others, and lets it ask no more', async () => {
    const open = await startServer();
    const unread = createUnread();
    const [first, second, third, fourth, other] = [
      await open(),
      await open(),
      await open(),
      await open(),
      await open(),
    ];
    for (const response of [first, second, third, fourth]) unread.watch(principal('mallory'), response);
    unread.watch(principal('bob'), other);
    for (const response of [first, second]) writeOn(response, Buffer.alloc(20 * MEGABYTE.length));
    const late = await open();
    expect(() => unread.watch(principal('mallory'), late)).toThrow(limited);
    expect(() => requireReader(fourth)).toThrow(limited);
    expect(fourth.destroyed).toBe(true);
    expect(writeOn(third, 'more')).toBe(false);
    expect(writeOn(other, 'more')).toBe(true);
    expect(() => requireReader(other)).not.toThrow();
    first.destroy();
    second.destroy();
    await Promise.all([once(first, 'close'), once(second, 'close')]);
    expect(() => unread.watch(principal('mallory'), late)).not.toThrow();
  });

  it('does not pile up in the SDK, which waits for nobody', async () => {
    const open = await startServer();
    const response = await open();
    const reader = new AbortController();
    let sent = 0;
    const body = new ReadableStream({
      async start(controller) {
        for (; sent < 64 && !reader.signal.aborted; sent++) {
          controller.enqueue(MEGABYTE);
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
      cancel: () => reader.abort(),
    });
    await answerWith(new Response(body, { headers: { 'content-type': 'text/event-stream' } }), response);
    await expect.poll(() => [response.destroyed, reader.signal.aborted]).toEqual([true, true]);
    expect(sent).toBeLessThan(64);
  });

  it('is no matter to who reads', async () => {
    const server = createServer((_request, response) => {
      const body = new ReadableStream({
        async start(controller) {
          for (let n = 0; n < 40; n++) {
            controller.enqueue(MEGABYTE);
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
          controller.close();
        },
      });
      void answerWith(new Response(body, { headers: { 'content-type': 'text/event-stream' } }), response);
    }).listen(0, '127.0.0.1');
    opened.push(() => server.close().closeAllConnections());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const read = await (await fetch(`http://127.0.0.1:${port}/`)).arrayBuffer();
    expect(read.byteLength).toBe(40 * MEGABYTE.length);
  });
});
