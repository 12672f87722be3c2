import type { JournalReader, RowListing } from '../kernel/journal.ts';
import { rowId, valueOf } from './rows.ts';
import type { RowChange } from './store.ts';

/** A reader to whom the writer tells what has not reached the rows of the store yet. */
export interface Overlay {
  readonly read: JournalReader;
  /** Takes over what a batch has changed; with `caughtUp` the store has everything from before. */
  take(changes: readonly RowChange[], caughtUp: boolean): void;
}

/** Lays the changes that wait in the writer over the rows of the store: whoever reads sees every commit. */
export function createOverlay(store: JournalReader): Overlay {
  const waiting = new Map<string, RowChange>();

  /** A page of the store, with what waits: changed rows stand where they belong now, or no more at all. */
  function page(
    belongs: (change: RowChange) => boolean,
    order: (a: RowListing, b: RowListing) => number,
    limit: number,
    stored: (limit: number) => RowListing[],
    tenant: string,
  ): RowListing[] {
    if (waiting.size === 0) return stored(limit);
    const changed = [...waiting.values()].filter((change) => change.tenant === tenant);
    const own = changed.filter((change) => change.value !== null && belongs(change)).map(listingOf);
    // At most so many rows of the page can have changed, so that what is left still fills it.
    const unchanged = stored(limit + changed.length).filter(({ key }) => !waiting.has(rowId(tenant, key)));
    return [...unchanged, ...own].toSorted(order).slice(0, limit);
  }

  const read: JournalReader = {
    ...store,
    row(tenant, key) {
      const change = waiting.get(rowId(tenant, key));
      return change ? valueOf(change) : store.row(tenant, key);
    },
    rows(tenant, prefix, options = {}) {
      const { after, limit = 1000, newest = false } = options;
      const beyond = (key: string): boolean =>
        after === undefined || (newest ? compare(key, after) < 0 : compare(key, after) > 0);
      return page(
        ({ key }) => key.startsWith(prefix) && key !== prefix && beyond(key),
        (a, b) => (newest ? compare(b.key, a.key) : compare(a.key, b.key)),
        limit,
        (wanted) => store.rows(tenant, prefix, { ...options, limit: wanted }),
        tenant,
      );
    },
    list(tenant, list, options = {}) {
      const { before, limit = 100 } = options;
      return page(
        (change) => change.list === list && (before === undefined || newer(before, change) < 0),
        newer,
        limit,
        (wanted) => store.list(tenant, list, { ...options, limit: wanted }),
        tenant,
      );
    },
    open: (tenant, prefix) =>
      page(
        ({ key, open }) => open === true && key.startsWith(prefix) && key !== prefix,
        (a, b) => compare(a.key, b.key),
        Number.MAX_SAFE_INTEGER,
        () => store.open(tenant, prefix),
        tenant,
      ),
    rowsAt: (tenant) => (waiting.size === 0 ? store.rowsAt(tenant) : store.size(tenant)),
  };

  return {
    read,
    take(changes, caughtUp) {
      if (caughtUp) waiting.clear();
      for (const change of changes) waiting.set(rowId(change.tenant, change.key), change);
    },
  };
}

const listingOf = (change: RowChange): RowListing => ({
  key: change.key,
  value: valueOf(change) ?? null,
  updated: change.updated,
});

/** Keys are in the order of their UTF-8 bytes, as the store has them. */
const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

type Place = Pick<RowListing, 'updated' | 'key'>;

const newer = (a: Place, b: Place): number => b.updated - a.updated || compare(b.key, a.key);
