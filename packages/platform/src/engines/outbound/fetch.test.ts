import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { claim } from '@aip/conformance';
import { afterEach, describe, expect, it } from 'vitest';
import type { OutboundRules } from '../../kernel/outbound.ts';
import type { Resolve } from './connector.ts';
import { createOutbound } from './fetch.ts';

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly seen: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[];
}

/** A real server on loopback that notes what reaches it. */
async function serve(
  answer: RequestListener = (_request, response) => void response.end('reached'),
): Promise<TestServer> {
  const seen: TestServer['seen'] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push({ method: request.method!, url: request.url!, headers: request.headers, body });
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, seen };
}

const redirectTo =
  (location: string, status = 302): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, { location }).end();

function fetchWith(rules: OutboundRules = {}, resolve?: Resolve): typeof fetch {
  const outbound = createOutbound(resolve);
  open.push(() => outbound.close());
  return outbound.fetchFor(rules);
}

/** What a name server of somebody else's would answer, one answer after the other. */
function answers(...rounds: string[][]): { resolve: Resolve; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    resolve(hostname, _options, callback) {
      const addresses = rounds[Math.min(asked.push(hostname), rounds.length) - 1]!;
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    },
  };
}

const blocked = (host: string, address: string) =>
  expect.objectContaining({
    code: 'ADDRESS_BLOCKED',
    message: expect.stringContaining(address),
    details: expect.objectContaining({ host, address }),
  });

// RFC 6761, section 6.4: .invalid never resolves. The system's own resolver, whose failures carry no addresses at all.
it.each([['named'], ['not named']])(
  'a name that does not resolve fails its request, and nothing else (%s)',
  async (how) => {
    const url = 'http://nowhere.invalid/';
    await expect(fetchWith(how === 'named' ? { named: [url] } : {})(url)).rejects.toMatchObject({
      cause: { code: expect.stringMatching(/^(?:ENOTFOUND|EAI_AGAIN|EAI_FAIL)$/) },
    });
  },
);

describe(`what nobody has named ${claim('D-SECURE.outbound')}`, () => {
  it('is not reached at a loopback address, and the error names it', async () => {
    const inside = await serve();
    await expect(fetchWith()(inside.url)).rejects.toEqual(blocked('127.0.0.1', '127.0.0.1'));
    expect(inside.seen).toEqual([]);
  });

  it.each(['localhost', '127.1', '0x7f000001', '2130706433', '[::1]', '[::ffff:127.0.0.1]', '0'])(
    'is not reached as %s',
    async (host) => {
      const inside = await serve();
      await expect(fetchWith()(`http://${host}:${inside.port}/`)).rejects.toMatchObject({ code: 'ADDRESS_BLOCKED' });
      expect(inside.seen).toEqual([]);
    },
  );

  it('is not reached by a name that resolves to loopback', async () => {
    const inside = await serve();
    const { resolve } = answers(['127.0.0.1']);
    await expect(fetchWith({}, resolve)(`http://innocent.example:${inside.port}/`)).rejects.toEqual(
      blocked('innocent.example', '127.0.0.1'),
    );
    expect(inside.seen).toEqual([]);
  });

  it('is not reached when only one of its addresses is public', async () => {
    const inside = await serve();
    for (const addresses of [
      ['8.8.8.8', '127.0.0.1'],
      ['127.0.0.1', '8.8.8.8'],
      ['2606:4700::1111', '::1'],
    ]) {
      const { resolve } = answers(addresses);
      await expect(fetchWith({}, resolve)(`http://mixed.example:${inside.port}/`)).rejects.toMatchObject({
        code: 'ADDRESS_BLOCKED',
      });
    }
    expect(inside.seen).toEqual([]);
  });

  it('is resolved once for each connection, so there is no second answer to rebind to', async () => {
    const inside = await serve();
    const { resolve, asked } = answers(['127.0.0.1'], ['8.8.8.8']);
    const send = fetchWith({ named: [`http://rebind.example:${inside.port}/`] }, resolve);
    // Named, so that it connects: to the address of the one answer there was.
    expect(await (await send(`http://rebind.example:${inside.port}/`)).text()).toBe('reached');
    expect(asked).toEqual(['rebind.example']);
  });

  it('is checked at every new connection, however its name resolved before', async () => {
    const inside = await serve();
    const { resolve } = answers(['10.0.0.1'], ['169.254.169.254'], ['127.0.0.1']);
    const send = fetchWith({}, resolve);
    for (const address of ['10.0.0.1', '169.254.169.254', '127.0.0.1'])
      await expect(send(`http://rebind.example:${inside.port}/`)).rejects.toEqual(blocked('rebind.example', address));
    expect(inside.seen).toEqual([]);
  });

  it.each(['file:///etc/passwd', 'data:text/plain,hello', 'ftp://example.com/', 'blob:x'])('is not %s', async (url) => {
    await expect(fetchWith()(url)).rejects.toMatchObject({ code: 'ADDRESS_BLOCKED' });
  });
});

describe(`an origin that an operator has named ${claim('D-SECURE.outbound')}`, () => {
  it('is reached, wherever it is', async () => {
    const inside = await serve();
    const send = fetchWith({ named: [`${inside.url}/mcp`] });
    expect(await (await send(`${inside.url}/elsewhere`)).text()).toBe('reached');
    expect(await (await send(new Request(inside.url, { method: 'POST', body: 'hello' }))).text()).toBe('reached');
    expect(inside.seen[1]).toMatchObject({ method: 'POST', body: 'hello' });
    const response = await send(inside.url);
    expect(response).toBeInstanceOf(Response);
    expect(response.url).toBe(`${inside.url}/`);
  });

  it('is no permission for another port, scheme or name of the same machine', async () => {
    const [inside, other] = [await serve(), await serve()];
    const send = fetchWith({ named: [inside.url] });
    for (const url of [other.url, `https://127.0.0.1:${inside.port}`, `http://localhost:${inside.port}`])
      await expect(send(url)).rejects.toMatchObject({ code: 'ADDRESS_BLOCKED' });
    expect(other.seen).toEqual([]);
  });

  it('is nobody else’s permission, not even over a connection that is open', async () => {
    const inside = await serve();
    const outbound = createOutbound();
    open.push(() => outbound.close());
    await (await outbound.fetchFor({ named: [inside.url] })(inside.url)).text();
    await expect(outbound.fetchFor()(inside.url)).rejects.toMatchObject({ code: 'ADDRESS_BLOCKED' });
    expect(inside.seen).toHaveLength(1);
  });
});

describe(`a redirect ${claim('D-SECURE.outbound')}`, () => {
  it('to a private address is refused, by name', async () => {
    const inside = await serve();
    const outside = await serve(redirectTo(inside.url));
    await expect(fetchWith({ named: [outside.url] })(outside.url)).rejects.toEqual(blocked('127.0.0.1', '127.0.0.1'));
    const metadata = await serve(redirectTo('http://169.254.169.254/latest/meta-data/'));
    await expect(fetchWith({ named: [metadata.url] })(metadata.url)).rejects.toEqual(
      blocked('169.254.169.254', '169.254.169.254'),
    );
    expect(inside.seen).toEqual([]);
  });

  it('to a private address is refused at the last of several hops', async () => {
    const inside = await serve();
    let hop = 0;
    const outside = await serve((request, response) =>
      redirectTo(hop++ < 3 ? `/${hop}` : inside.url)(request, response),
    );
    await expect(fetchWith({ named: [outside.url] })(outside.url)).rejects.toMatchObject({ code: 'ADDRESS_BLOCKED' });
    expect(outside.seen.map(({ url }) => url)).toEqual(['/', '/1', '/2', '/3']);
    expect(inside.seen).toEqual([]);
  });

  it.each(['file:///etc/passwd', 'data:text/plain,hello'])('to %s is refused', async (location) => {
    const outside = await serve(redirectTo(location));
    await expect(fetchWith({ named: [outside.url] })(outside.url)).rejects.toMatchObject({ code: 'ADDRESS_BLOCKED' });
  });

  it('that never ends does', async () => {
    const outside = await serve(redirectTo('/again'));
    await expect(fetchWith({ named: [outside.url] })(outside.url)).rejects.toThrow(/more than 5 times/);
    expect(outside.seen).toHaveLength(6);
  });

  it('takes credentials along within an origin only', async () => {
    const target = await serve();
    const elsewhere = await serve((request, response) =>
      redirectTo(request.url === '/' ? '/here' : target.url)(request, response),
    );
    const headers = { authorization: 'Bearer secret', 'x-api-key': 'secret', cookie: 'a=secret', accept: 'text/plain' };
    await fetchWith({ named: [elsewhere.url, target.url] })(elsewhere.url, { headers });
    expect(elsewhere.seen.map((request) => request.headers['x-api-key'])).toEqual(['secret', 'secret']);
    expect(JSON.stringify(target.seen)).not.toContain('secret');
    expect(target.seen[0]?.headers.accept).toBe('text/plain');
  });

  it.each([307, 308])('with %i never sends a body on to another origin', async (status) => {
    const target = await serve();
    const elsewhere = await serve(redirectTo(target.url, status));
    const send = fetchWith({ named: [elsewhere.url, target.url] });
    await expect(send(elsewhere.url, { method: 'POST', body: 'client_secret=x' })).rejects.toThrow(/is not sent on/);
    expect(target.seen).toEqual([]);
  });

  it.each([
    [302, 'POST', 'GET', ''],
    [303, 'PUT', 'GET', ''],
    [307, 'POST', 'POST', 'body'],
    [302, 'PUT', 'PUT', 'body'],
  ])('with %i of a %s is a %s, as the Fetch standard has it', async (status, method, then, body) => {
    const server = await serve((request, response) =>
      request.url === '/' ? redirectTo('/next', status)(request, response) : void response.end(),
    );
    await fetchWith({ named: [server.url] })(server.url, { method, body: 'body' });
    expect(server.seen[1]).toMatchObject({ method: then, body, url: '/next' });
  });

  it('is an error, or the answer, when the caller says so', async () => {
    const server = await serve(redirectTo('/next'));
    const send = fetchWith({ named: [server.url] });
    await expect(send(server.url, { redirect: 'error' })).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
    expect((await send(server.url, { redirect: 'manual' })).status).toBe(302);
    expect(server.seen).toHaveLength(2);
  });
});

describe('bounds', () => {
  it('a body beyond its limit fails, compressed or not, and costs no memory', async () => {
    const { gzipSync } = await import('node:zlib');
    const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024));
    const server = await serve((request, response) => {
      if (request.url === '/bomb') return void response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
      response.end('x'.repeat(request.url === '/fits' ? 1_000 : 1_001));
    });
    const send = fetchWith({ named: [server.url], maxBytes: 1_000 });
    expect(await (await send(`${server.url}/fits`)).text()).toHaveLength(1_000);
    for (const path of ['/large', '/bomb'])
      await expect((await send(server.url + path)).text()).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  });

  it.each(['headers', 'body'])('an answer whose %s never come to an end is given up', async (part) => {
    const server = await serve((_request, response) => {
      if (part === 'body') response.write('x');
    });
    const started = performance.now();
    const send = fetchWith({ named: [server.url], timeout: 200 });
    await expect(send(server.url).then((response) => response.text())).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('the caller’s signal ends it too', async () => {
    const server = await serve(() => {});
    const send = fetchWith({ named: [server.url], timeout: 10_000 });
    await expect(send(server.url, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});
