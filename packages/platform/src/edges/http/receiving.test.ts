import { connect } from 'node:net';
import { claim } from '@aip/conformance';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestExchange } from '../../exchange/testing.ts';
import { createHttpServer, receiveBodies } from './index.ts';

const MEGABYTE = 1024 * 1024;
const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0).toReversed()) await item[Symbol.asyncDispose]();
});

async function startServer(): Promise<(head: string, body?: string) => Promise<string>> {
  const made = await createTestExchange();
  open.push(made);
  const app = createHttpServer({ hosts: [] });
  receiveBodies(app, made.exchange);
  app.post('/', { bodyLimit: 4 * MEGABYTE }, async () => 'received');
  await app.listen({ host: '127.0.0.1', port: 0 });
  open.push({ [Symbol.asyncDispose]: () => app.close() });
  const { port } = app.server.address() as { port: number };
  return (head, body = '') => {
    const socket = connect({ port, host: '127.0.0.1' });
    open.push({ [Symbol.asyncDispose]: async () => void socket.destroy() });
    socket.write(`POST / HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: text/plain\r\n${head}\r\n\r\n${body}`);
    const answer = new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))));
    const silence = new Promise<string>((resolve) => setTimeout(resolve, 300, 'waits'));
    return Promise.race([answer, silence]);
  };
}

describe(`bodies ${claim('G-GUARD.shares')}`, () => {
  it('of strangers are small, said before they are received', async () => {
    const send = await startServer();
    expect(await send(`content-length: 2`, 'ok')).toMatch(/^HTTP\/1.1 200/);
    expect(await send(`content-length: ${MEGABYTE}`, 'o')).toMatch(/^HTTP\/1.1 401/);
    expect(await send('transfer-encoding: chunked', '1\r\no\r\n')).toMatch(/^HTTP\/1.1 401/);
    expect(await send(`authorization: Bearer alice\r\ncontent-length: 20000`, 'o'.repeat(20_000))).toMatch(/ 200 /);
  });

  it('that one caller does not end fill no more than its share', async () => {
    const send = await startServer();
    const from = (name: string, length: number) => `authorization: Bearer ${name}\r\ncontent-length: ${length}`;
    const held = await Promise.all(Array.from({ length: 16 }, () => send(from('mallory', 4 * MEGABYTE), 'o')));
    expect(new Set(held)).toEqual(new Set(['waits']));
    expect(await send(from('mallory', MEGABYTE), 'o')).toMatch(/^HTTP\/1.1 429/);
    expect(await send(from('bob', 20_000), 'o'.repeat(20_000))).toMatch(/ 200 /);
  });
});
