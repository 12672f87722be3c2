import type { PinRow } from './decider.ts';
import type { Finding } from './judge.ts';
import type { Named } from './pin-rows.ts';
import type { Standing } from './standing.ts';

/** A tool as operators see it: what is decided about it, and what of it is offered now. Times are ISO 8601. */
export interface PinView {
  readonly server: string;
  readonly tool: string;
  readonly state: 'pinned' | 'quarantined' | 'rejected' | 'unpinned' | 'gone';
  readonly digest?: string;
  readonly pinned?: string;
  readonly pinned_at?: string;
  readonly pinned_by?: string;
  readonly quarantined_at?: string;
  readonly rejected_by?: string;
  readonly findings: Finding[];
}

export function viewOf({ server, tool }: Named, row: PinRow | undefined, standing: Standing | undefined): PinView {
  return {
    server,
    tool,
    state: stateOf(row, standing),
    ...(standing ? { digest: standing.offered.digest } : {}),
    ...(row?.digest === undefined ? {} : { pinned: row.digest }),
    ...(row?.at === undefined ? {} : { pinned_at: time(row.at) }),
    ...(row?.by === undefined ? {} : { pinned_by: row.by }),
    ...(row?.quarantined ? { quarantined_at: time(row.quarantined.at) } : {}),
    ...(row?.rejected ? { rejected_by: row.rejected.by } : {}),
    findings: [...(standing?.findings ?? [])],
  };
}

function stateOf(row: PinRow | undefined, standing: Standing | undefined): PinView['state'] {
  if (row?.rejected) return 'rejected';
  if (standing?.quarantined) return 'quarantined';
  if (!row) return 'unpinned';
  return standing ? 'pinned' : 'gone';
}

const time = (at: number): string => new Date(at).toISOString();
