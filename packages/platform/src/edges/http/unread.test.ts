import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { claim } from '@aip/conformance';
import { afterEach, describe, expect, it } from 'vitest';
import { endUnread } from './unread.ts';

const MEGABYTE = Buffer.alloc(1024 * 1024, 'x');
const opened: Disposable[] = [];
afterEach(() => {
  for (const item of opened.splice(0)) item[Symbol.dispose]();
});

/** A server that answers `/n` with n megabytes, and keeps to 40 of them. */
async function startServer(): Promise<{ port: number; open: ServerResponse[] }> {
  const open: ServerResponse[] = [];
  const server = createServer((request, response) => {
    open.push(response);
    for (let n = Number(request.url!.slice(1)); n > 0; n--) response.write(MEGABYTE);
  });
  endUnread(server, { total: 40 * 1024 * 1024, interval: 20 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push({ [Symbol.dispose]: () => (server.closeAllConnections(), server.close()) });
  return { port: (server.address() as AddressInfo).port, open };
}

function ask(port: number, megabytes: number): Socket {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.pause();
  socket.write(`GET /${megabytes} HTTP/1.1\r\nhost: x\r\n\r\n`);
  opened.push({ [Symbol.dispose]: () => socket.destroy() });
  return socket;
}

describe(`answers that nobody reads ${claim('G-GUARD.shares')}`, () => {
  it('are kept while they are few, and ended where most of them wait when they are many', async () => {
    const { port, open } = await startServer();
    ask(port, 15);
    ask(port, 16);
    await expect.poll(() => open.length).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(open.map(({ destroyed }) => destroyed)).toEqual([false, false]);
    ask(port, 30);
    await expect.poll(() => open.map(({ destroyed }) => destroyed)).toEqual([false, true, true]);
  });
});
