import type { Entry, Group, Verdict } from '../kernel/entry.ts';
import { errorBody } from '../kernel/error-body.ts';
import type { Journal, JournalReader } from '../kernel/journal.ts';
import { createOverlay } from './overlay.ts';
import type { Committed } from './writer.ts';

/** Groups waiting for the writer; beyond this the platform is overloaded and says so. */
const MAX_WAITING = 50_000;
/** Groups in one batch, so that a single transaction stays short. */
const MAX_BATCH = 2_000;

export interface WriterPort {
  /** Commits a batch; rejects only when the writer is gone. */
  commit(groups: readonly Group[]): Promise<Committed>;
}

interface Waiting {
  readonly group: Group;
  readonly resolve: (verdict: Verdict) => void;
}

/**
 * The journal as the exchange sees it: takes whatever waits, commits it as one batch, takes what has come
 * meanwhile. Idle means flush at once; busy means big batches.
 */
export function createJournal(writer: WriterPort, reader: JournalReader): Journal {
  const overlay = createOverlay(reader);
  const followers = new Map<string, Set<(entry: Entry) => void>>();
  const waiting: Waiting[] = [];
  let flushing = false;

  async function flush(): Promise<void> {
    flushing = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, MAX_BATCH);
      const committed = await writer.commit(batch.map((item) => item.group)).catch(() => undefined);
      if (committed) overlay.take(committed.changes, committed.caughtUp);
      batch.forEach((item, index) => {
        const verdict = committed?.verdicts[index] ?? WRITER_GONE;
        if (verdict.ok) announce(item.group, verdict);
        item.resolve(verdict);
      });
    }
    flushing = false;
  }

  function announce(group: Group, verdict: { seq: number; at: number }): void {
    if (followers.size === 0) return;
    group.entries.forEach((draft, index) => {
      const listeners = [...(followers.get(draft.kind) ?? []), ...(followers.get('all') ?? [])];
      if (listeners.length === 0) return;
      const entry: Entry = { ...draft, tenant: group.tenant, seq: verdict.seq + index, at: verdict.at };
      for (const listener of listeners) tell(listener, entry);
    });
  }

  return {
    read: overlay.read,
    commit(group) {
      if (waiting.length >= MAX_WAITING) return Promise.resolve(OVERLOADED);
      return new Promise<Verdict>((resolve) => {
        waiting.push({ group, resolve });
        if (flushing) return;
        flushing = true;
        // One microtask later, so that everything this turn commits travels together.
        queueMicrotask(() => void flush());
      });
    },
    follow(kinds, listener) {
      const names = kinds === 'all' ? ['all'] : kinds;
      for (const kind of names) followers.set(kind, (followers.get(kind) ?? new Set()).add(listener));
      return () => {
        for (const kind of names) followers.get(kind)?.delete(listener);
      };
    },
  };
}

/** A follower that fails must not stop the log, nor the others; what it throws is shown as a warning. */
function tell(listener: (entry: Entry) => void, entry: Entry): void {
  try {
    listener(entry);
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error));
  }
}

const WRITER_GONE: Verdict = {
  ok: false,
  error: errorBody('NOT_RECORDED', 'The log is closed, so the action was not executed.'),
};
const OVERLOADED: Verdict = {
  ok: false,
  error: errorBody('NOT_RECORDED', 'The log has more waiting than it can take; try again shortly.'),
};
