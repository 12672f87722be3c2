import { randomUUID } from 'node:crypto';
import {
  AipError,
  canonicalJson,
  ERRORS,
  IOAP_MAX_FRAME_BYTES,
  IOAP_VERSION,
  toBase64,
  utf8Bytes,
  type ErrorBody,
  type IoapPayloads,
  type IoapType,
  type Json,
  type JsonObject,
} from '@aip/wire';

/** Who signs for the gateway. The key itself stays where it is kept. */
export interface Gateway {
  readonly did: string;
  /** Ed25519 over the bytes, 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array;
}

/** Stands in `to` when the peer has not said who it is. */
const SOMEBODY = 'did:unknown:peer';

/** Readers refuse JSON nested more than 64 deep; the payload is one level inside its frame. */
const MAX_PAYLOAD_DEPTH = 63;

const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export interface FrameOptions {
  /** Id of the frame that this one answers. */
  readonly correlationId?: string | undefined;
  /** W3C traceparent. */
  readonly trace?: string | undefined;
}

/** Frames that the gateway itself says and signs. */
export interface GatewayFrames {
  readonly did: string;
  /** Throws PAYLOAD_TOO_LARGE, and MALFORMED_MESSAGE for text that is not Unicode. */
  write<T extends IoapType>(type: T, to: string, payload: IoapPayloads[T], options?: FrameOptions): GatewayFrame;
  error(to: string | undefined, error: Failure, correlationId: string | undefined): string;
}

export interface GatewayFrame {
  readonly id: string;
  /** The bytes to send, as text. */
  readonly raw: string;
}

/** An AipError, or the body of one. */
export type Failure = Pick<ErrorBody, 'code' | 'message' | 'retryable'> & { readonly details?: JsonObject };

export function createGatewayFrames(gateway: Gateway, now: () => number): GatewayFrames {
  const write: GatewayFrames['write'] = (type, to, payload, { correlationId, trace } = {}) => {
    if (depthOf(payload as unknown as Json) > MAX_PAYLOAD_DEPTH)
      throw new AipError('PAYLOAD_TOO_LARGE', `This ${type} is nested too deeply for a frame.`);
    const draft = {
      id: randomUUID(),
      ...(correlationId === undefined ? {} : { correlation_id: correlationId }),
      timestamp: new Date(now()).toISOString(),
      from: gateway.did,
      to,
      type,
      payload,
      version: IOAP_VERSION,
      ...(trace !== undefined && TRACEPARENT.test(trace) ? { trace } : {}),
    };
    const signature = toBase64(gateway.sign(utf8Bytes(canonicalJson(draft))));
    const raw = JSON.stringify({ ...draft, signature });
    if (Buffer.byteLength(raw) > IOAP_MAX_FRAME_BYTES) {
      throw new AipError(
        'PAYLOAD_TOO_LARGE',
        `This ${type} does not fit into a frame of ${IOAP_MAX_FRAME_BYTES} bytes.`,
      );
    }
    return { id: draft.id, raw };
  };

  return {
    did: gateway.did,
    write,
    error(to = SOMEBODY, error, correlationId) {
      const payload = errorPayload(error);
      try {
        return write('ERROR', to, payload, { correlationId }).raw;
      } catch {
        // Details that fit into no frame must not keep the error from being told.
        return write('ERROR', to, { code: payload.code, message: payload.message }, { correlationId }).raw;
      }
    },
  };
}

/** Levels of objects and arrays; a bare value has none. */
function depthOf(value: Json | undefined): number {
  if (typeof value !== 'object' || value === null) return 0;
  let deepest = 0;
  for (const item of Array.isArray(value) ? value : Object.values(value)) deepest = Math.max(deepest, depthOf(item));
  return deepest + 1;
}

/** A failure in IoAP's words: its own name where it has one, the stable code beside it, and whether to try again. */
export function errorPayload(error: Failure): IoapPayloads['ERROR'] {
  const code = ERRORS[error.code].ioap;
  const details = {
    ...error.details,
    ...(code === error.code ? {} : { code: error.code }),
    retryable: error.retryable,
  };
  return { code, message: error.message.slice(0, 4096).toWellFormed(), details };
}
