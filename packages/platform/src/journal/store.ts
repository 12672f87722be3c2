import type { Json } from '@aip/wire';

/** An entry as it is stored: `text` is the canonical head whose bytes the leaf hashes. */
export interface StoredRow {
  readonly tenant: string;
  readonly seq: number;
  readonly at: number;
  readonly kind: string;
  readonly task?: string;
  readonly n?: number;
  readonly text: string;
  readonly body?: string;
  /** SHA-256 (hex) of a body that is kept as a blob. */
  readonly blob?: string;
  readonly salt?: Uint8Array;
  readonly leaf: Uint8Array;
}

/** What one tenant's rows stand for: the first `size` entries of its log, and the tree over them. */
export interface LogHead {
  readonly tenant: string;
  readonly size: number;
  readonly at: number;
  /** Serialised Merkle frontier. */
  readonly frontier: Uint8Array;
}

export interface RowChange {
  readonly tenant: string;
  readonly key: string;
  /** JSON text; null deletes the row. */
  readonly value: string | null;
  readonly list?: string;
  readonly open?: boolean;
  readonly updated: number;
  readonly expires?: number;
}

/** Nodes of the Merkle tree are kept at every eighth level, so that a proof reads a few hundred hashes and not the log. */
export const TILE_HEIGHT = 8;

/** The root of a complete subtree: it never changes. */
export interface TreeNode {
  readonly tenant: string;
  readonly level: number;
  readonly index: number;
  readonly hash: Uint8Array;
}

export interface WriteBatch {
  readonly entries: readonly StoredRow[];
  /** Rows that follow the log, and how far they have come with them. */
  readonly rows: readonly RowChange[];
  readonly heads: readonly LogHead[];
  readonly nodes: readonly TreeNode[];
  /** SHA-256 (hex) → content; written before the entries that cite them. */
  readonly blobs: readonly { readonly hash: string; readonly content: string }[];
}

type Awaitable<T> = T | Promise<T>;

/** What the journal's writer needs of an engine. `write` is one durable transaction: all or nothing. */
export interface JournalStore {
  /** How far the rows of each log have come; a log that has never been caught up with has no head. */
  heads(): Awaitable<LogHead[]>;
  tenants(): Awaitable<string[]>;
  /** Entries from a number on, in order, read as they are asked for. */
  entries(tenant: string, from: number): Iterable<StoredRow> | AsyncIterable<StoredRow>;
  rows(keys: readonly { tenant: string; key: string }[]): Awaitable<(Json | undefined)[]>;
  write(batch: WriteBatch): Awaitable<void>;
  putCheckpoint(tenant: string, size: number, note: string): Awaitable<void>;
  lastCheckpoint(tenant: string): Awaitable<number | undefined>;
  /** Deletes a tenant's rows that expired before `at`, in milliseconds since the Unix epoch; returns their keys. */
  sweep(tenant: string, at: number): Awaitable<string[]>;
  close(): Awaitable<void>;
}
