import { claim } from '@aip/conformance';
import { generateKeyPair, IOAP_MAX_FRAME_BYTES, type ErrorCode, type IoapFrame } from '@aip/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorBody } from '../../kernel/error-body.ts';
import type { Guard } from '../../kernel/guard.ts';
import { openPeer, startTestGateway, type Peer, type TestGateway } from './testing.ts';

let gateway: TestGateway;
let alice: Peer;
let bob: Peer;
let denial: ErrorCode | undefined;

const policy: Guard = {
  name: 'policy',
  admit: ({ message }) =>
    denial && message.action !== 'operate'
      ? { verdict: 'deny', error: errorBody(denial, 'said the test') }
      : { verdict: 'pass' },
};

beforeEach(async () => {
  denial = undefined;
  gateway = await startTestGateway({ slots: { policy } });
  alice = await openPeer(gateway);
  bob = await openPeer(gateway);
  await alice.register({ name: 'alice' });
  await bob.register({ name: 'bob' });
});
afterEach(() => gateway[Symbol.asyncDispose]());

const codeOf = (frame: IoapFrame): string => (frame.type === 'ERROR' ? frame.payload.code : frame.type);

describe(`a frame that is not accepted is answered with its own code ${claim('P-IOAP.error-codes')}`, () => {
  const later = (): object => ({ timestamp: new Date(Date.now() + 5).toISOString() });

  it('INVALID_SIGNATURE: changed after signing', async () => {
    const { id } = alice.say('OFFER', bob.did, { sdp: 'v=0' }, {}, later());
    const answer = await alice.answerTo(id);
    expect(answer).toMatchObject({ from: gateway.did, to: alice.did, correlation_id: id });
    expect(codeOf(answer)).toBe('INVALID_SIGNATURE');
  });

  it('DID_MISMATCH: signed by another agent, or with another "from"', async () => {
    const { id, raw } = bob.sign('OFFER', alice.did, { sdp: 'v=0' });
    alice.send(raw);
    expect(codeOf(await alice.answerTo(id))).toBe('DID_MISMATCH');
    const forged = alice.say('OFFER', bob.did, { sdp: 'v=0' }, {}, { from: bob.did });
    expect(codeOf(await alice.answerTo(forged.id))).toBe('DID_MISMATCH');
  });

  it('MESSAGE_EXPIRED: too old or from the future', async () => {
    for (const shift of [-61_000, 61_000]) {
      const { id } = alice.say(
        'OFFER',
        bob.did,
        { sdp: 'v=0' },
        { timestamp: new Date(Date.now() + shift).toISOString() },
      );
      expect(codeOf(await alice.answerTo(id))).toBe('MESSAGE_EXPIRED');
    }
  });

  it(`REPLAY_DETECTED: a signal sent twice, or its id used again ${claim('P-IOAP.replay')}`, async () => {
    const { id, raw } = alice.say('OFFER', bob.did, { sdp: 'v=0' });
    await bob.next((frame) => frame.id === id);
    alice.send(raw);
    expect(codeOf(await alice.answerTo(id))).toBe('REPLAY_DETECTED');
    alice.say('OFFER', bob.did, { sdp: 'v=1' }, { id });
    expect(codeOf(await alice.answerTo(id))).toBe('REPLAY_DETECTED');
    expect(bob.seen).toEqual([]);
  });

  it('UNKNOWN_AGENT: to nobody, whatever the type', async () => {
    const nobody = generateKeyPair().did;
    const ids = [
      alice.say('OFFER', nobody, { sdp: 'v=0' }),
      alice.say('EXEC_REQUEST', nobody, { args: {} }),
      alice.say('EXEC_REQUEST', 'capability:nothing', { args: {} }),
      alice.say('INTENT', nobody, { query: 'hello' }),
    ];
    for (const { id } of ids) expect(codeOf(await alice.answerTo(id))).toBe('UNKNOWN_AGENT');
  });

  it('PAYLOAD_TOO_LARGE, then close 1009: more than 1 MiB', async () => {
    alice.send(' '.repeat(IOAP_MAX_FRAME_BYTES + 1));
    expect(codeOf((await alice.next(({ type }) => type === 'ERROR')).frame)).toBe('PAYLOAD_TOO_LARGE');
    expect(await alice.closed).toMatchObject({ code: 1009 });
  });

  it('a frame of exactly 1 MiB is taken', async () => {
    const { id, raw } = alice.sign('PING', gateway.did, {});
    alice.send(raw.padEnd(IOAP_MAX_FRAME_BYTES, ' '));
    expect(codeOf(await alice.answerTo(id))).toBe('PONG');
  });

  it('MALFORMED_MESSAGE: no JSON, a wrong field, a binary frame; UNSUPPORTED_VERSION: another version', async () => {
    alice.send('{');
    expect(codeOf((await alice.next(({ type }) => type === 'ERROR')).frame)).toBe('MALFORMED_MESSAGE');
    const { id } = alice.say('PING', gateway.did, {}, {}, { type: 'DANCE' });
    expect(await alice.answerTo(id)).toMatchObject({
      payload: { code: 'MALFORMED_MESSAGE', details: { field: 'type' } },
    });
    alice.socket.send(Buffer.from(alice.sign('PING', gateway.did, {}).raw));
    expect(codeOf((await alice.next(({ type }) => type === 'ERROR')).frame)).toBe('MALFORMED_MESSAGE');
    const other = alice.say('PING', gateway.did, {}, {}, { version: '9' });
    expect(codeOf(await alice.answerTo(other.id))).toBe('UNSUPPORTED_VERSION');
  });

  it('MALFORMED_MESSAGE, then close 1007: bytes that are not UTF-8', async () => {
    alice.socket.send(Buffer.from([0xff, 0xfe]), { binary: false });
    expect(codeOf((await alice.next(({ type }) => type === 'ERROR')).frame)).toBe('MALFORMED_MESSAGE');
    expect(await alice.closed).toMatchObject({ code: 1007 });
  });

  it('the code of the guard that denied it, and IoAP’s own name where it has one', async () => {
    denial = 'PERMISSION_DENIED';
    const offer = alice.say('OFFER', bob.did, { sdp: 'v=0' });
    expect(await alice.answerTo(offer.id)).toMatchObject({
      payload: { code: 'POLICY_DENIED', details: { code: 'PERMISSION_DENIED', retryable: false } },
    });
    denial = 'RATE_LIMITED';
    const request = alice.say('EXEC_REQUEST', bob.did, { args: {} });
    expect(await alice.answerTo(request.id)).toMatchObject({
      payload: { code: 'RATE_LIMITED', details: { retryable: true } },
    });
    denial = 'NOT_ADMITTED';
    const intent = alice.say('INTENT', bob.did, { query: 'hello' });
    expect(codeOf(await alice.answerTo(intent.id))).toBe('NOT_ADMITTED');
    expect(bob.seen).toEqual([]);
  });

  it('NOT_FOUND: an answer to nothing; MALFORMED_MESSAGE: one that names no request', async () => {
    const { id } = bob.say(
      'EXEC_RESPONSE',
      alice.did,
      { status: 'success', execution_time_ms: 1 },
      { correlation_id: 'never-asked' },
    );
    expect(codeOf(await bob.answerTo(id))).toBe('NOT_FOUND');
    const bare = bob.say('EXEC_RESPONSE', alice.did, { status: 'success', execution_time_ms: 1 });
    expect(codeOf(await bob.answerTo(bare.id))).toBe('MALFORMED_MESSAGE');
  });

  it('CONNECTION_REFUSED: to an agent that is known but not connected', async () => {
    bob.socket.terminate();
    await expect.poll(() => gateway.exchange.routes.get(bob.did)).toBeUndefined();
    const { id } = alice.say('OFFER', bob.did, { sdp: 'v=0' });
    expect(codeOf(await alice.answerTo(id))).toBe('CONNECTION_REFUSED');
  });

  it('an internal failure tells nothing of its cause', async () => {
    gateway.exchange.routes.bind(bob.did, {
      reach: 'session',
      async *deliver() {
        throw new Error('secret of the house');
      },
    });
    const { id } = alice.say('OFFER', bob.did, { sdp: 'v=0' });
    const answer = await alice.answerTo(id);
    expect(codeOf(answer)).toBe('INTERNAL_ERROR');
    expect(JSON.stringify(answer)).not.toContain('secret');
  });
});

describe('signals', () => {
  it(`reach the other agent byte for byte, in order ${claim('P-IOAP.bytes', 'P-IOAP.types')}`, async () => {
    const sent = [
      alice.say('OFFER', bob.did, { sdp: 'v=0\r\no=- ünïcödé \u2028' }),
      ...Array.from({ length: 50 }, (_, n) =>
        alice.say('ICE_CANDIDATE', bob.did, { candidate: `candidate:${n}`, sdp_mid: '0', sdp_mline_index: 0 }),
      ),
    ];
    for (const { raw } of sent) expect((await bob.next(() => true)).raw).toBe(raw);
    const answer = bob.say('ANSWER', alice.did, { sdp: 'v=0' }, { correlation_id: sent[0]!.id });
    expect((await alice.next(() => true)).raw).toBe(answer.raw);
  });

  it('leave an entry and make no task', async () => {
    const { id } = alice.say('OFFER', bob.did, { sdp: 'v=0' });
    await bob.next((frame) => frame.id === id);
    const { read } = gateway.exchange.journal;
    const kinds = read.entries('default', { from: 0, limit: 100 }).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'signal')).toHaveLength(1);
    expect(gateway.exchange.live.size).toBe(0);
  });

  it('may be refused by an ERROR, which is forwarded as they are; one for nobody ends in the gateway', async () => {
    const offer = alice.say('OFFER', bob.did, { sdp: 'v=0' });
    const refusal = bob.say(
      'ERROR',
      alice.did,
      { code: 'CONNECTION_REFUSED', message: 'busy' },
      { correlation_id: offer.id },
    );
    expect((await alice.next(({ type }) => type === 'ERROR')).raw).toBe(refusal.raw);
    bob.say('ERROR', gateway.did, { code: 'INTERNAL_ERROR', message: 'mine' });
    const ping = bob.say('PING', gateway.did, {});
    await bob.answerTo(ping.id);
    expect(bob.seen.filter(({ frame }) => frame.type === 'ERROR')).toEqual([]);
  });

  it('go to agents only', async () => {
    const { id } = alice.say('OFFER', gateway.did, { sdp: 'v=0' });
    expect(codeOf(await alice.answerTo(id))).toBe('MALFORMED_MESSAGE');
    const named = alice.say('OFFER', 'agent:bob', { sdp: 'v=0' });
    expect((await bob.next(() => true)).raw).toBe(named.raw);
  });
});

describe('PING and PONG', () => {
  it('end in the gateway', async () => {
    const { id } = alice.say('PING', gateway.did, { nonce: 'n' });
    expect(await alice.answerTo(id)).toMatchObject({ type: 'PONG', payload: { nonce: 'n' } });
    alice.say('PONG', gateway.did, {});
    const next = alice.say('PING', gateway.did, {});
    await alice.answerTo(next.id);
    expect(alice.seen).toEqual([]);
  });
});
