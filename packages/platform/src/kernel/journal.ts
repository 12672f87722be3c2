import type { Json } from '@aip/wire';
import type { Entry, Group, Verdict } from './entry.ts';

/** The one log. Every state change of the platform is an entry in it. */
export interface Journal {
  /**
   * Resolves once the group is durable, or refused by a decider. Never rejects: when the journal cannot write
   * (disk full, shut down) the verdict is NOT_RECORDED.
   */
  commit(group: Group): Promise<Verdict>;
  /** Called with every committed entry of these kinds, in log order, after it is durable. */
  follow(kinds: readonly string[] | 'all', listener: (entry: Entry) => void): () => void;
  readonly read: JournalReader;
}

export interface StoredEntry extends Entry {
  /** Canonical text of the head: the bytes that the leaf hashes. */
  readonly text: string;
  readonly leaf: Uint8Array;
  readonly salt?: Uint8Array;
}

export interface RowListing {
  readonly key: string;
  readonly value: Json;
  readonly updated: number;
}

/** Consistent, synchronous reads of what is durable; each thread has its own. */
export interface JournalReader {
  row(tenant: string, key: string): Json | undefined;
  /** Rows whose key starts with `prefix`, ascending from `after` (exclusive); descending when `newest`. */
  rows(tenant: string, prefix: string, options?: { after?: string; limit?: number; newest?: boolean }): RowListing[];
  /** Rows under a list, newest update first; `before` pages: the last row of the page before. */
  list(
    tenant: string,
    list: string,
    options?: { before?: { updated: number; key: string }; limit?: number },
  ): RowListing[];
  /** Rows marked open whose key starts with `prefix`, ascending. */
  open(tenant: string, prefix: string): RowListing[];
  entry(tenant: string, seq: number): StoredEntry | undefined;
  entries(tenant: string, options: { from: number; limit: number }): StoredEntry[];
  /** Entries of one task with `n` above `after`, in order. */
  taskEntries(tenant: string, task: string, after: number, limit?: number): StoredEntry[];
  /** The body of an entry, blobs resolved; undefined when it had none or was erased. */
  body(entry: StoredEntry): string | undefined;
  /** Entries of the log. */
  size(tenant: string): number;
  /** Time of the last entry, in milliseconds since the Unix epoch: none that follows is older. 0 for a log without any. */
  time(tenant: string): number;
  /** Entries that the rows stand for. In a file they may lie behind the log; the platform itself sees them caught up. */
  rowsAt(tenant: string): number;
  tenants(): string[];
  /** Hashes of the Merkle tree that are kept: leaves (level 0), and every node of each eighth level above. */
  hashes(tenant: string, level: number, first: number, count: number): Uint8Array[];
  /** All signed checkpoints, smallest first. */
  checkpoints(tenant: string): { size: number; note: string }[];
  lastCheckpoint(tenant: string): { size: number; note: string } | undefined;
}
