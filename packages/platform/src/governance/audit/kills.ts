import type { Entry } from '../../kernel/entry.ts';

/** What a kill or pause did, as the order of the log proves it. Times in milliseconds since the Unix epoch. */
export interface KillRecord {
  readonly scope: string;
  /** What the agent that it stopped was called then. */
  readonly name?: string;
  readonly mode: string;
  readonly seq: number;
  /** T: when the order was received. */
  readonly received_at: number;
  readonly at: number;
  /** The last message accepted in the scope before the kill, `after_ms` after T (negative: before it). */
  readonly last_accept: { readonly seq: number; readonly at: number; readonly after_ms: number } | null;
  readonly released: number | null;
}

/** Entries that let a message through to its target, if they name its scopes: of the events of a task, answers do. */
const LETS_THROUGH: ReadonlySet<string> = new Set(['accept', 'signal', 'event']);

/** Follows the log and keeps, for every stop, the last message accepted in its scope. */
export function createKillHistory(): { next(entry: Entry): void; records(): KillRecord[] } {
  const lastIn = new Map<string, { seq: number; at: number }>();
  const records: KillRecord[] = [];

  return {
    next(entry) {
      const { head, kind, seq, at } = entry;
      if (LETS_THROUGH.has(kind) && head['plane'] !== 'control') {
        for (const scope of (head['scopes'] ?? []) as string[]) lastIn.set(scope, { seq, at });
      }
      const scope = head['scope'] as string;
      if (kind === 'kill') {
        const received = head['received_at'] as number;
        const last = lastIn.get(scope);
        records.push({
          scope,
          ...(typeof head['name'] === 'string' ? { name: head['name'] } : {}),
          mode: head['mode'] as string,
          seq,
          received_at: received,
          at,
          last_accept: last ? { ...last, after_ms: last.at - received } : null,
          released: null,
        });
      }
      if (kind === 'release') {
        // It ends every stop of its scope: a later one has only taken the place of the one before.
        for (const [index, record] of records.entries())
          if (record.scope === scope && record.released === null) records[index] = { ...record, released: seq };
      }
    },
    records: () => records,
  };
}
