import type { LogEntry } from './feed.ts';
import { streamAfter, text, type StreamRow } from './stream-rows.ts';

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
  readonly policies: number;
}

/** What the dashboard keeps of the log: the latest of everything, never more than the bounds below. */
export interface LogView {
  /** Number of entries there were when the page was opened: what the API has said since knows of them. */
  readonly known: number;
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
export const MAX_SECONDS = 120;
/** Entries from before the page was opened that fill its first view. */
export const BACKFILL = 1_000;

export const EMPTY_VIEW: LogView = {
  known: 0,
  size: 0,
  entries: [],
  stream: [],
  seconds: [],
  revisions: { agents: 0, asks: 0, stops: 0, proofs: 0, budgets: 0, servers: 0, policies: 0 },
};

/** The view after these entries, oldest first. Entries it has already are ignored. */
export function withEntries(view: LogView, entries: readonly LogEntry[]): LogView {
  const fresh = entries.filter((entry) => entry.seq >= view.size);
  const last = fresh.at(-1);
  if (!last) return view;
  return {
    known: view.known,
    size: last.seq + 1,
    entries: bounded([...fresh.toReversed(), ...view.entries]),
    stream: streamAfter(view.stream, fresh),
    seconds: secondsAfter(view.seconds, fresh),
    revisions: revisionsAfter(
      view.revisions,
      fresh.filter(({ seq }) => seq >= view.known),
    ),
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
    policies: next('policies'),
  };
}

const STOPPED = new Set(['KILLED', 'PAUSED', 'QUARANTINED']);

/** Never anything for `read` entries: reading again would make the next of them, without end. */
function subjects({ kind, head }: LogEntry): (keyof Revisions)[] {
  if (kind.startsWith('agent.')) return ['agents'];
  if (kind.startsWith('mcp.')) return ['servers'];
  if (kind.startsWith('policy.')) return ['policies'];
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
