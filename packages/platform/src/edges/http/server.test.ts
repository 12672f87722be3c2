import { claim } from '@aip/conformance';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestEdge, readEvents, sendBytes, type TestEdge } from './testing.ts';

let edge: TestEdge;
let logged: Record<string, unknown>[] = [];
beforeEach(async () => {
  logged = [];
  edge = await createTestEdge({
    server: { hosts: ['aip.example.com'], log: (_level, _message, fields) => logged.push(fields) },
  });
});
afterEach(() => edge[Symbol.asyncDispose]());

describe('the HTTP server', () => {
  it.each(['/healthz', '/v1/samples/echo', '/openapi.json', '/ui', '/nowhere'])(
    `refuses foreign hosts and origins at %s ${claim('D-SECURE.origin')}`,
    async (url) => {
      const host = await edge.app.inject({ url, headers: { host: 'evil.example' } });
      expect([host.statusCode, host.json().error.code]).toEqual([403, 'FORBIDDEN_HOST']);
      const origin = await edge.app.inject({ url, headers: { origin: 'https://evil.example' } });
      expect([origin.statusCode, origin.json().error.code]).toEqual([403, 'FORBIDDEN_ORIGIN']);
    },
  );

  it(`looks often for requests that do not end, and holds so many connections ${claim('G-GUARD.shares')}`, () => {
    expect(edge.app.server).toMatchObject({
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      connectionsCheckingInterval: 2_000,
      maxConnections: 16_384,
    });
  });

  it('answers to a configured host', async () => {
    const answer = await edge.app.inject({
      url: '/healthz',
      headers: { host: 'aip.example.com', origin: 'https://aip.example.com' },
    });
    expect(answer.json()).toEqual({ status: 'ok' });
  });

  it('says as JSON that there is nothing', async () => {
    const answer = await edge.app.inject({ method: 'POST', url: '/v1/nothing?x=1' });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toEqual({
      error: { code: 'NOT_FOUND', message: expect.stringContaining('POST /v1/nothing;'), retryable: false },
    });
  });

  it.each([
    ['broken JSON', '{"a":', 'application/json', 400, 'MALFORMED_MESSAGE'],
    ['a duplicate key', '{"a":1,"a":2}', 'application/json', 400, 'MALFORMED_MESSAGE'],
    ['a key that reaches a prototype', '{"__proto__":{"x":1}}', 'application/json', 400, 'MALFORMED_MESSAGE'],
    ['a list', '[1]', 'application/json', 400, 'INVALID_ARGUMENT'],
    ['nesting without end', '{"a":'.repeat(500) + '1' + '}'.repeat(500), 'application/json', 400, 'MALFORMED_MESSAGE'],
    ['more than 1 MiB', `{"text":"${'x'.repeat(1024 * 1024)}"}`, 'application/json', 413, 'PAYLOAD_TOO_LARGE'],
    ['another content type', 'text=x', 'application/x-www-form-urlencoded', 400, 'CONTENT_TYPE_NOT_SUPPORTED'],
    ['no content type', 'x', '', 400, 'CONTENT_TYPE_NOT_SUPPORTED'],
  ])('refuses %s', async (_, payload, type, status, code) => {
    const answer = await edge.app.inject({
      method: 'POST',
      url: '/v1/samples/echo',
      payload,
      headers: { 'content-type': type },
    });
    expect([answer.statusCode, answer.json().error.code]).toEqual([status, code]);
  });

  it('takes a body of exactly 1 MiB', async () => {
    const frame = JSON.stringify({ unknown: '' });
    const payload = JSON.stringify({ unknown: 'x'.repeat(1024 * 1024 - frame.length) });
    const answer = await edge.app.inject({
      method: 'POST',
      url: '/v1/samples/echo',
      payload,
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.statusCode).toBe(200);
  });

  it('never shows a stack, nor what broke inside, but logs it', async () => {
    edge.exchange.operate = () => Promise.reject(new Error('secret detail'));
    const answer = await edge.app.inject('/v1/samples/echo');
    expect([answer.statusCode, answer.json().error.code]).toEqual([500, 'INTERNAL_ERROR']);
    expect(answer.body).not.toMatch(/secret|at .*\.ts/);
    expect(logged).toEqual([
      { method: 'GET', path: '/v1/:domain/:verb', cause: expect.objectContaining({ message: 'secret detail' }) },
    ]);
  });

  it('answers bytes that are not HTTP, and headers beyond the limit', async () => {
    const url = await edge.listen();
    expect(await sendBytes(url, '\x16\x03\x01 hello\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 .*MALFORMED_MESSAGE/s);
    expect(await sendBytes(url, `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 .*PAYLOAD_TOO_LARGE/s,
    );
    expect(await sendBytes(url, 'GET /%zz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 400 .*MALFORMED_MESSAGE/s,
    );
  });

  it('closes within five seconds, whatever is still connected', async () => {
    const url = await edge.listen();
    edge.agent('slow', async function* () {
      yield { type: 'working' };
      await new Promise(() => {});
    });
    const feed = await fetch(`${url}/v1/events`, { headers: { authorization: 'Bearer alice' } });
    const events = readEvents(feed);
    const call = fetch(`${url}/v1/invoke`, {
      method: 'POST',
      body: '{"to":"agent:slow"}',
      headers: { 'content-type': 'application/json', authorization: 'Bearer alice' },
    }).catch(() => 'cut');
    await expect.poll(() => edge.exchange.live.size).toBe(1);
    const begun = performance.now();
    await edge.app.close();
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect((await events).at(-1)).toMatchObject({ event: 'closed', data: { code: 'SHUTTING_DOWN' } });
    expect(await call).toBe('cut');
  }, 10_000);
});
