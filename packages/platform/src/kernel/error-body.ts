import { AipError, isRetryable, type ErrorBody, type ErrorCode, type JsonObject } from '@aip/wire';

export type { ErrorBody } from '@aip/wire';

/** An error as it is recorded and sent: a stable code, a sentence that says what to do, and facts. */
export const errorBody = (code: ErrorCode, message: string, details?: JsonObject): ErrorBody => ({
  code,
  message,
  retryable: isRetryable(code, details),
  ...(details ? { details } : {}),
});

/** Turns anything thrown into an error that is safe to show: unknown failures keep their detail out of the answer. */
export function toErrorBody(thrown: unknown): ErrorBody {
  if (thrown instanceof AipError) return thrown.toJSON();
  if (thrown instanceof Error && thrown.name === 'AbortError') return errorBody('CANCELED', 'The call was canceled.');
  return errorBody('INTERNAL_ERROR', 'The platform failed while handling this call; its log names the cause.');
}
