import type { Json } from '@aip/wire';
import type { StopMode } from './api.ts';
import type { LogEntry } from './feed.ts';

/** How a message stands: `accepted` is in flight, `parked` waits for a person. */
export type Outcome = 'accepted' | 'parked' | 'completed' | 'failed' | 'canceled' | 'denied' | 'signal';

export interface MessageRow {
  readonly row: 'message';
  /** Its task, else its own id; stays the same as the outcome changes. */
  readonly key: string;
  /** Number of the latest entry about it. */
  readonly seq: number;
  readonly at: number;
  readonly from: string;
  readonly fromName: string;
  readonly to: string;
  readonly action: string;
  readonly edge: string;
  readonly task?: string;
  readonly outcome: Outcome;
  /** Why it was denied, failed or canceled. */
  readonly reason?: string;
  /** Held or captured for it, in integer units. */
  readonly price: number;
}

/** A kill, pause or release: a line across the stream of messages. */
export interface StopRow {
  readonly row: 'stop';
  readonly key: string;
  readonly seq: number;
  readonly at: number;
  readonly what: StopMode | 'release';
  readonly scope: string;
  readonly reason: string;
}

export type StreamRow = MessageRow | StopRow;

export const MAX_ROWS = 500;

/** The rows after these entries, newest first; of what has scrolled out of them nothing is told any more. */
export function streamAfter(stream: readonly StreamRow[], entries: readonly LogEntry[]): StreamRow[] {
  // A Map keeps the order of insertion, so rows go in oldest first and stand at their first entry's place.
  const rows = new Map<string, StreamRow>(stream.toReversed().map((row) => [row.key, row]));
  for (const entry of entries) {
    const row = rowAfter(rows, entry);
    if (row) rows.set(row.key, row);
  }
  return [...rows.values()].toReversed().slice(0, MAX_ROWS);
}

function rowAfter(rows: ReadonlyMap<string, StreamRow>, entry: LogEntry): StreamRow | undefined {
  switch (entry.kind) {
    case 'accept': {
      const row = message(entry, 'accepted');
      // A parked message that goes on after its approval keeps the time it was sent.
      return { ...row, at: rows.get(row.key)?.at ?? entry.at };
    }
    case 'park':
      return message(entry, 'parked');
    case 'signal':
      return message(entry, 'signal');
    case 'deny':
      return { ...message(entry, 'denied'), reason: text(entry.head['reason']) || text(entry.head['code']) };
    case 'settle':
      return settled(rows.get(entry.task ?? ''), entry);
    case 'kill':
      return stop(entry, (text(entry.head['mode']) || 'kill') as StopMode);
    case 'release':
      return stop(entry, 'release');
    default:
      return undefined;
  }
}

function message({ seq, at, head, task }: LogEntry, outcome: Outcome): MessageRow {
  return {
    row: 'message',
    key: task ?? text(head['message']),
    seq,
    at,
    from: text(head['from']),
    fromName: text(head['fromName']),
    to: text(head['to']),
    action: text(head['action']),
    edge: text(head['edge']),
    outcome,
    price: amountOf(head['hold']),
    ...(task === undefined ? {} : { task }),
  };
}

/** The end of a message that is still in the stream; others have scrolled out of it. */
function settled(row: StreamRow | undefined, { seq, head }: LogEntry): MessageRow | undefined {
  if (row?.row !== 'message') return undefined;
  const state = text(head['state']);
  const outcome = state === 'completed' || state === 'canceled' ? state : 'failed';
  const reason = text(head['code']) || text(head['reason']);
  return { ...row, seq, outcome, ...(reason === '' ? {} : { reason }) };
}

function stop({ seq, at, head }: LogEntry, what: StopRow['what']): StopRow {
  return { row: 'stop', key: `stop-${seq}`, seq, at, what, scope: text(head['scope']), reason: text(head['reason']) };
}

function amountOf(hold: Json | undefined): number {
  const amount = typeof hold === 'object' && hold !== null && !Array.isArray(hold) ? hold['amount'] : undefined;
  return typeof amount === 'number' ? amount : 0;
}

/** A row of the stream, and how many like it follow one another. */
export interface Repeated {
  readonly row: StreamRow;
  readonly times: number;
}

/** Rows that say the same about the same path become one: a loop is one line, however long it runs. */
export function withoutRepeats(rows: readonly StreamRow[], limit: number): Repeated[] {
  const repeated: Repeated[] = [];
  for (const row of rows) {
    const last = repeated.at(-1);
    if (last && sameSaying(last.row, row)) repeated[repeated.length - 1] = { row: last.row, times: last.times + 1 };
    else if (repeated.length === limit) break;
    else repeated.push({ row, times: 1 });
  }
  return repeated;
}

function sameSaying(a: StreamRow, b: StreamRow): boolean {
  if (a.row !== 'message' || b.row !== 'message') return false;
  const same = a.from === b.from && a.to === b.to && a.edge === b.edge && a.outcome === b.outcome;
  return same && a.reason === b.reason && a.outcome !== 'parked';
}

export const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
