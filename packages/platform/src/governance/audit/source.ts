import type { JournalReader, StoredEntry } from '../../kernel/journal.ts';

/** An entry as it is kept or exported: everything that verification needs, nothing that it trusts. */
export interface AuditEntry {
  readonly seq: number;
  /** The bytes that the leaf hashes. */
  readonly text: string;
  readonly leaf: Uint8Array;
  readonly body?: string;
  readonly salt?: Uint8Array;
  /** Columns that a store keeps beside the text, for finding entries; they have to agree with it. */
  readonly columns?: Pick<StoredEntry, 'at' | 'kind' | 'task' | 'n'>;
}

/** One tenant's log, wherever it is read from. */
export interface LogSource {
  readonly tenant: string;
  readonly gateway: string;
  entries(): Iterable<AuditEntry>;
  checkpoints(): readonly { readonly size: number; readonly note: string }[];
  /** What is wrong with the container itself, known once the entries have been read. */
  problems?(): readonly string[];
}

const PAGE = 1_000;

/** The log in a data folder, read without stopping the platform: entries that come meanwhile are left out. */
export function storedLog(read: JournalReader, tenant: string, gateway: string): LogSource & { readonly size: number } {
  const size = read.size(tenant);
  return {
    tenant,
    gateway,
    size,
    *entries() {
      for (let from = 0; from < size; from += PAGE) {
        for (const entry of read.entries(tenant, { from, limit: Math.min(PAGE, size - from) }))
          yield stored(read, entry);
      }
    },
    checkpoints: () => read.checkpoints(tenant).filter((checkpoint) => checkpoint.size <= size),
  };
}

function stored(read: JournalReader, entry: StoredEntry): AuditEntry {
  const { seq, text, leaf, salt, at, kind, task, n } = entry;
  const body = read.body(entry);
  return {
    seq,
    text,
    leaf,
    ...(body === undefined ? {} : { body }),
    ...(salt === undefined ? {} : { salt }),
    columns: { at, kind, ...(task === undefined ? {} : { task }), ...(n === undefined ? {} : { n }) },
  };
}
