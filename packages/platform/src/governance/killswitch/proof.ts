import type { MessageHead } from '../../exchange/task-decider.ts';
import type { JournalReader, StoredEntry } from '../../kernel/journal.ts';
import { killKey, type KillRow } from './decider.ts';

/** Entries looked at before the kill for the last accept in its scope. */
const LOOK_BACK = 20_000;
const PAGE = 500;

export interface KillProof {
  readonly scope: string;
  readonly mode: string;
  readonly reason: string;
  /** T is `received_at`: when the order reached the platform. Times in milliseconds since the Unix epoch. */
  readonly kill: { readonly seq: number; readonly at: number; readonly received_at: number };
  /** The last message accepted in the scope, `after_ms` after T (negative: before it). */
  readonly last_accept: {
    readonly seq: number;
    readonly at: number;
    readonly message: string;
    readonly after_ms: number;
  } | null;
  /** Accepts in the scope after the kill entry: the log refuses them, so this is 0 in every honest log. */
  readonly accepted_since: number;
  readonly refused_since: number;
}

/** Reads from the log what a kill has done: the entry order itself is the proof. */
export function killProof(read: JournalReader, tenant: string, scope: string): KillProof | undefined {
  const row = read.row(tenant, killKey(scope)) as unknown as KillRow | undefined;
  const entry = row && read.entry(tenant, row.seq);
  if (!row || !entry) return undefined;
  const received = entry.head['received_at'] as number;
  const last = lastAccept(read, tenant, scope, row.seq);
  const since = countSince(read, tenant, scope, row.seq + 1);
  return {
    scope,
    mode: row.mode,
    reason: row.reason,
    kill: { seq: row.seq, at: entry.at, received_at: received },
    last_accept: last
      ? {
          seq: last.seq,
          at: last.at,
          message: (last.head as unknown as MessageHead).message,
          after_ms: last.at - received,
        }
      : null,
    accepted_since: since.accepted,
    refused_since: since.refused,
  };
}

const inScope = (entry: StoredEntry, scope: string): boolean =>
  Array.isArray(entry.head['scopes']) && entry.head['scopes'].includes(scope) && entry.head['plane'] !== 'control';
/** Of the events of a task, only an answer to it names its scopes. */
const accepts = ({ kind }: StoredEntry): boolean => kind === 'accept' || kind === 'signal' || kind === 'event';

function lastAccept(read: JournalReader, tenant: string, scope: string, before: number): StoredEntry | undefined {
  for (let end = before; end > 0 && before - end < LOOK_BACK; end -= PAGE) {
    const from = Math.max(0, end - PAGE);
    const found = read
      .entries(tenant, { from, limit: end - from })
      .findLast((entry) => accepts(entry) && inScope(entry, scope));
    if (found) return found;
  }
  return undefined;
}

function countSince(
  read: JournalReader,
  tenant: string,
  scope: string,
  first: number,
): { accepted: number; refused: number } {
  let accepted = 0;
  let refused = 0;
  for (let from = first; from - first < LOOK_BACK; from += PAGE) {
    const entries = read.entries(tenant, { from, limit: PAGE }).filter((entry) => inScope(entry, scope));
    accepted += entries.filter(accepts).length;
    refused += entries.filter((entry) => entry.kind === 'deny').length;
    if (from + PAGE >= read.size(tenant)) break;
  }
  return { accepted, refused };
}
