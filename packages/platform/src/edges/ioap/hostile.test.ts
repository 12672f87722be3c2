import { claim } from '@aip/conformance';
import { IOAP_TYPES, IOAP_VERSION, type IoapType } from '@aip/wire';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPeer, startTestGateway, type Peer, type TestGateway } from './testing.ts';

/** Frames thrown at the gateway; set higher for a long round. */
const FRAMES = Number(process.env['AIP_FUZZ_FRAMES'] ?? 10_000);

let gateway: TestGateway;
let mallory: Peer;
let bob: Peer;

beforeEach(async () => {
  gateway = await startTestGateway();
  mallory = await openPeer(gateway);
  bob = await openPeer(gateway);
  await mallory.register({ name: 'mallory' });
  await bob.register({ name: 'bob', capabilities: [{ name: 'echo' }] });
});
afterEach(() => gateway[Symbol.asyncDispose]());

const word = fc.oneof(
  fc.constantFrom('', '__proto__', 'did:key:z', '\u0000', '𝕏'.repeat(9), 'a'.repeat(600)),
  fc.string({ maxLength: 40 }),
);
const payload = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.dictionary(
    fc.constantFrom(
      'args',
      'sdp',
      'query',
      'task',
      'status',
      'result',
      'seq',
      'code',
      'message',
      'capability',
      'parent_id',
      'timeout_ms',
      'idempotency_key',
      'public_key',
      'candidate',
      'execution_time_ms',
    ),
    fc.jsonValue({ maxDepth: 2 }),
  ),
);

/** Well-formed JSON that is no acceptable frame, or only by chance. */
const almost = (): fc.Arbitrary<string> =>
  fc
    .record(
      {
        id: fc.oneof(fc.uuid(), word, fc.integer()),
        correlation_id: fc.oneof(fc.uuid(), word, fc.constant(null)),
        timestamp: fc.oneof(fc.constant(new Date().toISOString()), word),
        from: fc.oneof(fc.constantFrom(mallory.did, bob.did, gateway.did), word),
        to: fc.oneof(fc.constantFrom(bob.did, gateway.did, 'tool:a/b', 'capability:echo'), word),
        type: fc.oneof(fc.constantFrom(...IOAP_TYPES), word),
        payload,
        version: fc.oneof(fc.constant<string>(IOAP_VERSION), word),
        signature: fc.oneof(fc.base64String({ minLength: 88, maxLength: 88 }), word),
        extra: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    .map((frame) => JSON.stringify(frame));

/** Signed by mallory, so that the payload and what comes after it is reached. */
const authentic = (): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom<IoapType>(
        'EXEC_REQUEST',
        'INTENT',
        'EXEC_RESPONSE',
        'OFFER',
        'ANSWER',
        'ICE_CANDIDATE',
        'ERROR',
        'PING',
        'PONG',
        'REGISTER',
      ),
      payload,
      fc.constantFrom(
        bob.did,
        gateway.did,
        mallory.did,
        'tool:a/b',
        'capability:echo',
        'agent:bob',
        'skill:bob/echo',
        'topic:x',
        'operation:agents.connect',
        '::',
      ),
      fc.option(fc.uuid(), { nil: undefined }),
    )
    .map(([type, content, to, correlation]) => {
      try {
        return mallory.sign(
          type,
          to,
          content as never,
          correlation === undefined ? {} : { correlation_id: correlation },
        ).raw;
      } catch {
        return JSON.stringify({ type, payload: content, to });
      }
    });

const garbage = fc.oneof(
  fc.string({ maxLength: 200 }),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constantFrom(
    '[]',
    'null',
    '{"id":{}}',
    '{"a":1,"a":2}',
    `${'['.repeat(500)}${']'.repeat(500)}`,
    `${'{"a":'.repeat(400)}1${'}'.repeat(400)}`,
    '{"id":"x","__proto__":{"admin":true}}',
    '1e999',
    '"\\ud800"',
  ),
);

describe('hostile frames', () => {
  it(`by the thousand neither crash nor hang the gateway, nor stay in its memory ${claim('P-IOAP.hostile')}`, async () => {
    const frames = fc.sample(
      fc.oneof(
        { weight: 3, arbitrary: almost() },
        { weight: 4, arbitrary: authentic() },
        { weight: 3, arbitrary: garbage },
      ),
      { numRuns: FRAMES, seed: 7 },
    );
    mallory.socket.removeAllListeners('message');
    let answers = 0;
    mallory.socket.on('message', () => void answers++);
    bob.socket.removeAllListeners('message');
    const before = process.memoryUsage().rss;
    for (const [n, frame] of frames.entries()) {
      mallory.socket.send(frame);
      // Nothing but wrong frames would end the connection.
      if (n % 50 === 0) mallory.say('PING', gateway.did, {});
      // Let the gateway breathe as a network would; the bound on memory is tested with a full queue elsewhere.
      if (n % 200 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const quiet = await openPeer(gateway);
    await quiet.register();
    const { id } = quiet.say('PING', gateway.did, {});
    expect(await quiet.answerTo(id)).toMatchObject({ type: 'PONG' });
    await expect.poll(() => answers, { timeout: 30_000 }).toBeGreaterThan(FRAMES * 0.7);
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024);
    // Requests that got through wait for bob; they end with the connections.
    for (const task of gateway.exchange.live.keys()) gateway.exchange.cancel(task, 'caller');
    mallory.socket.terminate();
    bob.socket.terminate();
    await expect.poll(() => gateway.exchange.live.size, { timeout: 10_000 }).toBe(0);
    await expect.poll(() => gateway.edge.connections).toBe(1);
    expect(gateway.exchange.sessions.size).toBe(1);
  }, 120_000);

  it('from strangers are refused, and their connections closed', async () => {
    const frames = fc.sample(fc.oneof(almost(), garbage), { numRuns: 300, seed: 8 });
    for (let at = 0; at < frames.length; at += 30) {
      const stranger = await openPeer(gateway);
      for (const frame of frames.slice(at, at + 30))
        if (stranger.socket.readyState === stranger.socket.OPEN) stranger.send(frame);
      expect((await stranger.closed).code).toBeGreaterThanOrEqual(4400);
    }
    expect(gateway.edge.connections).toBe(2);
  }, 30_000);

  it('cut short, or broken on the level of WebSocket, end their connection only', async () => {
    const raw = mallory.socket as unknown as { _socket: { write(bytes: Buffer): void; destroy(): void } };
    // A reserved opcode, unmasked.
    raw._socket.write(Buffer.from([0x8f, 0x05, 1, 2, 3, 4, 5]));
    expect((await mallory.closed).code).toBe(1002);
    const cut = bob.socket as unknown as typeof raw;
    cut._socket.write(Buffer.from([0x81, 0xfe, 0x10, 0x00, 1, 2, 3, 4, 65]));
    cut._socket.destroy();
    await expect.poll(() => gateway.edge.connections).toBe(0);
  });
});
