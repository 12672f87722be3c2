import type { Json, JsonObject } from '@aip/wire';
import type { ErrorBody } from './error-body.ts';

/**
 * One state change, before the writer has numbered it. `head` is public to the audit (it is hashed into
 * the leaf as it stands); `body` is only committed to by a salted hash, so it can be erased later.
 */
export interface EntryDraft {
  /** `accept`, `event`, `settle`, `deny`, `park`, `answer`, `signal`, `read`, `kill`, `release`, or a domain's `<domain>.<what>`. */
  readonly kind: string;
  readonly head: JsonObject;
  readonly task?: string;
  /** Event number within the task, for `event` and `settle`. */
  readonly n?: number;
  /** JSON text; above 64 KiB it is kept as a content-addressed blob. */
  readonly body?: string;
}

/** A numbered, durable entry. */
export interface Entry extends EntryDraft {
  readonly tenant: string;
  /** From 0 within the tenant: the leaf index of the Merkle tree. */
  readonly seq: number;
  /** Milliseconds since the Unix epoch, never going back within a log. */
  readonly at: number;
}

/** One step of one message, committed whole or refused alone. */
export interface Group {
  readonly tenant: string;
  readonly entries: readonly EntryDraft[];
}

export type Verdict =
  | {
      readonly ok: true;
      /** Of the group's first entry; the others follow. */ readonly seq: number;
      readonly at: number;
    }
  | { readonly ok: false; readonly error: ErrorBody };

/** A state row that deciders keep: derived from the log, decided on inside the commit. */
export interface RowWrite {
  readonly key: string;
  /** null deletes. */
  readonly value: Json;
  /** Lists this row under that name, newest `updated` first. */
  readonly list?: string;
  /** Marks a row that still waits for something, so that a start finds what was in flight without a scan. */
  readonly open?: boolean;
  /** Milliseconds since the Unix epoch after which the row may be swept. */
  readonly expires?: number;
}

/** What an entry says in public; its body may have been erased. */
export type PublicEntry = Omit<Entry, 'body'>;

export type Rows = (key: string) => Json | undefined;

/**
 * Decides inside the commit: a pure function of the declared rows and the entry without its body, so that it comes
 * to the same when the log is decided again. Run by the one writer, the same on every engine; a refusal undoes the
 * whole group.
 */
export interface Decider {
  readonly name: string;
  readonly kinds: readonly string[];
  /** Every row `decide` reads or writes, so that engines with several writers can lock them. */
  keys(entry: PublicEntry): readonly string[];
  decide(rows: Rows, entry: PublicEntry): readonly RowWrite[] | { readonly refuse: ErrorBody };
}

export const NO_WRITES: readonly RowWrite[] = [];
