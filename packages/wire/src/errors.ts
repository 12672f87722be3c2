import type { Json, JsonObject } from './json.ts';

/** gRPC status names (`google.rpc.Code`), also the `status` of A2A's HTTP+JSON error bodies. */
export type GrpcStatus =
  | 'CANCELLED'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'UNAUTHENTICATED';

/** The only three codes that ACP (BeeAI 0.2.0) knows; its clients reject any other. */
export type AcpErrorCode = 'server_error' | 'invalid_input' | 'not_found';

/** How one failure is said in every protocol. */
export interface ErrorProjection {
  /** What went wrong, as a sentence; the default message of an {@link AipError}. */
  readonly meaning: string;
  /** True if the same request, sent again unchanged, may succeed without anybody acting. */
  readonly retryable: boolean;
  readonly http: number;
  readonly grpc: GrpcStatus;
  /** JSON-RPC 2.0 §5.1; −32000 means: the stable code is in `error.data.code`. */
  readonly jsonrpc: number;
  /** A2A 1.0 §5.4: JSON-RPC code and `ErrorInfo.reason`, where A2A itself names this failure. */
  readonly a2a?: { readonly code: number; readonly reason: string };
  /** MCP 2026-07-28 JSON-RPC code, where it differs from {@link jsonrpc}. */
  readonly mcp?: number;
  readonly acp: AcpErrorCode;
  /** The `code` of an IoAP ERROR payload: the protocol's own name where it has one, else ours. */
  readonly ioap: string;
  /** The `code` of an ATP error payload: the protocol's own name where it has one, else ours. */
  readonly atp: string;
}

type Family = Pick<ErrorProjection, 'retryable' | 'http' | 'grpc' | 'jsonrpc' | 'acp'>;
type Row = Omit<ErrorProjection, 'ioap' | 'atp'> & Partial<Pick<ErrorProjection, 'ioap' | 'atp'>>;

const family =
  (common: Family) =>
  (meaning: string, own: Partial<Row> = {}): Row => ({ ...common, meaning, ...own });

const invalid = family({
  retryable: false,
  http: 400,
  grpc: 'INVALID_ARGUMENT',
  jsonrpc: -32602,
  acp: 'invalid_input',
});
const unsupported = family({
  retryable: false,
  http: 400,
  grpc: 'FAILED_PRECONDITION',
  jsonrpc: -32000,
  acp: 'invalid_input',
});
const unauthenticated = family({
  retryable: false,
  http: 401,
  grpc: 'UNAUTHENTICATED',
  jsonrpc: -32000,
  acp: 'server_error',
});
const denied = family({
  retryable: false,
  http: 403,
  grpc: 'PERMISSION_DENIED',
  jsonrpc: -32000,
  acp: 'server_error',
});
const missing = family({
  retryable: false,
  http: 404,
  grpc: 'NOT_FOUND',
  jsonrpc: -32602,
  acp: 'not_found',
});
const conflict = family({
  retryable: false,
  http: 409,
  grpc: 'ABORTED',
  jsonrpc: -32000,
  acp: 'invalid_input',
});
const exhausted = family({
  retryable: true,
  http: 429,
  grpc: 'RESOURCE_EXHAUSTED',
  jsonrpc: -32000,
  acp: 'server_error',
});
const unavailable = family({
  retryable: true,
  http: 503,
  grpc: 'UNAVAILABLE',
  jsonrpc: -32000,
  acp: 'server_error',
});
const late = family({
  retryable: true,
  http: 504,
  grpc: 'DEADLINE_EXCEEDED',
  jsonrpc: -32000,
  acp: 'server_error',
});
const broken = family({
  retryable: false,
  http: 500,
  grpc: 'INTERNAL',
  jsonrpc: -32603,
  acp: 'server_error',
});

const rows = {
  // What was sent cannot be understood.
  MALFORMED_MESSAGE: invalid('The message is not well-formed.', {
    jsonrpc: -32700,
    atp: 'INVALID_ENVELOPE',
  }),
  INVALID_REQUEST: invalid('The message is well-formed but not a request that this protocol knows.', {
    jsonrpc: -32600,
    ioap: 'MALFORMED_MESSAGE',
    atp: 'INVALID_ENVELOPE',
  }),
  INVALID_ARGUMENT: invalid('An argument has a wrong value.', { ioap: 'MALFORMED_MESSAGE' }),
  PAYLOAD_TOO_LARGE: invalid('The message is larger than the limit.', { http: 413 }),
  METHOD_NOT_FOUND: missing('There is no such method.', {
    grpc: 'UNIMPLEMENTED',
    jsonrpc: -32601,
    ioap: 'MALFORMED_MESSAGE',
  }),
  UNSUPPORTED_VERSION: unsupported('This protocol version is not supported.', {
    a2a: { code: -32009, reason: 'VERSION_NOT_SUPPORTED' },
    mcp: -32022,
  }),
  UNSUPPORTED_OPERATION: unsupported('This operation is not supported here.', {
    a2a: { code: -32004, reason: 'UNSUPPORTED_OPERATION' },
    mcp: -32601,
  }),
  CONTENT_TYPE_NOT_SUPPORTED: invalid('This content type is not supported.', {
    a2a: { code: -32005, reason: 'CONTENT_TYPE_NOT_SUPPORTED' },
  }),
  PUSH_NOTIFICATION_NOT_SUPPORTED: unsupported('The agent does not send push notifications.', {
    a2a: { code: -32003, reason: 'PUSH_NOTIFICATION_NOT_SUPPORTED' },
  }),
  EXTENDED_CARD_NOT_CONFIGURED: unsupported('The agent has no extended card.', {
    a2a: { code: -32007, reason: 'EXTENDED_AGENT_CARD_NOT_CONFIGURED' },
  }),
  EXTENSION_REQUIRED: unsupported('The agent requires an extension that the client did not declare.', {
    a2a: { code: -32008, reason: 'EXTENSION_SUPPORT_REQUIRED' },
  }),
  HEADER_MISMATCH: invalid('A header contradicts the body it describes.', { mcp: -32020 }),
  MISSING_CLIENT_CAPABILITY: unsupported('The client lacks a capability that this request needs.', {
    mcp: -32021,
  }),

  // Who sent it is not established.
  UNAUTHENTICATED: unauthenticated('Authentication is missing or not valid.', { ioap: 'NOT_REGISTERED' }),
  INVALID_SIGNATURE: unauthenticated('The signature does not fit the message and the key.'),
  DID_MISMATCH: unauthenticated('The DID is not the one that the key or the session proves.'),
  REPLAY_DETECTED: unauthenticated('This signed message has been seen before.'),
  MESSAGE_EXPIRED: unauthenticated('The time of the message is outside the accepted window.'),
  NOT_REGISTERED: unauthenticated('The agent must register on this connection first.'),

  // Who sent it may not do this.
  NOT_ADMITTED: denied('The agent has not been admitted; it needs a join token or an operator.'),
  PERMISSION_DENIED: denied('Policy does not permit this action.', {
    ioap: 'POLICY_DENIED',
    atp: 'POLICY_DENIED',
  }),
  INSUFFICIENT_SCOPE: denied('The access token was not granted a scope that this action needs.'),
  INSUFFICIENT_TRUST: denied('The trust score is below what this action requires.'),
  FORBIDDEN_ORIGIN: denied('This Origin is not allowed.'),
  FORBIDDEN_HOST: denied('This Host is not allowed.'),
  RATE_LIMITED: exhausted('Too many requests; slow down.'),
  PAYMENT_REQUIRED: denied('A payment is required.', { http: 402 }),
  BUDGET_EXCEEDED: denied('A budget would be exceeded.', { grpc: 'RESOURCE_EXHAUSTED' }),
  LOOP_DETECTED: denied('The chain of calls is too deep or comes back to itself.', { http: 508 }),
  APPROVAL_REQUIRED: denied('A person must approve this action first.', { grpc: 'FAILED_PRECONDITION' }),
  APPROVAL_DENIED: denied('A person refused this action.'),
  APPROVAL_EXPIRED: denied('Nobody approved this action in time.'),
  TOO_MANY_ASKS: exhausted('Too many calls of this sender wait for a person already.'),
  ADDRESS_BLOCKED: denied('The address is not public, and no operator has named it.'),
  REAUTHORISE: denied('The service behind this address wants the caller to log in there first.'),

  // It has been stopped.
  KILLED: denied('A kill is in force for this scope.'),
  QUARANTINED: denied('The target is quarantined.'),
  PAUSED: unavailable('The scope is paused; it will continue.'),
  CANCELED: conflict('The task was canceled.', { http: 499, grpc: 'CANCELLED' }),

  // What it is about is not there, or is in another state.
  UNKNOWN_AGENT: missing('No agent of this name is known.'),
  UNKNOWN_TARGET: missing('Nothing is reachable at this address.', { ioap: 'UNKNOWN_AGENT' }),
  NOT_FOUND: missing('There is no such thing.'),
  TASK_NOT_FOUND: missing('There is no such task.', {
    a2a: { code: -32001, reason: 'TASK_NOT_FOUND' },
  }),
  TASK_NOT_CANCELABLE: conflict('The task has ended and cannot be canceled.', {
    http: 400,
    grpc: 'FAILED_PRECONDITION',
    a2a: { code: -32002, reason: 'TASK_NOT_CANCELABLE' },
    mcp: -32602,
  }),
  CONFLICT: conflict('Another change came first; read again.'),
  IDEMPOTENCY_CONFLICT: conflict('The idempotency key was used for a different request.'),
  DUPLICATE: conflict('This already exists.', { grpc: 'ALREADY_EXISTS' }),
  SESSION_REPLACED: conflict('A newer connection of the same agent took over.'),
  RESUME_FAILED: conflict('The session is gone; register anew.'),

  // It was accepted and did not work out.
  AGENT_UNAVAILABLE: unavailable('The agent is known but cannot be reached now.', {
    ioap: 'CONNECTION_REFUSED',
  }),
  UPSTREAM_FAILED: unavailable('What stands behind this address failed.', { http: 502 }),
  INVALID_AGENT_RESPONSE: broken('The agent answered with something its protocol does not allow.', {
    a2a: { code: -32006, reason: 'INVALID_AGENT_RESPONSE' },
  }),
  ISSUER_UNAVAILABLE: unavailable('The issuer of the access token cannot be reached, so the token cannot be verified.'),
  TIMEOUT: late('No answer came in time.'),
  DEADLINE_EXCEEDED: late('The deadline of the message has passed.', {
    retryable: false,
    ioap: 'TIMEOUT',
    atp: 'TIMEOUT',
  }),
  SECRETS_NOT_KEPT: conflict('The call waited over a restart, and secrets among its inputs are never kept.', {
    retryable: true,
  }),
  TOOL_FAILED: broken('The tool ran and says that it failed; its result says why.', { http: 502, jsonrpc: -32000 }),
  DELIVERED_TOO_OFTEN: broken('The target was lost each time it worked on this, so it is not delivered again.', {
    http: 502,
    jsonrpc: -32000,
  }),
  EFFECT_UNKNOWN: broken('The action was interrupted; whether it took effect is not known.'),
  SLOW_CONSUMER: exhausted('The receiver does not keep up; the queue for it is full.'),

  // The platform itself cannot go on.
  NOT_RECORDED: unavailable('The journal cannot record the action, so it was not done.'),
  DISK_FULL: unavailable('The disk is full, so nothing can be recorded.', { http: 507 }),
  SHUTTING_DOWN: unavailable('The platform is shutting down.'),
  POLICY_INVALID: invalid('The policy has errors.'),
  CONFIG_INVALID: invalid('The configuration has errors.'),
  INTERNAL_ERROR: broken('Something went wrong inside; the operator finds it in the log.'),
} satisfies Record<string, Row>;

/** The stable name of a failure. Codes are never renamed or reused. */
export type ErrorCode = keyof typeof rows;

/** The one table of stable codes: code → meaning and its form in every protocol. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorProjection>> = Object.fromEntries(
  Object.entries<Row>(rows).map(([code, row]) => [code, Object.freeze({ ioap: code, atp: code, ...row })]),
) as Record<ErrorCode, ErrorProjection>;

/** All codes, in the order of the table. */
export const ERROR_CODES = Object.keys(rows) as readonly ErrorCode[];

export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(rows, text);
}

/**
 * Whether the same request, sent again unchanged, may succeed without anybody acting. What failed behind an address may
 * have said why, as `details.agent_code`: what is in vain there is in vain here. What a shutdown has interrupted goes on
 * as `details.task`; sent again it would be done twice.
 */
export function isRetryable(code: ErrorCode, details?: JsonObject): boolean {
  if (code === 'SHUTTING_DOWN' && details?.['task'] !== undefined) return false;
  const said = details?.['agent_code'];
  return ERRORS[code].retryable && !(isErrorCode(said) && !ERRORS[said].retryable);
}

/** What leaves the process about a failure: never a stack, never a cause. */
export interface ErrorBody extends JsonObject {
  code: ErrorCode;
  message: string;
  details?: JsonObject;
  retryable: boolean;
}

export interface AipErrorOptions {
  /** What a caller can act on: which field, which limit, when to retry. It is sent to the caller. */
  details?: JsonObject;
  /** What lies behind it; for the log only. */
  cause?: unknown;
}

/**
 * A failure with a stable code. The message says what was wrong, where, and what to do about it;
 * message and details go to the caller, so they hold no secrets.
 */
export class AipError extends Error {
  override readonly name = 'AipError';
  readonly code: ErrorCode;
  readonly details?: JsonObject;

  constructor(code: ErrorCode, message: string = ERRORS[code].meaning, options: AipErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.details !== undefined) this.details = options.details;
  }

  get retryable(): boolean {
    return isRetryable(this.code, this.details);
  }

  toJSON(): ErrorBody {
    const body: ErrorBody = { code: this.code, message: this.message, retryable: this.retryable };
    if (this.details !== undefined) body.details = this.details;
    return body;
  }
}

/** Any thrown thing as an AipError; what is not one becomes INTERNAL_ERROR with the original as cause. */
export function toAipError(thrown: unknown): AipError {
  if (thrown instanceof AipError) return thrown;
  return new AipError('INTERNAL_ERROR', undefined, { cause: thrown });
}

/** The error that an {@link ErrorBody} received from a peer stands for; an unknown code becomes UPSTREAM_FAILED. */
export function aipErrorFromBody(body: Json | undefined): AipError {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return new AipError('UPSTREAM_FAILED');
  const { code, message, details } = body;
  return new AipError(
    isErrorCode(code) ? code : 'UPSTREAM_FAILED',
    typeof message === 'string' ? message : undefined,
    isPlainObject(details) ? { details } : {},
  );
}

function isPlainObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
