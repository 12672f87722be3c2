import type { Json } from '@aip/wire';
import type { RowWrite } from '../kernel/entry.ts';
import { createRecentMap } from '../kernel/recent-map.ts';
import type { JournalStore, RowChange } from './store.ts';

/** Rows kept in memory although the store has them too. */
const MAX_CACHED = 10_000;

export const rowId = (tenant: string, key: string): string => `${tenant}\0${key}`;

/** A row that a group wants to change, and when. */
export interface RowDraft {
  readonly tenant: string;
  readonly write: RowWrite;
  readonly at: number;
}

/**
 * The rows as of the last commit. They follow behind the log: what has changed waits here, and goes to the store
 * now and then, each row once however often it changed. Lost with the process, it is decided again from the log.
 */
export interface Rows {
  /** Reads what the store has of these rows; they stay until the next `load`. */
  load(keys: Iterable<{ readonly tenant: string; readonly key: string }>): Promise<void>;
  /** null for a row that is not there, undefined for one that has not been loaded. */
  get(id: string): Json | undefined;
  /** Takes over what a commit has changed, and tells it as the store will keep it. */
  adopt(drafts: Iterable<RowDraft>): RowChange[];
  /** What the store does not have yet, in key order: neighbours lie on the same pages. */
  waiting(): RowChange[];
  readonly lag: number;
  /** The store has all that was waiting. */
  caughtUp(): void;
  forget(tenant: string, key: string): void;
}

export function createRows(store: Pick<JournalStore, 'rows'>): Rows {
  /** Absence is kept too. Trimmed as a batch begins: none leaves under a running one. */
  const known = createRecentMap<Json>(MAX_CACHED);
  const waiting = new Map<string, RowChange>();

  return {
    async load(keys) {
      known.trim();
      const missing = new Map<string, { tenant: string; key: string }>();
      for (const { tenant, key } of keys) {
        const id = rowId(tenant, key);
        if (known.has(id)) continue;
        const change = waiting.get(id);
        if (change) known.set(id, valueOf(change) ?? null);
        else missing.set(id, { tenant, key });
      }
      if (missing.size === 0) return;
      const values = await store.rows([...missing.values()]);
      let index = 0;
      for (const id of missing.keys()) known.set(id, values[index++] ?? null);
    },
    get: (id) => known.get(id),
    adopt(drafts) {
      const changes: RowChange[] = [];
      for (const draft of drafts) {
        const change = changeOf(draft);
        const id = rowId(change.tenant, change.key);
        known.set(id, draft.write.value);
        waiting.set(id, change);
        changes.push(change);
      }
      return changes;
    },
    waiting: () => [...waiting].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, change]) => change),
    get lag() {
      return waiting.size;
    },
    caughtUp: () => waiting.clear(),
    forget: (tenant, key) => known.delete(rowId(tenant, key)),
  };
}

const changeOf = ({ tenant, write, at }: RowDraft): RowChange => ({
  tenant,
  key: write.key,
  value: write.value === null ? null : JSON.stringify(write.value),
  updated: at,
  ...(write.list === undefined ? {} : { list: write.list }),
  ...(write.open ? { open: true } : {}),
  ...(write.expires === undefined ? {} : { expires: write.expires }),
});

export const valueOf = ({ value }: RowChange): Json | undefined =>
  value === null ? undefined : (JSON.parse(value) as Json);
