import {
  type Check,
  anyObject,
  anything,
  closedObject,
  flag,
  integerFrom,
  listOf,
  malformedField,
  matching,
  nullable,
  numberFrom,
  object,
  oneOf,
  optional,
  text,
} from './check.ts';
import { AipError } from './errors.ts';
import { type Json, type JsonObject, isJsonObject } from './json.ts';

/** IoAP v1, the Internet-of-Agents Protocol: one signed JSON envelope, eleven types (WebSocket subprotocol `ioap.v1`). */

export const IOAP_SUBPROTOCOL = 'ioap.v1';
export const IOAP_VERSION = '1.0';
/** Largest frame in bytes of UTF-8. */
export const IOAP_MAX_FRAME_BYTES = 1024 * 1024;

/** A capability that an agent offers when it registers. */
export interface IoapCapability {
  name: string;
  description?: string;
  /** JSON Schema 2020-12 of `args`. */
  input_schema?: JsonObject;
  output_schema?: JsonObject;
  /** What a call changes: nothing, the agent's own state, or the world outside. */
  effect?: 'read' | 'write' | 'external';
  /** True if a call may be delivered twice under one idempotency key. */
  idempotent?: boolean;
  /** Asked per call, in the ledger's smallest unit. */
  price?: { amount: number; currency?: string };
}

/** What the sender of a request may ask of its handling. */
export interface IoapCallOptions {
  timeout_ms?: number;
  /** True if the caller takes EXEC_RESPONSE frames of status `partial`. */
  stream?: boolean;
  idempotency_key?: string;
  /** Task in whose service this request is made. */
  parent_id?: string;
}

/** The payload of each message type. Fields beyond these are kept and covered by the signature. */
export interface IoapPayloads {
  /** `public_key` is the raw Ed25519 key in base58, or its multibase form `z6Mk…`. */
  REGISTER: {
    public_key: string;
    name?: string;
    description?: string;
    version?: string;
    capabilities?: IoapCapability[];
    join_token?: string;
  };
  UNREGISTER: { reason?: string };
  OFFER: { sdp: string };
  ANSWER: { sdp: string };
  ICE_CANDIDATE: { candidate: string; sdp_mid?: string | null; sdp_mline_index?: number | null };
  /** Natural language (`query`) or structured (`task`), never both. */
  INTENT: IoapCallOptions &
    (
      | { query: string; context?: string | JsonObject }
      | { task: string; params?: JsonObject; context?: string | JsonObject }
    );
  /** Without `capability` the receiver has one obvious thing to do. */
  EXEC_REQUEST: IoapCallOptions & { capability?: string; args: JsonObject };
  /** `partial` frames are numbered by `seq` from 0 and precede the one that ends the task. */
  EXEC_RESPONSE: {
    status: 'success' | 'error' | 'partial';
    result?: Json;
    execution_time_ms: number;
    seq?: number;
    error?: { code: string; message: string; details?: JsonObject };
  };
  ERROR: { code: string; message: string; details?: JsonObject };
  PING: { nonce?: string };
  PONG: { nonce?: string };
}

export type IoapType = keyof IoapPayloads;

export interface IoapEnvelope<T extends IoapType> {
  /** Chosen by the sender, unique among its frames. */
  id: string;
  /** The `id` of the frame that this one answers. */
  correlation_id?: string | null;
  /** RFC 3339 with a zone. */
  timestamp: string;
  /** DID of the signer. */
  from: string;
  /** DID of an agent or of the gateway, or an address such as `capability:<name>`. */
  to: string;
  type: T;
  payload: IoapPayloads[T];
  version: typeof IOAP_VERSION;
  /** W3C traceparent. */
  trace?: string;
  /** Base64 Ed25519 over the canonical JSON (RFC 8785) of the envelope without this field. */
  signature: string;
}

/** A signed frame; narrow it by `type`. */
export type IoapFrame = { [T in IoapType]: IoapEnvelope<T> }[IoapType];

/** A frame before it is signed. */
export type IoapDraft = { [T in IoapType]: Omit<IoapEnvelope<T>, 'signature'> }[IoapType];

const identifier = matching(/^[!-~]+$/, 128, 'an identifier of 1 to 128 visible ASCII characters');
const capabilityName = matching(
  /^[A-Za-z0-9][A-Za-z0-9._:/-]*$/,
  128,
  'a capability name of letters, digits and . _ : / -',
);
const sdp = text(65_536, 1);
const context: Check = (value, field) => {
  if (typeof value !== 'string' && !isJsonObject(value)) throw malformedField(field, 'a text or an object');
};
const failure = object({ code: text(64, 1), message: text(4096), details: optional(anyObject) });

const capability = object({
  name: capabilityName,
  description: optional(text(4096)),
  input_schema: optional(anyObject),
  output_schema: optional(anyObject),
  effect: optional(oneOf('read', 'write', 'external')),
  idempotent: optional(flag),
  price: optional(object({ amount: integerFrom(0), currency: optional(text(32, 1)) })),
});

const callOptions = {
  timeout_ms: optional(numberFrom(0)),
  stream: optional(flag),
  idempotency_key: optional(identifier),
  parent_id: optional(identifier),
};

const queryIntent = object({ ...callOptions, query: text(65_536, 1), context: optional(context) });
const taskIntent = object({
  ...callOptions,
  task: text(256, 1),
  params: optional(anyObject),
  context: optional(context),
});

const payloadChecks: Readonly<Record<IoapType, Check>> = {
  REGISTER: object({
    public_key: text(64, 32),
    name: optional(text(128)),
    description: optional(text(4096)),
    version: optional(text(64)),
    capabilities: optional(listOf(capability, 256)),
    join_token: optional(text(256)),
  }),
  UNREGISTER: object({ reason: optional(text(1024)) }),
  OFFER: object({ sdp }),
  ANSWER: object({ sdp }),
  ICE_CANDIDATE: object({
    candidate: text(4096),
    sdp_mid: optional(nullable(text(256))),
    sdp_mline_index: optional(nullable(integerFrom(0))),
  }),
  INTENT: (value, field) => {
    const modes = isJsonObject(value) ? Number('query' in value) + Number('task' in value) : 0;
    if (modes !== 1) throw malformedField(field, 'an object with either query or task');
    return (value as JsonObject)['query'] === undefined ? taskIntent(value, field) : queryIntent(value, field);
  },
  EXEC_REQUEST: object({ ...callOptions, capability: optional(capabilityName), args: anyObject }),
  EXEC_RESPONSE: object({
    status: oneOf('success', 'error', 'partial'),
    execution_time_ms: numberFrom(0),
    seq: optional(integerFrom(0)),
    error: optional(failure),
  }),
  ERROR: failure,
  PING: object({ nonce: optional(text(128)) }),
  PONG: object({ nonce: optional(text(128)) }),
};

export const IOAP_TYPES = Object.keys(payloadChecks) as readonly IoapType[];

const draftChecks = {
  id: identifier,
  correlation_id: optional(nullable(identifier)),
  timestamp: matching(
    /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/,
    40,
    'an RFC 3339 time with a zone, such as 2026-01-12T06:20:29.123Z',
  ),
  from: matching(/^did:[a-z0-9]+:[A-Za-z0-9._:%-]+$/, 512, 'a DID'),
  to: matching(/^[!-~]+$/, 512, 'a DID or an address'),
  type: oneOf(...IOAP_TYPES),
  payload: anything,
  version: anything,
  trace: optional(matching(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/, 55, 'a W3C traceparent')),
};

const draftShape = closedObject(draftChecks);
const frameShape = closedObject({
  ...draftChecks,
  // 64 bytes: 86 characters, of which the last holds four zero bits, and the padding.
  signature: matching(/^[A-Za-z0-9+/]{85}[AQgw]==$/, 88, 'the base64 of a 64-byte Ed25519 signature'),
});

/** @throws AipError UNSUPPORTED_VERSION, or MALFORMED_MESSAGE naming the wrong field */
export function checkDraft(value: Json): asserts value is IoapDraft & JsonObject {
  checkEnvelope(value, draftShape);
}

/** @throws AipError UNSUPPORTED_VERSION, or MALFORMED_MESSAGE naming the wrong field */
export function checkFrame(value: Json): asserts value is IoapFrame & JsonObject {
  checkEnvelope(value, frameShape);
}

function checkEnvelope(value: Json, shape: Check): void {
  if (!isJsonObject(value)) throw new AipError('MALFORMED_MESSAGE', 'A frame is a JSON object.');
  // The version comes first: another version may have other fields.
  if (value['version'] !== IOAP_VERSION) {
    throw new AipError('UNSUPPORTED_VERSION', `This gateway speaks IoAP version "${IOAP_VERSION}".`, {
      details: { field: 'version', supported: [IOAP_VERSION] },
    });
  }
  shape(value, '');
  payloadChecks[value['type'] as IoapType](value['payload'], 'payload');
}

/**
 * Refuses a frame whose time is too far from `now`; together with a memory of ids for twice the window this
 * stops replays.
 *
 * @param now milliseconds since 1970
 * @param windowMs accepted difference either way; 60 s unless told
 * @throws AipError MESSAGE_EXPIRED
 */
export function checkTimestamp(frame: Pick<IoapDraft, 'timestamp'>, now: number, windowMs = 60_000): void {
  const skew = Math.abs(Date.parse(frame.timestamp) - now);
  // Written so that a time that cannot be read (NaN) is refused too.
  if (!(skew <= windowMs)) {
    throw new AipError('MESSAGE_EXPIRED', `The timestamp is more than ${windowMs} ms away from the time here.`, {
      details: { field: 'timestamp', now: new Date(now).toISOString(), window_ms: windowMs },
    });
  }
}
