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
  /** Signed checkpoints, smallest first. */
  readonly checkpoints: readonly { readonly size: number; readonly note: string }[];
  /** Every entry in order, read as it is asked for. */
  entries(): Iterable<AuditEntry> | AsyncIterable<AuditEntry>;
  /** Whether the container ends before it should, known once the entries have been read. */
  cut?(): boolean;
  /** What else is wrong with the container itself, known then as well. */
  problems(): readonly string[];
}

/** A log in a data folder. */
export interface StoredLog extends LogSource {
  readonly size: number;
  entries(): Iterable<AuditEntry>;
}

const PAGE = 1_000;

/** The log in a data folder, read without stopping the platform: entries that come meanwhile are left out. */
export function storedLog(read: JournalReader, tenant: string, gateway: string): StoredLog {
  // Checkpoints first: a log that is read after them is never shorter than what they sign.
  const checkpoints = read.checkpoints(tenant);
  // Rows that stand for more entries than there are: the log has been cut.
  const size = Math.max(read.size(tenant), read.rowsAt(tenant));
  let end = 0;
  return {
    tenant,
    gateway,
    checkpoints,
    size,
    *entries() {
      for (end = 0; end < size;) {
        const page = read.entries(tenant, { from: end, limit: Math.min(PAGE, size - end) });
        for (const entry of page) yield stored(read, entry);
        const last = page.at(-1);
        if (!last) return;
        end = last.seq + 1;
      }
    },
    problems: () => (end < size ? [`the log says it has ${size} entries, and ends after entry ${end - 1}`] : []),
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
