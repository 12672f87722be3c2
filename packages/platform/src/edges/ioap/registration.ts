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
import type { Session } from '../../kernel/session.ts';
import type { Edge } from './link.ts';

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

/** Announces the agent; throws NOT_ADMITTED and whatever else denies it. */
export function announce(edge: Edge, session: Session, { payload }: RegisterFrame): Promise<Json> {
  const { name, description, version, join_token, capabilities = [] } = payload;
  return edge.exchange.operate(session, 'agents.connect', {
    ...present({ name, description, version, join_token }),
    protocol: 'ioap',
    capabilities: capabilities.map(({ price, ...capability }) => ({
      ...capability,
      ...(price === undefined ? {} : { price: price.amount }),
    })),
  });
}

const present = (fields: Record<string, string | undefined>): JsonObject =>
  Object.fromEntries(Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined));

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
