import { ERRORS, toAipError, type AipError, type Json, type JsonObject } from '@aip/wire';

/**
 * Failures in A2A's words (section 5.4): the JSON-RPC error object (section 9.5) and the google.rpc.Status body of
 * HTTP+JSON (section 11.6), both with an ErrorInfo. Where A2A has no name for a failure, the reason is our stable code.
 */

const A2A_DOMAIN = 'a2a-protocol.org';
const OWN_DOMAIN = 'aip';
/** What the official implementations know as one kind of failure, by the reason INVALID_PARAMS. */
const MALFORMED: ReadonlySet<string> = new Set(['MALFORMED_MESSAGE', 'INVALID_REQUEST', 'INVALID_ARGUMENT']);

export function jsonRpcError(thrown: unknown): JsonObject {
  const error = toAipError(thrown);
  const { a2a, jsonrpc } = ERRORS[error.code];
  return { code: a2a?.code ?? jsonrpc, message: error.message, data: [errorInfo(error)] };
}

export function httpError(thrown: unknown): { readonly status: number; readonly body: JsonObject } {
  const error = toAipError(thrown);
  const { http, grpc } = ERRORS[error.code];
  return {
    status: http,
    body: { error: { code: http, status: grpc, message: error.message, details: [errorInfo(error)] } },
  };
}

function errorInfo(error: AipError): JsonObject {
  const { a2a } = ERRORS[error.code];
  return {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason: a2a?.reason ?? (MALFORMED.has(error.code) ? 'INVALID_PARAMS' : error.code),
    domain: a2a ? A2A_DOMAIN : OWN_DOMAIN,
    metadata: { code: error.code, retryable: String(error.retryable), ...asTexts(error.details) },
  };
}

/** ErrorInfo.metadata is a map from text to text. */
function asTexts(details: JsonObject | undefined): Record<string, Json> {
  const entries = Object.entries(details ?? {}).map(([key, value]) => [
    key,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return Object.fromEntries(entries) as Record<string, Json>;
}

/**
 * The HTTP status of a JSON-RPC answer: the error is inside, so 200, except where generic HTTP machinery has to see
 * it (authentication, size, overload).
 */
export function jsonRpcStatus(thrown: unknown): number {
  const { http } = ERRORS[toAipError(thrown).code];
  return http === 401 || http === 413 || http === 429 || http === 503 ? http : 200;
}

/** Headers that go with a failure. */
export function errorHeaders(thrown: unknown): Record<string, string> {
  const { code, details } = toAipError(thrown);
  const wait = details?.['retry_after_ms'];
  return {
    ...(ERRORS[code].http === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    ...(typeof wait === 'number' ? { 'retry-after': String(Math.ceil(wait / 1000)) } : {}),
  };
}
