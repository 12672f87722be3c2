import type { EntryDraft, Verdict } from '../kernel/entry.ts';
import type { LimitGuard } from '../kernel/guard.ts';
import type { Journal } from '../kernel/journal.ts';
import type { Principal } from '../kernel/principal.ts';

/**
 * Commits what a message leads to, as one group. What it weighs counts at the sender, who has asked for it: before it is
 * durable, so that of many at once each is seen by the next.
 */
export type Recorder = (sender: Principal, entries: readonly EntryDraft[]) => Promise<Verdict>;

export const createRecorder =
  (journal: Journal, limit: LimitGuard): Recorder =>
  (sender, entries) => {
    let bytes = 0;
    for (const { body } of entries) if (body !== undefined) bytes += Buffer.byteLength(body);
    if (bytes > 0) limit.weigh(sender, bytes);
    return journal.commit({ tenant: sender.tenant, entries });
  };
