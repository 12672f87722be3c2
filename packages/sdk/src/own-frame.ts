import { randomUUID } from 'node:crypto';
import {
  AipError,
  IOAP_MAX_FRAME_BYTES,
  IOAP_VERSION,
  signFrame,
  type IoapDraft,
  type IoapPayloads,
  type IoapType,
  type KeyPair,
} from '@aip/wire';
import type { RequestOptions } from './open-requests.ts';

/** A frame of one's own as it goes over the wire. Throws PAYLOAD_TOO_LARGE. */
export function signedFrame<T extends IoapType>(
  key: KeyPair,
  type: T,
  to: string,
  payload: IoapPayloads[T],
  correlationId?: string,
): { id: string; raw: string } {
  const draft = {
    id: randomUUID(),
    ...(correlationId === undefined ? {} : { correlation_id: correlationId }),
    timestamp: new Date().toISOString(),
    from: key.did,
    to,
    type,
    payload,
    version: IOAP_VERSION,
  };
  const raw = JSON.stringify(signFrame(draft as IoapDraft, key));
  if (Buffer.byteLength(raw) > IOAP_MAX_FRAME_BYTES)
    throw new AipError('PAYLOAD_TOO_LARGE', `A frame has at most ${IOAP_MAX_FRAME_BYTES} bytes.`);
  return { id: draft.id, raw };
}

/** Every request has a key, so that it can be put again when its answer was lost with the connection. */
export function withKey<P extends IoapPayloads['INTENT'] | IoapPayloads['EXEC_REQUEST']>(
  payload: P,
  options: RequestOptions,
): P {
  return {
    idempotency_key: randomUUID(),
    ...(options.timeoutMs === undefined ? {} : { timeout_ms: options.timeoutMs }),
    ...(options.onPartial === undefined ? {} : { stream: true }),
    ...payload,
  };
}
