import {
  AipError,
  checkTimestamp,
  IOAP_MAX_FRAME_BYTES,
  isJsonObject,
  registeredKey,
  type IoapFrame,
  type IoapPayloads,
  type Json,
  type JsonObject,
} from '@aip/wire';
import { outputOf } from '../../exchange/index.ts';
import { data } from '../../kernel/body.ts';
import type { Session } from '../../kernel/session.ts';
import type { IoapLimits } from './limits.ts';
import type { Edge } from './link.ts';
import { replayed } from './replay-memory.ts';

export type RegisterFrame = Extract<IoapFrame, { type: 'REGISTER' }>;

/**
 * Proves that the sender of a REGISTER, whose signature has been verified, holds the key of its DID and means this
 * gateway, now, for the first time.
 *
 * Throws DID_MISMATCH, MESSAGE_EXPIRED, REPLAY_DETECTED, MALFORMED_MESSAGE.
 */
export function checkRegistration(edge: Edge, frame: RegisterFrame): void {
  if (frame.to !== edge.frames.did) {
    throw new AipError(
      'DID_MISMATCH',
      `REGISTER is addressed to the gateway, ${edge.frames.did}; otherwise another gateway could pass it on.`,
      {
        details: { gateway: edge.frames.did },
      },
    );
  }
  registeredKey(frame);
  checkTimestamp(frame, edge.exchange.clock.now(), edge.limits.skew);
  edge.registrations.remember(frame.from, frame.id);
}

/**
 * Announces the agent. The memory of frames ends with the process, the log does not: the frame's id is the key under
 * which it is kept there, so that one that has been taken before a restart is not taken after it.
 * One that changes nothing is recorded for the same reason: over another connection it would be somebody's who repeats it.
 *
 * Throws NOT_ADMITTED and whatever else denies it, REPLAY_DETECTED.
 */
export async function announce(edge: Edge, session: Session, { id, payload }: RegisterFrame): Promise<Json> {
  const idempotencyKey = `register:${id}`;
  const call = await edge.exchange.send(session, {
    to: 'operation:agents.connect',
    action: 'operate',
    body: data(announcement(payload)),
    idempotencyKey,
  });
  // A key that is known leads to what it was used for; a call that waits for a person, to the one that waits.
  const { message } = call;
  const isFirst = message?.session === session.id || (message && message.idempotencyKey !== idempotencyKey);
  if (!isFirst) throw replayed();
  return outputOf(call);
}

function announcement(payload: RegisterFrame['payload']): JsonObject {
  const { name, description, version, join_token, capabilities = [] } = payload;
  return {
    ...present({ name, description, version, join_token }),
    protocol: 'ioap',
    capabilities: capabilities.map(({ price, ...capability }) => ({
      ...capability,
      ...(price === undefined ? {} : { price: price.amount }),
    })),
  };
}

const present = (fields: Record<string, string | undefined>): JsonObject =>
  Object.fromEntries(Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined));

/** Throws PAYLOAD_TOO_LARGE for a REGISTER that is. */
export function checkSize(raw: string, { registerBytes }: IoapLimits): void {
  if (Buffer.byteLength(raw) > registerBytes)
    throw new AipError('PAYLOAD_TOO_LARGE', `A REGISTER has at most ${registerBytes} bytes.`);
}

/** The answer to REGISTER: who is known here under which name, and the bounds of this connection. */
export function registered(edge: Edge, did: string, view: Json, took: number): IoapPayloads['EXEC_RESPONSE'] {
  const { limits, frames } = edge;
  return {
    status: 'success',
    execution_time_ms: took,
    result: {
      did,
      name: isJsonObject(view) ? (view['name'] ?? null) : null,
      gateway: frames.did,
      heartbeat_ms: limits.heartbeat,
      limits: {
        max_frame_bytes: IOAP_MAX_FRAME_BYTES,
        idle_ms: limits.idle,
        skew_ms: limits.skew,
        open_requests: limits.calls,
        queue_messages: limits.queueMessages,
        queue_bytes: limits.queueBytes,
      },
    },
  };
}
