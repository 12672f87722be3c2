import { AipError, type Json } from '@aip/wire';
import { ProtocolError, SdkError, SdkErrorCode, SdkHttpError, type JSONRPCMessage } from '@modelcontextprotocol/client';
import { errorBody, type ErrorBody } from '../../../kernel/error-body.ts';
import type { EffectState } from '../../../kernel/task.ts';
import { whyDisconnected } from './connection-failure.ts';
import { MAX_MESSAGE_BYTES } from './message-lines.ts';

/** Why a call to an upstream failed, and whether it may have done something nevertheless. */
export interface Failure {
  readonly error: ErrorBody;
  readonly effect: EffectState;
}

/** JSON-RPC errors by which a server says that it has not begun. */
const NOT_BEGUN: ReadonlySet<number> = new Set([-32700, -32600, -32601, -32602, -32020, -32021, -32022]);
/** Longest foreign message that is passed on, in characters. */
const MAX_TEXT = 2_000;
const MAX_DATA = 16 * 1024;

/**
 * Failures that the transports find themselves come to the SDK as JSON-RPC errors. Their `data` is one of these very
 * objects, so that no server can say the same.
 */
const OVERSIZED = { reason: 'oversized' };
const STREAM_ENDED = { reason: 'stream ended' };

const response = (id: string | number, data: object): JSONRPCMessage => ({
  jsonrpc: '2.0',
  id,
  error: { code: -32000, message: 'transport', data },
});

export const refusedResult = (id: string | number): JSONRPCMessage => response(id, OVERSIZED);
/** For a response body that is not read to its end. */
export const oversizedBody = (): Error =>
  new Error(`a message above ${MAX_MESSAGE_BYTES} bytes was refused`, { cause: OVERSIZED });
export const endedStream = (id: string | number): JSONRPCMessage => response(id, STREAM_ENDED);

/** `possible`: what the call may have changed if it was begun. */
export function failureOf(server: string, thrown: unknown, possible: EffectState): Failure {
  const failed = (message: string, effect: EffectState = possible): Failure => ({
    error: errorBody('UPSTREAM_FAILED', `${server}: ${message}`),
    effect,
  });
  const own = aipErrorIn(thrown);
  if (own) return { error: own.toJSON(), effect: 'none' };
  if (isOversized(thrown)) return failed(`its result is larger than ${MAX_MESSAGE_BYTES} bytes and was refused.`);
  if (thrown instanceof ProtocolError) {
    if (isCutShort(thrown)) return failed('it closed the connection before it had answered.');
    return { error: foreign(server, thrown), effect: NOT_BEGUN.has(thrown.code) ? 'none' : possible };
  }
  if (thrown instanceof SdkHttpError) return refusedByHttp(failed, thrown);
  if (thrown instanceof SdkError && thrown.code === SdkErrorCode.RequestTimeout) {
    return { error: errorBody('TIMEOUT', `${server} has not answered in time.`), effect: possible };
  }
  if (thrown instanceof SdkError && thrown.code === SdkErrorCode.InvalidResult)
    return failed('its answer does not follow the protocol.');
  if (thrown instanceof SdkError && thrown.code === SdkErrorCode.ConnectionClosed)
    return failed('it ended before it had answered.');
  const spawned = spawnError(thrown);
  if (spawned)
    return failed(`its command cannot be started (${spawned}); check mcp.servers.${server}.command.`, 'none');
  const why = whyDisconnected(thrown) ?? 'the connection to it failed';
  return failed(`${why}.`, isUnreached(thrown) ? 'none' : possible);
}

/** Whether a response is one that the transport has made, because the server's has not come. */
export const isCutShort = (thrown: ProtocolError): boolean => thrown.data === STREAM_ENDED;

/** An error of ours that another's has been wrapped around: an address that is blocked, a login that is wanted. */
export function aipErrorIn(thrown: unknown): AipError | undefined {
  let error = thrown;
  for (let depth = 0; error instanceof Error && depth < 8; depth++, error = error.cause)
    if (error instanceof AipError) return error;
  return undefined;
}

const isOversized = (thrown: unknown): boolean =>
  thrown instanceof Error &&
  (thrown.cause === OVERSIZED || (thrown instanceof ProtocolError && thrown.data === OVERSIZED));

/** An error of the server's own, kept so that an MCP client gets it as it was. */
function foreign(server: string, { code, message, data }: ProtocolError): ErrorBody {
  const native = { code, message: message.slice(0, MAX_TEXT), ...(small(data) ? { data: data as Json } : {}) };
  const own =
    code === -32602 || code === -32600 ? 'INVALID_ARGUMENT' : code === -32601 ? 'METHOD_NOT_FOUND' : 'UPSTREAM_FAILED';
  return errorBody(own, `${server}: ${native.message}`, { mcp: native });
}

function small(data: unknown): boolean {
  if (data === undefined) return false;
  const text = JSON.stringify(data);
  return text !== undefined && text.length <= MAX_DATA;
}

function refusedByHttp(failed: (message: string, effect?: EffectState) => Failure, { data }: SdkHttpError): Failure {
  if (data.status === 401 || data.status === 403) {
    return failed(
      `it refuses the credentials that the gateway has for it (HTTP ${data.status}); check the headers in its configuration.`,
      'none',
    );
  }
  if (data.status >= 300 && data.status < 400)
    return failed(
      `it redirects to another address (HTTP ${data.status}), where nobody follows; configure that one if it is meant.`,
      'none',
    );
  return failed(`it answered with HTTP ${data.status}.`, data.status < 500 ? 'none' : 'unknown');
}

function spawnError(thrown: unknown): string | undefined {
  const { syscall, code } = thrown instanceof Error ? (thrown as NodeJS.ErrnoException) : {};
  return syscall?.startsWith('spawn') ? code : undefined;
}

const NETWORK: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Whether nobody took the connection, so that nothing can have been begun. */
const isUnreached = (thrown: unknown): boolean =>
  thrown instanceof Error && NETWORK.has((thrown.cause as { code?: unknown } | undefined)?.code);

/** A session that the server has forgotten (2025-11-25, session management): it wants a new one, nothing was begun. */
export const isLostSession = (thrown: unknown): boolean => thrown instanceof SdkHttpError && thrown.data.status === 404;

/** Over HTTP it is the calls that notice when a server or its session has gone. */
export const isConnectionLoss = (thrown: unknown): boolean =>
  isLostSession(thrown) || thrown instanceof TypeError || isUnreached(thrown);
