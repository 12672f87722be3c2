import type { IoapEnvelope, JsonObject } from '@aip/wire';
import type { Draft, Message } from '../../kernel/message.ts';

type RequestType = 'EXEC_REQUEST' | 'INTENT';

/** The signed frame that a message came in. */
export interface OriginalRequest {
  readonly id: string;
  readonly to: string;
  readonly type: RequestType;
  readonly raw: string;
}

/**
 * How a signed request is kept with its message. The frame's own id as idempotency key binds its exact bytes
 * (`signed`). A key that the sender chose binds what is asked for, so that a retry may be signed anew.
 */
export function keepOriginal(
  frame: IoapEnvelope<RequestType>,
  raw: string,
): Pick<Draft, 'idempotencyKey' | 'signed' | 'native'> {
  const { id, to, type, payload } = frame;
  if (payload.idempotency_key === undefined)
    return { idempotencyKey: `ioap:${id}`, signed: raw, native: { id, to, type } };
  return { idempotencyKey: payload.idempotency_key, native: { id, to, type, raw } };
}

/** The frame kept by {@link keepOriginal}; undefined for messages of other edges. */
export function originalOf(message: Message): OriginalRequest | undefined {
  if (message.edge !== 'ioap' || message.native === undefined) return undefined;
  const { id, to, type, raw = message.signed } = message.native as JsonObject & Partial<OriginalRequest>;
  if (id === undefined || to === undefined || type === undefined || raw === undefined) return undefined;
  return { id, to, type, raw };
}
