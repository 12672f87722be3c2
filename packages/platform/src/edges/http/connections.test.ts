import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { claim } from '@aip/conformance';
import { afterEach, describe, expect, it } from 'vitest';
import { recognise } from '../../exchange/index.ts';
import { createTestExchange } from '../../exchange/testing.ts';
import { boundConnections, type ConnectionLimits } from './connections.ts';
import { createHttpServer, receiveBodies } from './index.ts';

const MIB = 1024 * 1024;
const MEGABYTE = Buffer.alloc(MIB, 'x');
const opened: Disposable[] = [];
afterEach(() => {
  for (const item of opened.splice(0)) item[Symbol.dispose]();
});

/** A server that answers `/n` with n megabytes, and knows who says so. */
async function startServer(limits: Partial<ConnectionLimits>): Promise<{ port: number; open: ServerResponse[] }> {
  const open: ServerResponse[] = [];
  const server = createServer((request, response) => {
    open.push(response);
    if (request.headers.authorization !== undefined) recognise(request.socket);
    for (let n = Number(request.url!.slice(1)); n > 0; n--) response.write(MEGABYTE);
    if (request.url === '/0') response.end();
  });
  boundConnections(server, { interval: 20, ...limits });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  opened.push({ [Symbol.dispose]: () => (server.closeAllConnections(), server.close()) });
  return { port: (server.address() as AddressInfo).port, open };
}

interface Client {
  readonly socket: Socket;
  readonly ended: () => boolean;
}

/** A client that sends this much and no more, and reads nothing; each last number of 127.0.0.x is a network of its own. */
function client(port: number, sends: string, from = 1): Client {
  const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${from}` });
  let ended = false;
  socket.on('error', () => {});
  socket.on('close', () => (ended = true));
  socket.write(sends);
  opened.push({ [Symbol.dispose]: () => socket.destroy() });
  return { socket, ended: () => ended };
}

const asking = (megabytes: number, head = ''): string => `GET /${megabytes} HTTP/1.1\r\nhost: x\r\n${head}\r\n`;

function unread(port: number, megabytes: number, from = 1, head = ''): Client {
  const made = client(port, asking(megabytes, head), from);
  made.socket.pause();
  return made;
}

const answer = async ({ socket }: Client): Promise<string> => String((await once(socket, 'data'))[0]).slice(0, 15);

describe(`answers that nobody reads ${claim('G-GUARD.shares')}`, () => {
  it('are kept while they are few, and ended where most of them wait when they are many', async () => {
    const { port, open } = await startServer({ unread: 40 * MIB });
    unread(port, 15, 1);
    unread(port, 16, 2);
    await expect.poll(() => open.length).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(open.map(({ destroyed }) => destroyed)).toEqual([false, false]);
    unread(port, 30, 3);
    await expect.poll(() => open.map(({ destroyed }) => destroyed)).toEqual([false, true, true]);
  });

  it('are ended at the network of strangers that has most of them, however many connections it has them on', async () => {
    const { port, open } = await startServer({ unread: 80 * MIB });
    unread(port, 16, 1);
    unread(port, 16, 2, 'authorization: Bearer alice\r\n');
    await expect.poll(() => open.length).toBe(2);
    for (let n = 0; n < 30; n++) unread(port, 12, 2);
    await expect.poll(() => open.slice(2).filter(({ destroyed }) => destroyed).length).toBeGreaterThan(10);
    expect(open.slice(0, 2).map(({ destroyed }) => destroyed)).toEqual([false, false]);
  });

  it('end nobody for whom nothing waits, such as others behind the same proxy', async () => {
    const { port, open } = await startServer({ unread: 40 * MIB });
    const others = Array.from({ length: 3 }, () => client(port, asking(0)));
    for (const other of others) await answer(other);
    unread(port, 40, 1);
    unread(port, 32, 2);
    await expect.poll(() => open.slice(3).map(({ destroyed }) => destroyed)).toEqual([true, true]);
    expect(others.map(({ ended }) => ended())).toEqual([false, false, false]);
  });
});

describe(`connections on which nothing happens ${claim('G-GUARD.shares')}`, () => {
  it('of one network make room for everybody else, the oldest first', async () => {
    const { port, open } = await startServer({ crowded: 20 });
    const slow = 'GET / HTTP/1.1\r\nhost: x\r\nx-slow: ';
    const neighbours = Array.from({ length: 4 }, (_, n) => client(port, slow, 3 + n));
    const known = client(port, asking(0, 'authorization: Bearer alice\r\n'), 2);
    expect(await answer(known)).toBe('HTTP/1.1 200 OK');
    const flood: Client[] = [];
    for (let n = 0; n < 60; n++) {
      flood.push(client(port, slow, 2));
      await once(flood.at(-1)!.socket, 'connect');
    }
    await expect.poll(() => flood.filter(({ ended }) => ended()).length).toBeGreaterThanOrEqual(45);
    expect(flood[0]?.ended()).toBe(true);
    expect(flood.at(-1)?.ended()).toBe(false);
    // Nobody else has noticed, and whoever comes is answered.
    expect([known, ...neighbours].map(({ ended }) => ended())).toEqual([false, false, false, false, false]);
    known.socket.write(asking(0));
    expect(await answer(known)).toBe('HTTP/1.1 200 OK');
    expect(await answer(client(port, asking(0), 7))).toBe('HTTP/1.1 200 OK');
    expect(open.length).toBe(3);
  });

  it('of as many networks as there are connections make room too, when there is none left', async () => {
    const { port } = await startServer({ total: 12, crowded: 6 });
    const known = client(port, asking(0, 'authorization: Bearer alice\r\n'));
    expect(await answer(known)).toBe('HTTP/1.1 200 OK');
    const flood: Client[] = [];
    for (let n = 0; n < 40; n++) {
      flood.push(client(port, 'GET / HTTP/1.1\r\n', 2 + n));
      await once(flood.at(-1)!.socket, 'connect');
    }
    expect(await answer(client(port, asking(0), 99))).toBe('HTTP/1.1 200 OK');
    expect(known.ended()).toBe(false);
  });

  it('are all taken by those who say who they are, and no stranger is ended for coming last', async () => {
    const { port } = await startServer({ crowded: 5 });
    const known: Client[] = [];
    for (let n = 0; n < 8; n++) {
      known.push(client(port, asking(0, 'authorization: Bearer alice\r\n')));
      expect(await answer(known[n]!)).toBe('HTTP/1.1 200 OK');
    }
    expect(await answer(client(port, asking(0)))).toBe('HTTP/1.1 200 OK');
    expect(known.map(({ ended }) => ended())).toEqual(known.map(() => false));
  });
});

it(`a connection is a stranger’s until a valid token has come over it ${claim('G-GUARD.shares')}`, async () => {
  await using made = await createTestExchange();
  const app = createHttpServer({ hosts: [] });
  receiveBodies(app, made.exchange);
  app.get('/', async () => 'ok');
  const limited = createServer();
  boundConnections(limited, { crowded: 4 });
  app.server.on('connection', (socket) => limited.emit('connection', socket));
  await app.listen({ host: '127.0.0.1', port: 0 });
  opened.push({ [Symbol.dispose]: () => void app.close() });
  const { port } = app.server.address() as AddressInfo;
  const ask = (token: string): string => `GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: ${token}\r\n\r\n`;
  const alice = client(port, ask('Bearer alice'));
  expect(await answer(alice)).toBe('HTTP/1.1 200 OK');
  const wrong = client(port, ask('Basic bWFsbG9yeQ=='));
  await answer(wrong);
  const later = Array.from({ length: 4 }, () => client(port, 'GET / HTTP/1.1\r\n'));
  await expect.poll(() => wrong.ended()).toBe(true);
  expect([alice, later.at(-1)!].map(({ ended }) => ended())).toEqual([false, false]);
});
