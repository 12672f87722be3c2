import { describe, expect, it } from 'vitest';
import { IOAP_TYPES, type IoapType, checkDraft, checkTimestamp } from './ioap-frame.ts';
import type { Json, JsonObject } from './json.ts';
import { refusal } from './testing.ts';

const did = 'did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK';

/** The payloads that the README of the protocol shows, one per type. */
const payloads: Record<IoapType, JsonObject> = {
  REGISTER: { public_key: '4zvwRjXUKGfvwnParsHAS3HuSVzV5cA4McphgmoCtajS' },
  UNREGISTER: {},
  OFFER: { sdp: 'v=0\r\no=...' },
  ANSWER: { sdp: 'v=0\r\no=...' },
  ICE_CANDIDATE: { candidate: 'candidate:1 1 UDP...', sdp_mid: '0', sdp_mline_index: 0 },
  INTENT: { query: 'Extract non-compete clauses from this PDF', context: 'Legal document' },
  EXEC_REQUEST: { args: { param1: 'value1' }, timeout_ms: 5000, stream: false },
  EXEC_RESPONSE: { status: 'success', result: { key: 'value' }, execution_time_ms: 1234.5 },
  ERROR: { code: 'INVALID_SIGNATURE', message: 'Message signature verification failed', details: {} },
  PING: {},
  PONG: {},
};

function draft(type: string, payload: Json, changes: JsonObject = {}): JsonObject {
  return {
    id: '0b6f9a52-5df5-4f2b-9b0e-5b7f3f0a0c11',
    correlation_id: null,
    timestamp: '2026-01-12T06:20:29.123456Z',
    from: did,
    to: did,
    type,
    payload,
    version: '1.0',
    ...changes,
  };
}

/** The field that is named as wrong. */
const fault = (frame: Json) => {
  const error = refusal(() => checkDraft(frame));
  return [error.code, error.details?.['field']];
};

describe('an IoAP v1 frame', () => {
  it('has one of eleven types', () => {
    expect(IOAP_TYPES).toHaveLength(11);
  });

  it.each(IOAP_TYPES)('%s carries the payload of the protocol’s README', (type) => {
    expect(() => checkDraft(draft(type, payloads[type]))).not.toThrow();
  });

  it('carries a structured intent as well', () => {
    const params = { file_id: 'doc_123', clause_types: ['non_compete'] };
    expect(() => checkDraft(draft('INTENT', { task: 'extract_clauses', params }))).not.toThrow();
  });

  it('may do without correlation_id, and may carry a trace', () => {
    const { correlation_id: _, ...frame } = draft('PING', {});
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    expect(() => checkDraft({ ...frame, trace })).not.toThrow();
  });

  it('may say more in its payload than the protocol asks', () => {
    expect(() => checkDraft(draft('PING', { load: 0.5 }))).not.toThrow();
  });

  it.each<[string, JsonObject]>([
    ['id', { id: '' }],
    ['id', { id: 'a b' }],
    ['id', { id: 'x'.repeat(129) }],
    ['id', { id: 7 }],
    ['correlation_id', { correlation_id: '' }],
    ['timestamp', { timestamp: '2026-01-12T06:20:29.123456' }],
    ['timestamp', { timestamp: '2026-13-12T06:20:29Z' }],
    ['timestamp', { timestamp: 'yesterday' }],
    ['timestamp', { timestamp: 1768198829 }],
    ['from', { from: 'alice' }],
    ['from', { from: 'did:key:z6Mk bad' }],
    ['from', { from: null }],
    ['to', { to: '' }],
    ['to', { to: 'x'.repeat(513) }],
    ['type', { type: 'EXECUTE' }],
    ['type', { type: 'toString' }],
    ['payload', { payload: null }],
    ['payload', { payload: [] }],
    ['trace', { trace: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` }],
    ['correlationId', { correlationId: 'x' }],
  ])('with a wrong %s is refused by name: %j', (field, changes) => {
    expect(fault(draft('PING', {}, changes))).toEqual(['MALFORMED_MESSAGE', field]);
  });

  it.each(['id', 'timestamp', 'from', 'to', 'type', 'payload'])('without %s is refused by name', (field) => {
    const { [field]: _, ...rest } = draft('PING', {});
    expect(fault(rest)).toEqual(['MALFORMED_MESSAGE', field]);
  });

  it.each<[IoapType, string, JsonObject]>([
    ['REGISTER', 'payload.public_key', {}],
    ['REGISTER', 'payload.capabilities', { public_key: 'x'.repeat(44), capabilities: 'all' }],
    ['REGISTER', 'payload.capabilities[1].name', { public_key: 'x'.repeat(44), capabilities: [{ name: 'a' }, {}] }],
    [
      'REGISTER',
      'payload.capabilities[0].effect',
      { public_key: 'x'.repeat(44), capabilities: [{ name: 'a', effect: 'none' }] },
    ],
    [
      'REGISTER',
      'payload.capabilities[0].price.amount',
      { public_key: 'x'.repeat(44), capabilities: [{ name: 'a', price: { amount: 0.5 } }] },
    ],
    [
      'REGISTER',
      'payload.capabilities',
      { public_key: 'x'.repeat(44), capabilities: Array.from({ length: 257 }, () => ({ name: 'a' })) },
    ],
    ['OFFER', 'payload.sdp', {}],
    ['ANSWER', 'payload.sdp', { sdp: 1 }],
    ['ICE_CANDIDATE', 'payload.candidate', {}],
    ['ICE_CANDIDATE', 'payload.sdp_mline_index', { candidate: '', sdp_mline_index: -1 }],
    ['INTENT', 'payload', {}],
    ['INTENT', 'payload', { query: 'q', task: 't' }],
    ['INTENT', 'payload.params', { task: 't', params: 'p' }],
    ['INTENT', 'payload.context', { query: 'q', context: 7 }],
    ['EXEC_REQUEST', 'payload.args', { capability: 'echo' }],
    ['EXEC_REQUEST', 'payload.args', { args: [] }],
    ['EXEC_REQUEST', 'payload.timeout_ms', { args: {}, timeout_ms: -1 }],
    ['EXEC_REQUEST', 'payload.stream', { args: {}, stream: 'yes' }],
    ['EXEC_REQUEST', 'payload.capability', { args: {}, capability: 'rm -rf' }],
    ['EXEC_RESPONSE', 'payload.status', { execution_time_ms: 1, status: 'ok' }],
    ['EXEC_RESPONSE', 'payload.execution_time_ms', { status: 'success' }],
    ['EXEC_RESPONSE', 'payload.seq', { status: 'partial', execution_time_ms: 1, seq: 1.5 }],
    ['EXEC_RESPONSE', 'payload.error.code', { status: 'error', execution_time_ms: 1, error: { message: 'm' } }],
    ['ERROR', 'payload.message', { code: 'TIMEOUT' }],
    ['ERROR', 'payload.details', { code: 'TIMEOUT', message: 'm', details: [] }],
    ['PING', 'payload.nonce', { nonce: 5 }],
  ])('%s with a wrong %s is refused by name', (type, field, payload) => {
    expect(fault(draft(type, payload))).toEqual(['MALFORMED_MESSAGE', field]);
  });

  it.each<[string, JsonObject]>([
    ['another version', { version: '2.0' }],
    ['a number for a version', { version: 1 }],
    ['another version, whatever its other fields', { version: '2.0', from: 5, extra: true }],
  ])('of %s is refused as such', (_, changes) => {
    expect(fault(draft('PING', {}, changes))).toEqual(['UNSUPPORTED_VERSION', 'version']);
  });

  it.each([null, 'frame', 7, []])('is not %j', (value) => {
    expect(fault(value)[0]).toBe('MALFORMED_MESSAGE');
  });
});

describe('the time of a frame', () => {
  const frame = { timestamp: '2026-01-12T06:20:29.000Z' };
  const then = Date.UTC(2026, 0, 12, 6, 20, 29);

  it('is accepted up to the edge of the window, on both sides', () => {
    for (const now of [then, then - 60_000, then + 60_000]) expect(() => checkTimestamp(frame, now)).not.toThrow();
    for (const now of [then - 60_001, then + 60_001]) {
      expect(refusal(() => checkTimestamp(frame, now)).code).toBe('MESSAGE_EXPIRED');
    }
    expect(refusal(() => checkTimestamp(frame, then + 1001, 1000)).code).toBe('MESSAGE_EXPIRED');
  });

  it('is read with its zone', () => {
    expect(() => checkTimestamp({ timestamp: '2026-01-12T07:20:29+01:00' }, then)).not.toThrow();
  });

  it('is refused if it cannot be read', () => {
    expect(refusal(() => checkTimestamp({ timestamp: 'never' }, then)).code).toBe('MESSAGE_EXPIRED');
  });
});
