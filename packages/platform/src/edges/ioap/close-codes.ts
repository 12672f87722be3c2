import type { ErrorCode } from '@aip/wire';

/** WebSocket close codes (RFC 6455 section 7.4; 4000–4999 are ours) for the reasons to end a connection. */
const CLOSE_CODES: Partial<Record<ErrorCode, number>> = {
  PAYLOAD_TOO_LARGE: 1009,
  SHUTTING_DOWN: 1012,
  MALFORMED_MESSAGE: 4400,
  NOT_REGISTERED: 4401,
  INVALID_SIGNATURE: 4401,
  DID_MISMATCH: 4401,
  REPLAY_DETECTED: 4401,
  MESSAGE_EXPIRED: 4401,
  NOT_ADMITTED: 4403,
  PERMISSION_DENIED: 4403,
  KILLED: 4403,
  QUARANTINED: 4403,
  TIMEOUT: 4408,
  SESSION_REPLACED: 4409,
  RATE_LIMITED: 4429,
  SLOW_CONSUMER: 4429,
};

export const closeCodeOf = (code: ErrorCode): number => CLOSE_CODES[code] ?? 4400;

/** A close reason has room for 123 bytes (RFC 6455 section 5.5). */
export function closeReason(text: string): string {
  let reason = text.slice(0, 123);
  while (Buffer.byteLength(reason) > 123) reason = reason.slice(0, -1);
  return reason.toWellFormed();
}
