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

/** One second of traffic. `second` counts since the Unix epoch. */
export interface Second {
  readonly second: number;
  readonly accepted: number;
  readonly denied: number;
}

/** Counters that go up when what the API says about a subject may have changed. */
export interface Revisions {
  readonly agents: number;
  readonly asks: number;
  readonly stops: number;
  readonly proofs: number;
  readonly budgets: number;
  readonly servers: number;
}

/** What the dashboard keeps of the log: the latest of everything, never more than the bounds below. */
export interface LogView {
  /** Number of entries in the log, as far as the feed has come. */
  readonly size: number;
  /** Newest first. */
  readonly entries: readonly LogEntry[];
  /** Newest first. */
  readonly stream: readonly StreamRow[];
  /** Oldest first; seconds without traffic are left out. */
  readonly seconds: readonly Second[];
  readonly revisions: Revisions;
}

/** Of reads, and of everything else. */
export const MAX_ENTRIES = 500;
export const MAX_ROWS = 500;
export const MAX_SECONDS = 120;

export const EMPTY_VIEW: LogView = {
  size: 0,
  entries: [],
  stream: [],
  seconds: [],
  revisions: { agents: 0, asks: 0, stops: 0, proofs: 0, budgets: 0, servers: 0 },
};

/** The view after these entries, oldest first. Entries it has already are ignored. */
export function withEntries(view: LogView, entries: readonly LogEntry[]): LogView {
  const fresh = entries.filter((entry) => entry.seq >= view.size);
  const last = fresh.at(-1);
  if (!last) return view;
  return {
    size: last.seq + 1,
    entries: bounded([...fresh.toReversed(), ...view.entries]),
    stream: streamAfter(view.stream, fresh),
    seconds: secondsAfter(view.seconds, fresh),
    revisions: revisionsAfter(view.revisions, fresh),
  };
}

/** Reads have a bound of their own: the dashboard itself makes so many that they would push out everything else. */
function bounded(entries: readonly LogEntry[]): LogEntry[] {
  let [reads, others] = [0, 0];
  return entries.filter(({ kind }) => (kind === 'read' ? ++reads : ++others) <= MAX_ENTRIES);
}

/** The view when the feed has skipped entries: what is known stays, and everything else has to be read anew. */
export function withSnapshot(view: LogView, seq: number, missed: number): LogView {
  if (missed === 0 && seq < view.size) return view;
  const revisions = Object.fromEntries(
    Object.entries(view.revisions).map(([subject, revision]) => [subject, (revision as number) + 1]),
  ) as unknown as Revisions;
  return { ...view, size: Math.max(view.size, seq + 1), revisions };
}

/** Messages a second over the last `span` seconds before `now` (milliseconds since the Unix epoch), the running one left out. */
export function messageRate(seconds: readonly Second[], now: number, span = 5): number {
  const end = Math.floor(now / 1000);
  const counted = seconds.filter(({ second }) => second >= end - span && second < end);
  return counted.reduce((sum, { accepted, denied }) => sum + accepted + denied, 0) / span;
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

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

// ── the stream of messages ────────────────────────────────────────────────────────────────────────────

function streamAfter(stream: readonly StreamRow[], entries: readonly LogEntry[]): StreamRow[] {
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

// ── traffic by second ─────────────────────────────────────────────────────────────────────────────────

/** Whether an entry is a message between agents, clients and tools, and not a click on this dashboard. */
const isTraffic = ({ head }: LogEntry): boolean => !text(head['to']).startsWith('operation:');

function secondsAfter(seconds: readonly Second[], entries: readonly LogEntry[]): Second[] {
  const bySecond = new Map(seconds.map((second) => [second.second, second]));
  for (const entry of entries) {
    const accepted = entry.kind === 'accept' || entry.kind === 'signal' ? 1 : 0;
    const denied = entry.kind === 'deny' ? 1 : 0;
    if (accepted + denied === 0 || !isTraffic(entry)) continue;
    const second = Math.floor(entry.at / 1000);
    const known = bySecond.get(second) ?? { second, accepted: 0, denied: 0 };
    bySecond.set(second, { second, accepted: known.accepted + accepted, denied: known.denied + denied });
  }
  return [...bySecond.values()].slice(-MAX_SECONDS);
}

// ── what has to be read anew ──────────────────────────────────────────────────────────────────────────

function revisionsAfter(revisions: Revisions, entries: readonly LogEntry[]): Revisions {
  const touched = new Set(entries.flatMap(subjects));
  const next = (subject: keyof Revisions): number => revisions[subject] + (touched.has(subject) ? 1 : 0);
  return {
    agents: next('agents'),
    asks: next('asks'),
    stops: next('stops'),
    proofs: next('proofs'),
    budgets: next('budgets'),
    servers: next('servers'),
  };
}

const STOPPED = new Set(['KILLED', 'PAUSED', 'QUARANTINED']);

/** Never anything for `read` entries: reading again would make the next of them, without end. */
function subjects({ kind, head }: LogEntry): (keyof Revisions)[] {
  if (kind.startsWith('agent.')) return ['agents'];
  if (kind.startsWith('mcp.')) return ['servers'];
  if (kind.startsWith('budget.') || kind.startsWith('ledger.')) return ['budgets'];
  switch (kind) {
    case 'park':
    case 'answer':
      return ['asks'];
    case 'kill':
    case 'release':
      return ['stops'];
    case 'accept':
      return [
        ...(head['approval'] === undefined ? [] : ['asks' as const]),
        ...(head['hold'] === undefined ? [] : ['budgets' as const]),
      ];
    case 'settle':
      // An ask that expires, or whose task is canceled, closes with its task.
      return [
        ...(head['type'] === 'done' ? [] : ['asks' as const]),
        ...(head['hold'] === undefined ? [] : ['budgets' as const]),
      ];
    case 'deny':
      return STOPPED.has(text(head['code'])) ? ['proofs'] : [];
    default:
      return [];
  }
}
