import { setTimeout as delay } from 'node:timers/promises';
import { AipError } from '@aip/wire';
import type { FastifyInstance } from 'fastify';
import type { Exchange } from '../../exchange/index.ts';
import type { Entry } from '../../kernel/entry.ts';
import { callerOf } from './caller.ts';
import { resumePoint, type EventStreams, type ServerEvent } from './sse.ts';

/** Latest entries kept for all followers together; who falls further behind gets a snapshot. */
const KEPT = 5_000;
/** Entries in one event. */
const BATCH = 500;
/** Least time between two events to one follower, in milliseconds. */
const INTERVAL = 100;
const MAX_KINDS = 64;

/** What a follower wants to see. */
export interface Following {
  readonly tenant: string;
  /** Kinds of entries; every kind unless given. */
  readonly kinds: ReadonlySet<string> | undefined;
  /** Number of the last entry the follower has; -1 for none of a log that it wants whole. */
  readonly after: number | undefined;
}

/** The log as it grows, heads only. */
export interface LiveFeed {
  follow(following: Following, signal: AbortSignal): AsyncIterable<ServerEvent>;
}

/** `GET /v1/events`: the live feed of the dashboard; behind the entry `after`, or from the entry `from` on, of which 0 is the first. */
export function liveFeedRoute(app: FastifyInstance, exchange: Exchange, streams: EventStreams): void {
  const feed = createLiveFeed(exchange);
  app.get<{ Querystring: { kinds?: string | string[]; after?: string; from?: string } }>(
    '/v1/events',
    async (request, reply) => {
      const session = callerOf(exchange, request);
      const first = resumePoint(undefined, request.query.from);
      const seen = resumePoint(request.headers['last-event-id'], request.query.after);
      const after = seen ?? (first === undefined ? undefined : first - 1);
      const kinds = kindsOf(request.query.kinds);
      await exchange.operate(session, 'events.follow', {});
      const stream = streams.open(session.principal, 'oversight');
      return stream.send(reply, feed.follow({ tenant: session.principal.tenant, kinds, after }, stream.signal));
    },
  );
}

function kindsOf(text: string | string[] | undefined): ReadonlySet<string> | undefined {
  if (text === undefined) return undefined;
  const kinds = [text].flat().join(',').split(',');
  if (kinds.length <= MAX_KINDS && kinds.every((kind) => /^[a-z][a-z.-]{0,63}$/.test(kind))) return new Set(kinds);
  throw new AipError(
    'INVALID_ARGUMENT',
    `kinds: up to ${MAX_KINDS} kinds of entries, separated by commas, such as accept,settle,kill`,
  );
}

/**
 * One window on the latest entries serves all followers, each with a place of its own in it: a slow follower
 * costs no memory, it falls out of the window. A `snapshot` event then tells it to read the state anew, and
 * that the feed goes on behind the entry it names.
 */
export function createLiveFeed(exchange: Exchange): LiveFeed {
  const { journal } = exchange;
  let window: Entry[] = [];
  /** Place of the window's first entry, counted from when the feed began. */
  let first = 0;
  let followers = 0;
  let unfollow: (() => void) | undefined;
  let grown = Promise.withResolvers<void>();

  function push(entry: Entry): void {
    window.push(entry);
    if (window.length > 2 * KEPT) {
      first += window.length - KEPT;
      window = window.slice(-KEPT);
    }
    grown.resolve();
    grown = Promise.withResolvers();
  }

  async function* follow({ tenant, kinds, after }: Following, signal: AbortSignal): AsyncIterable<ServerEvent> {
    if (followers++ === 0) unfollow = journal.follow('all', push);
    try {
      const wanted = (entry: Entry): boolean => kinds === undefined || kinds.has(entry.kind);
      let place = first + window.length;
      let seen = journal.read.size(tenant) - 1;
      if (after !== undefined && after <= seen && seen - after <= KEPT) {
        for (const entries of pages(tenant, after, seen))
          yield batch(entries.filter(wanted), entries.at(-1)?.seq ?? seen);
      } else yield snapshot(seen, after === undefined ? 0 : Math.max(0, seen - after));

      while (!signal.aborted) {
        if (place === first + window.length) await unlessAborted(grown.promise, signal);
        // Whatever comes within the interval leaves as one event.
        await delay(INTERVAL, undefined, { signal }).catch(() => {});
        if (place < first) {
          const last = journal.read.size(tenant) - 1;
          const missed = last - seen;
          // Before the yield: what is announced while the client takes the event comes after it.
          place = first + window.length;
          seen = last;
          yield snapshot(last, missed);
          continue;
        }
        const next = window.slice(place - first, place - first + BATCH);
        place += next.length;
        // Entries can be readable just before they are announced; nothing is sent twice.
        const fresh = next.filter((entry) => entry.tenant === tenant && entry.seq > seen);
        seen = fresh.at(-1)?.seq ?? seen;
        const entries = fresh.filter(wanted);
        if (entries.length > 0) yield batch(entries, seen);
      }
    } finally {
      if (--followers === 0) stop();
    }
  }

  function* pages(tenant: string, after: number, last: number) {
    for (let from = after + 1; from <= last; from += BATCH) {
      yield journal.read.entries(tenant, { from, limit: Math.min(BATCH, last - from + 1) });
    }
  }

  function stop(): void {
    unfollow?.();
    first += window.length;
    window = [];
  }

  return { follow };
}

const batch = (entries: readonly Entry[], id: number): ServerEvent => ({
  event: 'entries',
  id,
  data: entries.map(head),
});

/** `seq` is the last entry there is; `missed` counts those that were not sent. */
const snapshot = (seq: number, missed: number): ServerEvent => ({
  event: 'snapshot',
  ...(seq < 0 ? {} : { id: seq }),
  data: { seq, missed },
});

/** An entry without its body: what the audit shows of it. */
const head = ({ seq, at, kind, task, n, head: facts }: Entry) => ({
  seq,
  at,
  kind,
  ...(task === undefined ? {} : { task }),
  ...(n === undefined ? {} : { n }),
  head: facts,
});

/** Resolves when `promise` does, or when the signal is aborted. */
async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise: either, resolve } = Promise.withResolvers<void>();
  const settle = (): void => resolve();
  void promise.then(settle);
  signal.addEventListener('abort', settle, { once: true });
  await either;
  signal.removeEventListener('abort', settle);
}
