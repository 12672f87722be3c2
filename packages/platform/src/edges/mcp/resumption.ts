import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server';

/** Bounds on what is kept for clients that lose a stream and take it up again. */
export interface ResumptionLimits {
  /** Messages of one session. */
  readonly perSession: number;
  /** Characters of JSON of all sessions together; the oldest go first. */
  readonly total: number;
}

const RESUMPTION_LIMITS: ResumptionLimits = { perSession: 256, total: 64 * 1024 * 1024 };

/** What sessions have sent lately (2025-11-25, transports, resumability and redelivery). In memory, as sessions are. */
export interface Resumption {
  /** The messages of one session, for its transport. */
  storeOf(session: string): EventStore;
  forget(session: string): void;
  readonly size: number;
}

interface Kept {
  readonly session: string;
  readonly stream: string;
  readonly message: JSONRPCMessage;
  readonly length: number;
}

export function createResumption(limits: ResumptionLimits = RESUMPTION_LIMITS): Resumption {
  // In the order in which they were sent, over all sessions; ids only ever rise.
  const kept = new Map<number, Kept>();
  const bySession = new Map<string, Set<number>>();
  let next = 1;
  let length = 0;

  function drop(id: number): void {
    const event = kept.get(id);
    if (!event) return;
    kept.delete(id);
    length -= event.length;
    const own = bySession.get(event.session);
    own?.delete(id);
    if (own?.size === 0) bySession.delete(event.session);
  }

  function keep(event: Kept): number {
    const id = next++;
    kept.set(id, event);
    length += event.length;
    const own = bySession.get(event.session) ?? new Set();
    bySession.set(event.session, own.add(id));
    if (own.size > limits.perSession) drop(firstOf(own));
    while (length > limits.total && kept.size > 1) drop(firstOf(kept.keys()));
    return id;
  }

  return {
    storeOf: (session) => ({
      async storeEvent(stream, message) {
        return String(keep({ session, stream, message, length: JSON.stringify(message).length }));
      },
      async getStreamIdForEventId(id) {
        const event = kept.get(Number(id));
        return event?.session === session ? event.stream : undefined;
      },
      async replayEventsAfter(after, { send }) {
        const last = kept.get(Number(after));
        if (last?.session !== session) throw new Error('This event is not kept any more.');
        for (const id of bySession.get(session) ?? []) {
          const event = kept.get(id);
          // An empty message only marked the beginning of the stream.
          if (id > Number(after) && event?.stream === last.stream && 'jsonrpc' in event.message)
            await send(String(id), event.message);
        }
        return last.stream;
      },
    }),
    forget(session) {
      for (const id of bySession.get(session) ?? []) drop(id);
    },
    get size() {
      return kept.size;
    },
  };
}

function firstOf(ids: Iterable<number>): number {
  for (const id of ids) return id;
  throw new Error('There is nothing kept.');
}
