import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { passing } from '../../exchange/testing.ts';
import { operation } from '../../kernel/operation.ts';
import { until } from '../../kernel/testing.ts';
import { createTestEdge, type TestEdge } from './testing.ts';

let edge: TestEdge;
beforeEach(async () => {
  edge = await createTestEdge();
});
afterEach(() => edge[Symbol.asyncDispose]());

const get = (url: string) => edge.app.inject({ url, headers: { authorization: 'Bearer alice' } });
const post = (url: string, payload: object, headers = {}) =>
  edge.app.inject({ method: 'POST', url, payload, headers: { authorization: 'Bearer alice', ...headers } });

describe('an operation over HTTP', () => {
  it('takes JSON by POST and answers with its output', async () => {
    const answer = await post('/v1/samples/echo', { text: 'hi', count: 2 });
    expect([answer.statusCode, answer.headers['cache-control'], answer.json()]).toEqual([
      200,
      'no-store',
      { text: 'hi', count: 2 },
    ]);
  });

  it('takes no body at all for the empty input', async () => {
    const answer = await edge.app.inject({
      method: 'POST',
      url: '/v1/samples/echo',
      headers: { authorization: 'Bearer alice' },
    });
    expect(answer.json()).toEqual({});
  });

  it('that only reads takes query parameters, each as its schema wants it', async () => {
    const answer = await get(
      '/v1/samples/echo?text=12&count=12&flag=false&tags=a&tags=b&filter=%7B%22k%22%3A%22v%22%7D',
    );
    expect(answer.json()).toEqual({ text: '12', count: 12, flag: false, tags: ['a', 'b'], filter: { k: 'v' } });
    expect((await get('/v1/samples/echo?tags=one')).json()).toEqual({ tags: ['one'] });
  });

  it('names the parameter that does not fit', async () => {
    const answer = await get('/v1/samples/echo?count=many');
    expect([answer.statusCode, answer.json().error.code]).toEqual([400, 'INVALID_ARGUMENT']);
    expect(answer.json().error.message).toContain('count');
    expect((await get('/v1/samples/echo?count=1&count=2')).statusCode).toBe(400);
  });

  it('that changes something is not run by GET', async () => {
    const answer = await get('/v1/samples/count');
    expect([answer.statusCode, answer.headers['allow'], answer.json().error.code]).toEqual([
      400,
      'POST',
      'UNSUPPORTED_OPERATION',
    ]);
  });

  it.each(['/v1/samples/nothing', '/v1/constructor/name', '/v1/__proto__/x', '/v1/samples.echo/x'])(
    'is not found at %s',
    async (url) => {
      const answer = await post(url, {});
      expect([answer.statusCode, answer.json().error.code]).toEqual([404, 'NOT_FOUND']);
    },
  );

  it('knows its caller by the bearer token', async () => {
    expect((await post('/v1/samples/count', {})).json().by).toBe('service:alice');
    const answer = await post('/v1/samples/count', {}, { authorization: 'Basic YWxpY2U6eA==' });
    expect([answer.statusCode, answer.headers['www-authenticate'], answer.json().error.code]).toEqual([
      401,
      'Bearer',
      'UNAUTHENTICATED',
    ]);
  });

  it('runs once under an Idempotency-Key', async () => {
    const first = await post('/v1/samples/count', { by: 3 }, { 'idempotency-key': 'k1' });
    const again = await post('/v1/samples/count', { by: 3 }, { 'idempotency-key': '"k1"' });
    expect(again.json()).toEqual(first.json());
    const other = await post('/v1/samples/count', { by: 4 }, { 'idempotency-key': 'k1' });
    expect([other.statusCode, other.json().error.code]).toEqual([409, 'IDEMPOTENCY_CONFLICT']);
    expect((await post('/v1/samples/count', { by: 3 }, { 'idempotency-key': 'k2' })).json().total).toBe(
      first.json().total + 3,
    );
  });

  it.each(['', 'with space', 'é', 'x'.repeat(256)])('refuses the Idempotency-Key %j', async (key) => {
    const answer = await post('/v1/samples/count', {}, { 'idempotency-key': key });
    expect([answer.statusCode, answer.json().error.code]).toEqual([400, 'INVALID_ARGUMENT']);
  });
});

describe('a guard that says no', () => {
  it.each([
    ['PERMISSION_DENIED', 403],
    ['RATE_LIMITED', 429],
    ['BUDGET_EXCEEDED', 403],
    ['PAUSED', 503],
  ] as const)('%s is answered with %i', async (code, status) => {
    await using refusing = await createTestEdge({
      slots: {
        policy: {
          name: 'policy',
          admit: () => ({
            verdict: 'deny',
            error: { code, message: 'No.', retryable: false, details: { retry_after_ms: 1_500 } },
          }),
        },
      },
    });
    const answer = await refusing.app.inject({ method: 'POST', url: '/v1/samples/count', payload: {} });
    expect([answer.statusCode, answer.json().error.code, answer.headers['retry-after']]).toEqual([status, code, '2']);
  });

  it('that only reads is ended when its caller goes away', async () => {
    const given: AbortSignal[] = [];
    const waiting = operation({
      name: 'samples.wait',
      summary: 'Waits.',
      effect: 'read',
      plane: 'data',
      input: z.object({}),
      output: z.any(),
      handler({ signal }) {
        given.push(signal);
        return new Promise<never>(() => {});
      },
    });
    await using made = await createTestEdge({ operations: [waiting] });
    const url = `${await made.listen()}/v1/samples/wait`;
    for (const method of ['GET', 'POST']) {
      const leaving = new AbortController();
      const asked = fetch(url, { method, signal: leaving.signal }).catch(() => 'gone');
      await until(() => given.length > 0);
      leaving.abort();
      await asked;
      const [signal] = given.splice(0);
      await until(() => signal?.aborted === true);
      expect(signal?.reason).toBe('disconnect');
    }
  });

  it('that asks a person leaves the operation waiting and says which ask it is', async () => {
    await using asking = await createTestEdge({
      slots: {
        approve: {
          name: 'approve',
          admit: ({ message }) =>
            message.to === 'operation:samples.count'
              ? { verdict: 'ask', kind: 'approval', body: {}, expires: Date.now() + 60_000 }
              : passing('x').admit({} as never),
        },
      },
    });
    for (const headers of [{}, { 'idempotency-key': 'k' }]) {
      const answer = await asking.app.inject({ method: 'POST', url: '/v1/samples/count', payload: { by: 1 }, headers });
      expect([answer.statusCode, answer.json().error.code]).toEqual([403, 'APPROVAL_REQUIRED']);
      expect(answer.json().error.details).toEqual({ task: expect.any(String), ask: expect.any(String) });
    }
    expect(asking.exchange.live.size).toBe(1);
  });
});
