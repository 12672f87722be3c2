import type { AuditEntry } from './api.ts';
import type { LogEntry } from './feed.ts';
import { contentOf } from './verify.ts';

/** Entries on one page of the log. */
export const PAGE_SIZE = 50;
/** Entries that are looked through for one page at most, so that a log of nothing but reads comes to an end. */
export const MAX_LOOKED = 5_000;
/** Entries that are asked for first, where reads are left out; twice that each time, up to the most that one answer has. */
const FIRST_LOOK = 100;
const LONGEST_LOOK = 1_000;

/** A page of the log, newest entry first. */
export interface AuditPart {
  readonly entries: readonly LogEntry[];
  /** Number of the oldest entry that was looked at; the next page ends before it. */
  readonly from: number;
}

export const isShown = ({ kind }: { readonly kind: string }, reads: boolean): boolean => reads || kind !== 'read';

/**
 * Goes back from before entry `end` until a page is full, the log begins, or {@link MAX_LOOKED} entries were looked at.
 *
 * @param load entries from a number on, oldest first
 * @param reads whether reads are shown; a dashboard alone makes so many of them that they hide everything else
 */
export async function pageBefore(
  load: (from: number, limit: number) => Promise<readonly AuditEntry[]>,
  end: number,
  reads: boolean,
): Promise<AuditPart> {
  const last = Math.max(0, end - MAX_LOOKED);
  const entries: LogEntry[] = [];
  let from = end;
  let look = reads ? PAGE_SIZE : FIRST_LOOK;
  while (from > last) {
    const start = Math.max(last, from - look);
    const found = await load(start, from - start);
    for (const entry of found.toReversed()) {
      if (!isShown(entry, reads)) continue;
      entries.push(logEntry(entry));
      if (entries.length === PAGE_SIZE) return { entries, from: entry.seq };
    }
    from = start;
    look = Math.min(LONGEST_LOOK, 2 * look);
  }
  return { entries, from };
}

function logEntry(entry: AuditEntry): LogEntry {
  const { seq, at, kind, task } = entry;
  const head = (contentOf(entry)?.['head'] ?? {}) as LogEntry['head'];
  return { seq, at, kind, head, ...(task === undefined ? {} : { task }) };
}
