import type { WriterPort } from '../journal/journal.ts';
import type { ErrorBody } from '../kernel/error-body.ts';

/** How long the log counts as one that cannot be written when nothing has been tried since, in milliseconds. */
const REMEMBERED = 30_000;

/** What a batch is refused with that cannot be written, whatever it holds. */
const UNWRITABLE: ReadonlySet<string> = new Set(['DISK_FULL', 'NOT_RECORDED']);

/** A writer of which it is known whether it could write what it was given last. */
export interface WatchedWriter extends WriterPort {
  /** Why nothing can be recorded at the moment, if that is so. */
  failure(): ErrorBody | undefined;
}

export function watchWrites(writer: WriterPort, monotonic: () => number): WatchedWriter {
  let failed: { readonly error: ErrorBody; readonly at: number } | undefined;
  return {
    async commit(groups) {
      const committed = await writer.commit(groups);
      const refusal = committed.verdicts.find((verdict) => !verdict.ok && UNWRITABLE.has(verdict.error.code));
      if (refusal && !refusal.ok) failed = { error: refusal.error, at: monotonic() };
      // What is refused for what it holds has not been written, and says nothing.
      else if (committed.verdicts.some(({ ok }) => ok)) failed = undefined;
      return committed;
    },
    failure: () => (failed && monotonic() - failed.at < REMEMBERED ? failed.error : undefined),
  };
}
