import { createServer, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from './testing.ts';
import { whenClosed } from './when-closed.ts';

const responses: ServerResponse[] = [];
const server = createServer((_, response) => void responses.push(response));
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => void server.close());

/** A request whose client can be made to vanish. */
async function open(): Promise<{ response: ServerResponse; vanish: () => void }> {
  const { port } = server.address() as AddressInfo;
  const asked = request({ port, host: '127.0.0.1' }).on('error', () => {});
  asked.end();
  await until(() => responses.length > 0);
  return { response: responses.pop() as ServerResponse, vanish: () => void asked.destroy() };
}

test('says once that the client is gone', async () => {
  const { response, vanish } = await open();
  let told = 0;
  whenClosed(response, () => told++);
  expect(told).toBe(0);
  vanish();
  await until(() => told === 1);
});

test('says so at once when it was gone before anybody asked: the event does not come a second time', async () => {
  const { response, vanish } = await open();
  vanish();
  await until(() => response.destroyed);
  await new Promise((resolve) => setTimeout(resolve, 20));
  let told = 0;
  whenClosed(response, () => told++);
  expect(told).toBe(1);
});

test('can be stopped', async () => {
  const { response, vanish } = await open();
  let told = 0;
  whenClosed(response, () => told++)();
  vanish();
  await until(() => response.destroyed);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(told).toBe(0);
});
