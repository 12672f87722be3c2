import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server';

/** Bounds on what is kept for clients that lose a stream and take it up again. */
export interface ResumptionLimits {
  /** Messages of one session. */
  readonly perSession: number;
  /** Characters of JSON of the sessions of one principal, so that nobody drives out what is kept for others. */
  readonly perPrincipal: number;
  /** Characters of JSON of all sessions together; everywhere the oldest go first. */
  readonly total: number;
}

const RESUMPTION_LIMITS: ResumptionLimits = {
  perSession: 256,
  perPrincipal: 16 * 1024 * 1024,
  total: 64 * 1024 * 1024,
};

/** What sessions have sent lately (2025-11-25, transports, resumability and redelivery). In memory, as sessions are. */
export interface Resumption {
  /** The messages of one session, for its transport; `holder` is whose it is. */
  storeOf(session: string, holder: string): EventStore;
  forget(session: string): void;
  readonly size: number;
}

interface Kept {
  readonly session: string;
  readonly holder: string;
  readonly stream: string;
  readonly message: JSONRPCMessage;
  readonly length: number;
}

export function createResumption(limits: ResumptionLimits = RESUMPTION_LIMITS): Resumption {
  // In the order in which they were sent, over all sessions; ids only ever rise.
  const kept = new Map<number, Kept>();
  const bySession = new Map<string, Set<number>>();
  const byHolder = new Map<string, Set<number>>();
  const lengths = new Map<string, number>();
  let next = 1;
  let length = 0;

  function add(groups: Map<string, Set<number>>, name: string, id: number): Set<number> {
    const group = groups.get(name) ?? new Set();
    groups.set(name, group.add(id));
    return group;
  }

  function remove(groups: Map<string, Set<number>>, name: string, id: number): void {
    const group = groups.get(name);
    group?.delete(id);
    if (group?.size === 0) groups.delete(name);
  }

  function grow(holder: string, by: number): void {
    length += by;
    const own = (lengths.get(holder) ?? 0) + by;
    if (own > 0) lengths.set(holder, own);
    else lengths.delete(holder);
  }

  function drop(id: number): void {
    const event = kept.get(id);
    if (!event) return;
    kept.delete(id);
    grow(event.holder, -event.length);
    remove(bySession, event.session, id);
    remove(byHolder, event.holder, id);
  }

  function keep(event: Kept): number {
    const id = next++;
    kept.set(id, event);
    grow(event.holder, event.length);
    const session = add(bySession, event.session, id);
    const own = add(byHolder, event.holder, id);
    if (session.size > limits.perSession) drop(firstOf(session));
    while ((lengths.get(event.holder) ?? 0) > limits.perPrincipal && own.size > 1) drop(firstOf(own));
    while (length > limits.total && kept.size > 1) drop(firstOf(kept.keys()));
    return id;
  }

  return {
    storeOf: (session, holder) => ({
      async storeEvent(stream, message) {
        return String(keep({ session, holder, stream, message, length: JSON.stringify(message).length }));
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
