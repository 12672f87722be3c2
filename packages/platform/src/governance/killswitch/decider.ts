import type { Json } from '@aip/wire';
import { NO_WRITES, type Decider, type PublicEntry } from '../../kernel/entry.ts';
import { errorBody } from '../../kernel/error-body.ts';

export type KillMode = 'kill' | 'pause' | 'quarantine';

export interface KillRow {
  readonly scope: string;
  /** What the agent it stops was called then. */
  readonly name?: string;
  readonly mode: KillMode;
  readonly reason: string;
  readonly by: string;
  readonly received_at: number;
  readonly at: number;
  readonly seq: number;
  /** Number of the entry of the last order to stop it, where that is a later one: it has changed nothing else. */
  readonly again?: number;
}

/** How much a stop takes away. Who stops again what is stopped as much already changes nothing: the first stop is the proof. */
const STRENGTH: Readonly<Record<KillMode, number>> = { pause: 1, quarantine: 2, kill: 3 };

export const outlasts = (standing: KillMode, ordered: KillMode): boolean => STRENGTH[standing] >= STRENGTH[ordered];

export const killKey = (scope: string): string => `kill:${scope}`;

/**
 * A kill is an entry, and no accept in its scope, nor an answer, may follow it before its release. Decided here, inside the
 * commit, so that the order of the log itself is the proof.
 */
export const killDecider: Decider = {
  name: 'killswitch',
  kinds: ['kill', 'release', 'accept', 'park', 'signal', 'event'],
  keys(entry) {
    if (entry.kind === 'kill' || entry.kind === 'release') return [killKey(entry.head['scope'] as string)];
    return scopesOf(entry).map(killKey);
  },
  decide(rows, entry) {
    if (entry.kind === 'kill') {
      const row: KillRow = { ...(entry.head as unknown as KillRow), at: entry.at, seq: entry.seq };
      const standing = rows(killKey(row.scope)) as KillRow | undefined;
      const value = standing && outlasts(standing.mode, row.mode) ? { ...standing, again: entry.seq } : row;
      return [{ key: killKey(row.scope), value: value as unknown as Json, open: true }];
    }
    if (entry.kind === 'release') {
      const { scope, since = entry.seq } = entry.head as { scope: string; since?: number };
      const standing = rows(killKey(scope)) as KillRow | undefined;
      if (!standing)
        return { refuse: errorBody('NOT_FOUND', `Nothing is stopped under "${scope}"; "aip kills" lists what is.`) };
      // Who released it did not know of that order.
      if ((standing.again ?? standing.seq) > since)
        return {
          refuse: errorBody(
            'CONFLICT',
            `${scope} has been stopped again since this release was asked for; look at "aip kills", and release it anew.`,
          ),
        };
      return [{ key: killKey(scope), value: null }];
    }
    // Control-plane operations cross a kill: otherwise nobody could release it.
    if (entry.head['plane'] === 'control') return NO_WRITES;
    for (const scope of scopesOf(entry)) {
      const row = rows(killKey(scope)) as KillRow | undefined;
      if (row) return { refuse: stopped(row) };
    }
    return NO_WRITES;
  },
};

/** Of the events of a task only an answer to it comes from outside, and names its scopes. */
const scopesOf = ({ kind, head }: PublicEntry): string[] =>
  kind === 'event' && head['scopes'] === undefined ? [] : (head['scopes'] as string[]);

export function stopped(row: Pick<KillRow, 'scope' | 'name' | 'mode' | 'reason'>) {
  const code = row.mode === 'kill' ? 'KILLED' : row.mode === 'pause' ? 'PAUSED' : 'QUARANTINED';
  const verb = row.mode === 'kill' ? 'stopped' : row.mode === 'pause' ? 'paused' : 'quarantined';
  const who = row.name === undefined ? row.scope : `${row.scope} (${row.name})`;
  return errorBody(code, `${who} is ${verb}: ${row.reason}. An operator can release it.`, { scope: row.scope });
}
