import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { claim } from '@aip/conformance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whyDisconnected } from './connection-failure.ts';
import { failureOf } from './failures.ts';

/** What talks plain HTTP, and a port where nothing listens any more. */
const http = createServer((_request, response) => response.end());
let port = 0;
let free = 0;
beforeAll(async () => {
  const gone = createServer();
  for (const server of [http, gone]) await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  [port, free] = [http, gone].map((server) => (server.address() as AddressInfo).port) as [number, number];
  await new Promise((done) => gone.close(done));
});
afterAll(() => void http.close());

const failure = (url: string): Promise<unknown> =>
  fetch(url).then(
    () => undefined,
    (error: unknown) => error,
  );

describe(`a server that cannot be connected to is told by what failed ${claim('P-MCP-GW.supervision')}`, () => {
  it('as refusing, of another protocol, without a name, on a port that is not called', async () => {
    expect(whyDisconnected(await failure(`http://127.0.0.1:${free}/`))).toBe('it refuses connections (ECONNREFUSED)');
    expect(whyDisconnected(await failure(`https://127.0.0.1:${port}/`))).toMatch(/^TLS with it fails \(ERR_SSL_\w+\)$/);
    expect(whyDisconnected(await failure('http://127.0.0.1:9/'))).toMatch(/bad port/);
  });

  it.each([
    ['ENOTFOUND', 'its name does not resolve (ENOTFOUND).', 'none'],
    ['UND_ERR_CONNECT_TIMEOUT', 'connecting to it timed out (UND_ERR_CONNECT_TIMEOUT).', 'none'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'TLS with it fails (DEPTH_ZERO_SELF_SIGNED_CERT).', 'unknown'],
    ['ECONNRESET', 'it cut the connection (ECONNRESET).', 'unknown'],
    ['EWHATEVER', 'the connection to it failed (EWHATEVER).', 'unknown'],
  ] as const)('%s: %s', (code, message, effect) => {
    const thrown = new TypeError('fetch failed', { cause: Object.assign(new Error('low'), { code }) });
    expect(failureOf('sky', thrown, 'unknown')).toMatchObject({ error: { message: `sky: ${message}` }, effect });
    // However deep the SDK has wrapped it.
    expect(whyDisconnected(new Error('negotiation', { cause: thrown }))).toBe(message.slice(0, -1));
  });

  it('as failed where nothing more is known', () => {
    expect(failureOf('sky', new TypeError('terminated'), 'unknown').error.message).toBe(
      'sky: the connection to it failed.',
    );
  });
});
