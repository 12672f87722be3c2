import {
  isJSONRPCRequest,
  type EventStore,
  type JSONRPCMessage,
  type WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import type { HttpExchange } from './sessions.ts';
import { writeOn } from './unread.ts';

/** The first revision whose clients are told at the beginning of a stream where to take it up again (2025-11-25, transports). */
const POLLING = '2025-11-25';
/** Requests of one session whose clients poll. */
const MAX_POLLED = 256;

/** What polling needs of a session. */
export interface PollingSession {
  readonly transport: WebStandardStreamableHTTPServerTransport;
  /** What its clients can take up again. */
  readonly events: EventStore;
  /** Requests without an answer whose streams were closed early, the latest of them. */
  readonly polled: Set<string | number>;
}

/** Keeps what is sent, and knows the requests no longer that have been answered. */
export const forgetAnswered = (store: EventStore, polled: Set<string | number>): EventStore => ({
  ...store,
  storeEvent(stream, message) {
    if ('id' in message && message.id !== undefined && !('method' in message)) polled.delete(message.id);
    return store.storeEvent(stream, message);
  },
});

/** Closes the streams of calls that go on: nothing is lost, their clients take them up again (SEP-1699). */
export async function letPoll(
  { transport, polled, events }: PollingSession,
  { request, response, body }: HttpExchange,
): Promise<void> {
  const { 'mcp-protocol-version': version, 'last-event-id': last } = request.headers;
  if (typeof version !== 'string' || version < POLLING) return;
  for (const message of Array.isArray(body) ? body : [body]) if (isJSONRPCRequest(message)) polled.add(message.id);
  // Those that were taken back are never answered.
  for (const id of polled) if (polled.size > MAX_POLLED) polled.delete(id);
  // A stream that was taken up again has said nothing of where it could be taken up once more.
  const stream = typeof last === 'string' ? await events.getStreamIdForEventId?.(last) : undefined;
  if (stream !== undefined) writeOn(response, `id: ${await events.storeEvent(stream, NOTHING)}\ndata: \n\n`);
  for (const id of polled) transport.closeSSEStream(id);
}

/** Is kept for its number alone, and not sent again. */
const NOTHING = {} as JSONRPCMessage;
