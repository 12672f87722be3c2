import { describe, expect, it } from 'vitest';
import { AipError, ERROR_CODES, ERRORS, type ErrorCode, aipErrorFromBody, isErrorCode, toAipError } from './errors.ts';

describe('the table of errors', () => {
  it.each(ERROR_CODES)('%s has a form in every protocol', (code) => {
    const row = ERRORS[code];
    expect(row.meaning).toMatch(/^[A-Z].*\.$/);
    expect(row.http).toBeGreaterThanOrEqual(400);
    expect(row.http).toBeLessThan(600);
    expect(row.jsonrpc).toBeLessThan(0);
    expect(['server_error', 'invalid_input', 'not_found']).toContain(row.acp);
    expect(row.ioap).toMatch(/^[A-Z_]+$/);
    expect(row.atp).toMatch(/^[A-Z_]+$/);
  });

  it('says what A2A 1.0 §5.4 names with A2A’s codes, reasons and HTTP statuses', () => {
    const rows = ERROR_CODES.map((code) => ERRORS[code]).filter((row) => row.a2a);
    expect(Object.fromEntries(rows.map((row) => [row.a2a?.code, [row.a2a?.reason, row.http, row.grpc]]))).toEqual({
      '-32001': ['TASK_NOT_FOUND', 404, 'NOT_FOUND'],
      '-32002': ['TASK_NOT_CANCELABLE', 400, 'FAILED_PRECONDITION'],
      '-32003': ['PUSH_NOTIFICATION_NOT_SUPPORTED', 400, 'FAILED_PRECONDITION'],
      '-32004': ['UNSUPPORTED_OPERATION', 400, 'FAILED_PRECONDITION'],
      '-32005': ['CONTENT_TYPE_NOT_SUPPORTED', 400, 'INVALID_ARGUMENT'],
      '-32006': ['INVALID_AGENT_RESPONSE', 500, 'INTERNAL'],
      '-32007': ['EXTENDED_AGENT_CARD_NOT_CONFIGURED', 400, 'FAILED_PRECONDITION'],
      '-32008': ['EXTENSION_SUPPORT_REQUIRED', 400, 'FAILED_PRECONDITION'],
      '-32009': ['VERSION_NOT_SUPPORTED', 400, 'FAILED_PRECONDITION'],
    });
  });

  it('uses the codes of MCP 2026-07-28 where MCP has its own', () => {
    expect(ERRORS.HEADER_MISMATCH.mcp).toBe(-32020);
    expect(ERRORS.MISSING_CLIENT_CAPABILITY.mcp).toBe(-32021);
    expect(ERRORS.UNSUPPORTED_VERSION.mcp).toBe(-32022);
    expect(ERRORS.NOT_FOUND.jsonrpc).toBe(-32602);
  });

  it('keeps the seven codes that IoAP v1 names', () => {
    const spoken = new Set(ERROR_CODES.map((code) => ERRORS[code].ioap));
    for (const code of [
      'INVALID_SIGNATURE',
      'UNKNOWN_AGENT',
      'CONNECTION_REFUSED',
      'TIMEOUT',
      'MALFORMED_MESSAGE',
      'UNSUPPORTED_VERSION',
      'INTERNAL_ERROR',
    ]) {
      expect(spoken).toContain(code);
    }
    expect(ERRORS.PERMISSION_DENIED.ioap).toBe('POLICY_DENIED');
    expect(ERRORS.AGENT_UNAVAILABLE.ioap).toBe('CONNECTION_REFUSED');
  });
});

describe('AipError', () => {
  it('leaves the process without stack and cause', () => {
    const error = new AipError('RATE_LIMITED', 'Wait.', {
      details: { retry_after_ms: 50 },
      cause: new Error('secret'),
    });
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      code: 'RATE_LIMITED',
      message: 'Wait.',
      details: { retry_after_ms: 50 },
      retryable: true,
    });
    expect(error.cause).toBeInstanceOf(Error);
  });

  it('speaks the meaning of its code when it has nothing better to say', () => {
    expect(new AipError('KILLED').message).toBe(ERRORS.KILLED.meaning);
  });

  it('keeps what went wrong inside to itself', () => {
    const error = toAipError(new Error('password=hunter2'));
    expect(error.code).toBe('INTERNAL_ERROR');
    expect(JSON.stringify(error)).not.toContain('hunter2');
    expect(toAipError(error)).toBe(error);
  });

  it('survives a journey over the wire', () => {
    const error = new AipError('KILLED', 'Stopped.', { details: { scope: 'global' } });
    expect(aipErrorFromBody(error.toJSON() as unknown as { code: ErrorCode }).toJSON()).toEqual(error.toJSON());
  });

  it.each([undefined, null, 7, [], {}, { code: 'toString', message: 3, details: [] }])(
    'reads %j from a peer as UPSTREAM_FAILED',
    (body) => {
      expect(aipErrorFromBody(body).code).toBe('UPSTREAM_FAILED');
    },
  );

  it('knows its own codes only', () => {
    expect(isErrorCode('KILLED')).toBe(true);
    expect(isErrorCode('constructor')).toBe(false);
  });
});

it('what a shutdown has interrupted is asked about, not sent again', () => {
  expect(new AipError('SHUTTING_DOWN').retryable).toBe(true);
  expect(new AipError('SHUTTING_DOWN', 'Later.', { details: { task: '01a1' } }).retryable).toBe(false);
});

it('a failure behind an address is as retryable as its own code', () => {
  const failed = (agent_code?: string): AipError =>
    new AipError('UPSTREAM_FAILED', 'It failed.', agent_code === undefined ? {} : { details: { agent_code } });
  expect(['PERMISSION_DENIED', 'RATE_LIMITED', 'E_ITS_OWN', undefined].map((code) => failed(code).retryable)).toEqual([
    false,
    true,
    true,
    true,
  ]);
  expect(aipErrorFromBody(failed('PERMISSION_DENIED').toJSON()).retryable).toBe(false);
});
