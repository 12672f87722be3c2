import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { claim } from '@aip/conformance';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { text } from '../../kernel/body.ts';
import { startGateway, type Gateway } from './testing.ts';

/** Fuzzed requests: none may crash the server, hang it, be answered with 500 or grow it without bound. */

const ROUNDS = Number(process.env['AIP_FUZZ_ROUNDS'] ?? 10_000);

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
  await gateway.agent('echo', [{ name: 'echo' }], async function* () {
    yield { type: 'done', body: text('ok') };
  });
});
afterAll(() => gateway[Symbol.asyncDispose]());

const METHODS = [
  'SendMessage',
  'SendStreamingMessage',
  'GetTask',
  'ListTasks',
  'CancelTask',
  'SubscribeToTask',
  'GetExtendedAgentCard',
  'GetTaskPushNotificationConfig',
  'message/send',
  '',
];
const PATHS = [
  '/a2a/echo',
  '/a2a/echo',
  '/a2a/echo',
  '/a2a',
  '/a2a/nobody',
  '/a2a/echo/message:send',
  '/a2a/echo/message:stream',
  '/a2a/message:send',
  '/a2a/echo/tasks/x:cancel',
  '/a2a/echo/tasks/x:subscribe',
  '/a2a/echo/tasks/::',
  '/a2a/echo/tasks/%00:cancel',
  '/a2a/%2e%2e%2f',
  '/a2a/%ff',
];

const name = fc.constantFrom(
  'message',
  'messageId',
  'role',
  'parts',
  'text',
  'data',
  'raw',
  'url',
  'metadata',
  'contextId',
  'taskId',
  'configuration',
  'historyLength',
  'returnImmediately',
  'id',
  'pageSize',
  'pageToken',
  'status',
  'tenant',
  'aip.skill',
  'skill',
  'aip.parent',
  '__proto__',
  'constructor',
  'toString',
);
const leaf = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('ROLE_USER', 'TASK_STATE_WORKING', 'echo', 'echo.echo', '.', 'x'.repeat(300)),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
);
const tree = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 6 }),
  ),
})).value;

/** A request that would be accepted, of which some fields have been replaced. */
const nearlyValid = fc
  .record({
    messageId: fc.uuid(),
    text: fc.string(),
    edits: fc.array(
      fc.record({ at: fc.constantFrom('message', 'configuration', 'part', 'request'), name, value: tree }),
      { maxLength: 2 },
    ),
  })
  .map(({ messageId, text: said, edits }) => {
    const part: Record<string, unknown> = { text: said };
    const message: Record<string, unknown> = { messageId, role: 'ROLE_USER', parts: [part] };
    const configuration: Record<string, unknown> = {};
    const request: Record<string, unknown> = { message, configuration, id: messageId };
    const places = { message, configuration, part, request };
    for (const edit of edits)
      Object.defineProperty(places[edit.at], edit.name, {
        value: edit.value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    return request;
  });
const usually = <T>(value: T, ...others: T[]) =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
const rpc = fc.record({
  jsonrpc: usually('2.0', '1.0'),
  id: leaf,
  method: fc.constantFrom(...METHODS),
  params: fc.oneof({ weight: 3, arbitrary: nearlyValid }, { weight: 1, arbitrary: tree }),
});

const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
const wide = `{${[...Array(5_000).keys()].map((n) => `"k${n}":1`).join(',')}}`;
const body = fc.oneof(
  { weight: 4, arbitrary: rpc.map((value) => JSON.stringify(value)) },
  { weight: 3, arbitrary: nearlyValid.map((value) => JSON.stringify(value)) },
  {
    weight: 2,
    arbitrary: fc.oneof(rpc, nearlyValid).chain((value) => fc.nat().map((at) => cut(JSON.stringify(value), at))),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      'null',
      '[]',
      '"',
      deep,
      wide,
      '{"a":1e999}',
      '\u0000',
      '{"jsonrpc":"2.0","jsonrpc":"2.0"}',
    ),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
);
const cut = (whole: string, at: number): string =>
  whole.slice(0, at % (whole.length + 1)) + whole.slice((at % (whole.length + 1)) + 1);

const headers = fc.record({
  authorization: usually('Bearer mallory', 'bearer', '', 'Basic x', `Bearer ${'x'.repeat(2_000)}`),
  'a2a-version': usually('1.0', '0.3', '', '1..', 'x'.repeat(500)),
  'content-type': usually('application/json', 'application/a2a+json', 'text/plain', 'application/json;charset=', ''),
  'last-event-id': fc.constantFrom('', '0', '-1', '99999999999999999999', 'x'),
  traceparent: fc.constantFrom('', 'x', `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`),
});

it(`answers ${ROUNDS} hostile bodies, each in time and none with a fault of its own ${claim('P-A2A.hostile')}`, async () => {
  const cases = fc.sample(fc.record({ path: fc.constantFrom(...PATHS), body, headers }), {
    numRuns: ROUNDS,
    seed: 20_261_121,
  });
  const before = process.memoryUsage().heapUsed;
  const statuses = new Map<number, number>();
  const work = cases.values();
  const worker = async (): Promise<void> => {
    for (const { path, body: payload, headers: given } of work) {
      const answer = await gateway.app.inject({ method: 'POST', url: path, payload, headers: given });
      statuses.set(answer.statusCode, (statuses.get(answer.statusCode) ?? 0) + 1);
      if (answer.statusCode >= 500)
        throw new Error(`${answer.statusCode} for POST ${path} ${String(payload).slice(0, 300)}: ${answer.body}`);
      if (answer.headers['content-type']?.toString().includes('json')) JSON.parse(answer.body);
      expect(answer.body).not.toMatch(/\bat .*\.ts:\d+/);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  expect([...statuses.values()].reduce((sum, count) => sum + count, 0)).toBe(ROUNDS);
  // The fuzz must reach past the front door, or it proves nothing.
  expect(gateway.exchange.journal.read.size('default')).toBeGreaterThan(ROUNDS / 50);
  expect(gateway.exchange.sessions.size).toBe(0);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(300 * 1024 * 1024);
  expect((await gateway.app.inject({ method: 'GET', url: '/a2a/echo' })).statusCode).toBe(200);
}, 120_000);

it('a request that stops in the middle, or is cut off, leaves nothing behind', async () => {
  const { port } = gateway.app.server.address() as AddressInfo;
  for (const fragment of [
    'POST /a2a/echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"a":',
    'GARBAGE\r\n\r\n',
    'POST /a2a/echo HTTP/1.1\r\n',
  ]) {
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((resolve) => socket.write(fragment, () => resolve()));
    socket.destroy();
  }
  expect((await gateway.app.inject({ method: 'GET', url: '/a2a/echo' })).statusCode).toBe(200);
});
