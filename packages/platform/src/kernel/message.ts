import type { JsonObject } from '@aip/wire';
import type { Address, AddressKind } from './address.ts';
import type { Body } from './body.ts';
import type { Principal } from './principal.ts';

export const EDGES = ['http', 'mcp', 'a2a', 'ioap', 'local'] as const;
/** The protocol a message came in by. */
export type EdgeName = (typeof EDGES)[number];

/** What is asked of the target; these are the Cedar actions as well. */
export type Action = 'invoke' | 'call' | 'read' | 'get' | 'signal' | 'publish' | 'subscribe' | 'operate';

/** What a request asks of each kind of thing that can be addressed; a topic takes no requests. */
export const ACTION_ON: Readonly<Record<Exclude<AddressKind, 'topic'> | 'template', Action>> = {
  agent: 'invoke',
  skill: 'invoke',
  capability: 'invoke',
  tool: 'call',
  resource: 'read',
  template: 'read',
  prompt: 'get',
  operation: 'operate',
};

/** What the caller is able to answer in the middle of a call. */
export interface Accepts {
  readonly sampling?: boolean;
  readonly elicitation?: boolean;
  readonly roots?: boolean;
  readonly input?: boolean;
}

/** W3C trace context. */
export interface Trace {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** The one form in which everything crosses the exchange. */
export interface Message {
  /** UUIDv7, made by the exchange. */
  readonly id: string;
  readonly kind: 'request' | 'signal' | 'publish';
  readonly from: Principal;
  readonly to: Address;
  readonly action: Action;
  readonly body: Body;
  /**
   * How its sender has put it, where its address, and perhaps its body, were resolved to something else. Kept for requests
   * with a key: by it a retry is known when it would be resolved differently, or not at all.
   */
  readonly asked?: { readonly to: Address; readonly body?: Body };
  readonly session: string;
  readonly edge: EdgeName;
  /** Network address of a sender that has not been admitted, so that strangers can be told apart. */
  readonly address?: string;
  /** The task this message belongs to; a request gets its own when it is accepted. */
  readonly taskId: string;
  readonly inReplyTo?: string;
  /** The task on whose behalf the sender acts; it must be the sender's own live assignment. */
  readonly parentId?: string;
  readonly conversationId?: string;
  readonly idempotencyKey?: string;
  /** Milliseconds since the Unix epoch. */
  readonly deadline?: number;
  readonly trace?: Trace;
  readonly accepts: Accepts;
  /** The sender's frame, to be forwarded byte for byte. */
  readonly signed?: string;
  /** Random, for a message that waits for an approval: what that is bound to cannot be guessed, and goes with the message. */
  readonly salt?: string;
  /** Arguments that were taken out of the kept message because they are secrets. */
  readonly withheld?: readonly string[];
  /** Native fields of the protocol that its own edge wants back (`_meta`, headers), never interpreted by the exchange. */
  readonly native?: JsonObject;
}

/** What an edge hands over; the exchange adds the rest. */
export type Draft = Pick<Message, 'to' | 'action' | 'body'> &
  Partial<
    Pick<
      Message,
      | 'kind'
      | 'taskId'
      | 'inReplyTo'
      | 'parentId'
      | 'conversationId'
      | 'idempotencyKey'
      | 'deadline'
      | 'trace'
      | 'accepts'
      | 'signed'
      | 'native'
    >
  >;
