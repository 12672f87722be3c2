import { connect, type AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { expect, it } from 'vitest';
import { createStreams } from './sse.ts';
import { startGateway } from './testing.ts';

it('a stream waits for a slow reader instead of filling the memory, and stops when it leaves', async () => {
  await using gateway = await startGateway();
  let pulled = 0;
  let stopped = false;
  async function* endless() {
    try {
      for (;;) yield { response: { piece: ++pulled, filling: 'x'.repeat(64 * 1024) } };
    } finally {
      stopped = true;
    }
  }
  const app = Fastify();
  const streamEvents = createStreams(gateway.exchange);
  const principal = gateway.exchange.authenticate({ kind: 'bearer', token: 'alice' });
  app.get('/', (_request, reply) =>
    streamEvents(reply, principal, { event: (piece) => piece, error: String }, () => Promise.resolve(endless())),
  );
  await app.listen({ port: 0, host: '127.0.0.1' });
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1', () =>
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'),
  );
  await expect.poll(() => pulled).toBeGreaterThan(0);
  const settled = async () => {
    const before = pulled;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return pulled === before;
  };
  await expect.poll(settled, { timeout: 5_000 }).toBe(true);
  // What the kernel buffers on both ends of a socket, and not more.
  expect(pulled).toBeLessThan(500);
  socket.destroy();
  await expect.poll(() => stopped).toBe(true);
  await app.close();
});
