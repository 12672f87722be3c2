import type { Json } from '@aip/wire';
import type { Decider, Entry, RowWrite } from '../../kernel/entry.ts';

/** A row as a store keeps it, with where it is filed; `updated` is the time of the entry that wrote it last. */
export type FiledRow = RowWrite & { readonly updated: number };

/**
 * Decides the log again. Deciders are pure functions of the entries before, so what they refuse now should
 * never have been accepted: a call in a killed scope, a hold resolved twice, a budget passed, a second end.
 */
export interface Replay {
  /** Why this entry may not stand here; undefined when it may. */
  next(entry: Entry): string | undefined;
  /** A row as the log says it is now; undefined when there is none. */
  row(key: string): FiledRow | undefined;
  /** Keys of the rows that cannot have been swept by `now`, in milliseconds since the Unix epoch. */
  keys(now: number): Iterable<string>;
}

export function createReplay(deciders: readonly Decider[]): Replay {
  const rows = new Map<string, FiledRow>();
  let now = 0;
  const byKind = new Map<string, Decider[]>();
  for (const decider of deciders)
    for (const kind of decider.kinds) byKind.set(kind, [...(byKind.get(kind) ?? []), decider]);
  /** An expired row may have been swept when the entry was decided; whatever was accepted then did not see it. */
  const read = (key: string): Json | undefined => {
    const row = rows.get(key);
    return row && !hasExpired(row, now) ? row.value : undefined;
  };

  return {
    next(entry) {
      now = entry.at;
      for (const decider of byKind.get(entry.kind) ?? []) {
        const decision = decider.decide(read, entry);
        if ('refuse' in decision) return `${decider.name}: ${decision.refuse.message}`;
        for (const write of decision) {
          if (write.value === null) rows.delete(write.key);
          else rows.set(write.key, { ...write, updated: entry.at });
        }
      }
      return undefined;
    },
    row: (key) => rows.get(key),
    *keys(swept) {
      for (const [key, row] of rows) if (!hasExpired(row, swept)) yield key;
    },
  };
}

const hasExpired = ({ expires }: FiledRow, now: number): boolean => expires !== undefined && expires < now;
