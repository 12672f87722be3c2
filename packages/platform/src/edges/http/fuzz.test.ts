import { isErrorCode } from '@aip/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestEdge, sendBytes, type TestEdge } from './testing.ts';

const ROUNDS = Number(process.env['AIP_FUZZ_ROUNDS'] ?? 10_000);
const CONCURRENT = 100;

let edge: TestEdge;
let url: string;
beforeAll(async () => {
  edge = await createTestEdge();
  edge.agent('echo', async function* ({ message }) {
    yield { type: 'done', body: message.body };
  });
  url = await edge.listen();
});
afterAll(() => edge[Symbol.asyncDispose]());

/** The same sequence every time (mulberry32), so that a failure can be repeated. */
function randomFrom(seed: number) {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    below: (limit: number) => Math.floor(next() * limit),
    of: <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!,
  };
}
const random = randomFrom(20_261_121);

const bytes = (): Buffer => Buffer.from(Array.from({ length: random.below(200) }, () => random.below(256)));
const texts = [
  '',
  'x',
  '\u0000',
  '\ud800',
  '../../etc/passwd',
  '%00',
  '"; DROP TABLE',
  '${x}',
  '__proto__',
  'constructor',
  'é'.repeat(300),
  'agent:echo',
  'agent:',
  ':',
  'did:key:z6Mk',
  '1e999',
  'a/b/c',
  '\r\nx: y',
];
const hostile = (depth = 0): unknown => {
  const make = [
    () => random.of(texts),
    () => random.of([0, -1, 1.5, 1e308, Number.MAX_SAFE_INTEGER + 2, -0]),
    () => random.of([true, false, null]),
    () => Array.from({ length: random.below(5) }, () => hostile(depth + 1)),
    () =>
      Object.fromEntries(
        Array.from({ length: random.below(5) }, () => [random.of([...texts, ...NAMES]), hostile(depth + 1)]),
      ),
  ];
  return random.of(depth > 4 ? make.slice(0, 3) : make)();
};
const NAMES = [
  'to',
  'arguments',
  'stream',
  'parent',
  'conversation',
  'timeout_ms',
  'task',
  'after',
  'limit',
  'cursor',
  'text',
  'count',
  'tags',
  'filter',
  'by',
  'code',
  'kind',
  'owner',
];
const PATHS = [
  '/v1/invoke',
  '/v1/login',
  '/v1/samples/echo',
  '/v1/samples/count',
  '/v1/tasks/get',
  '/v1/tasks/list',
  '/v1/tasks/cancel',
  '/v1/catalogue/list',
  '/v1/events/follow',
  '/v1/x/y',
  '/ui/x',
  '/agents',
];

const BODIES: readonly (() => string | Buffer)[] = [
  bytes,
  () => JSON.stringify(hostile()),
  () => JSON.stringify(Object.fromEntries(NAMES.filter(() => random.below(3) === 0).map((name) => [name, hostile()]))),
  () =>
    JSON.stringify({
      to: random.of(['agent:echo', ...texts]),
      arguments: hostile(),
      ...(random.below(2) ? { timeout_ms: hostile() } : {}),
    }),
  () => JSON.stringify(hostile()).slice(0, -1 - random.below(3)),
  () => `{"a":`.repeat(random.below(3_000)),
  () => `{"to":"agent:echo","to":"agent:other"}`,
  () => `{"__proto__":{"polluted":true}}`,
  () => `[${'9'.repeat(random.below(2_000))}]`,
  () => Buffer.concat([Buffer.from('{"text":"'), bytes(), Buffer.from('"}')]),
];

const headers = () => ({
  'content-type': random.of([
    'application/json',
    'application/json; charset=utf-8',
    'application/json',
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/json;charset=latin1',
  ]),
  ...(random.below(3) ? { authorization: random.of(['Bearer alice', 'Bearer ', 'Basic x', 'Bearer a b']) } : {}),
  ...(random.below(4) ? {} : { 'idempotency-key': random.of(['k', 'x'.repeat(300), 'a b', '"q"']) }),
  ...(random.below(5) ? {} : { cookie: random.of(['aip_session_80=alice', ';;;==', 'a'.repeat(4_000)]) }),
  ...(random.below(5) ? {} : { 'last-event-id': random.of(['-1', 'x', '9'.repeat(40)]) }),
});

async function round(): Promise<void> {
  const read = random.below(4) === 0;
  const query =
    read || random.below(5) === 0
      ? `?${random.of(NAMES)}=${encodeURIComponent(random.of(texts).toWellFormed())}&${random.of(NAMES)}=%`
      : '';
  const path = random.of(PATHS) + query;
  const answer = await edge.app.inject(
    read
      ? { url: path, headers: headers() }
      : { method: 'POST', url: path, headers: headers(), payload: random.of(BODIES)() },
  );
  const context = `${read ? 'GET' : 'POST'} ${path} → ${answer.statusCode} ${answer.body.slice(0, 300)}`;
  expect(answer.statusCode, context).toBeLessThan(500);
  if (answer.statusCode < 400) return;
  const { error } = answer.json<{ error: { code: string; message: string } }>();
  expect(isErrorCode(error.code) && error.code !== 'INTERNAL_ERROR', context).toBe(true);
  expect(answer.body, context).not.toMatch(/at .+\.ts:\d+/);
}

describe('hostile input', () => {
  it(`is answered ${ROUNDS} times with an error that has a code, without harm`, async () => {
    const before = process.memoryUsage().heapUsed;
    for (let done = 0; done < ROUNDS; done += CONCURRENT) await Promise.all(Array.from({ length: CONCURRENT }, round));
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(edge.exchange.live.size).toBe(0);
    expect(edge.exchange.sessions.size).toBe(0);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200 * 1024 * 1024);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  }, 120_000);

  it('below HTTP is answered or cut, and the next request is served', async () => {
    for (let i = 0; i < 200; i++) {
      const noise = random.of([
        bytes(),
        Buffer.from('POST /v1/invoke HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n'),
        Buffer.from('GET / HTTP/9.9\r\n\r\n'),
        Buffer.from(
          'POST /v1/invoke HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\nzz',
        ),
      ]);
      const answer = await sendBytes(url, Buffer.concat([noise, Buffer.from('\r\n\r\n')])).catch(() => '');
      expect(answer === '' || answer.startsWith('HTTP/1.1 4'), answer).toBe(true);
    }
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  }, 60_000);
});
