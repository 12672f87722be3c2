import type { EntryDraft } from '../../kernel/entry.ts';
import { FIRST_SIGHT, type PinRow } from './decider.ts';
import { isGrave, type Offered } from './judge.ts';
import type { Standing } from './standing.ts';

/** Entries that one commit carries, and characters of their definitions together, unless a single one is larger. */
const MAX_ENTRIES = 256;
const MAX_LENGTH = 1024 * 1024;

/** As many of these entries as one commit carries, from the first on; looks at no more of them than that. */
export function oneGroup(entries: Iterable<EntryDraft>): EntryDraft[] {
  const group: EntryDraft[] = [];
  let length = 0;
  for (const entry of entries) {
    length += entry.body?.length ?? 0;
    if (group.length === MAX_ENTRIES || (group.length > 0 && length > MAX_LENGTH)) break;
    group.push(entry);
  }
  return group;
}

export function pinEntry({ server, tool, digest, shape, definition }: Offered, by: string): EntryDraft {
  return {
    kind: 'mcp.pin',
    head: { server, tool, digest, by, ...(shape === undefined ? {} : { shape }) },
    body: JSON.stringify(definition),
  };
}

/**
 * What has to be put on record about a tool, given what is: its first sight, or that it is quarantined, once. `first` is
 * how it was seen first, until that is on record.
 */
export function entryDue(
  { offered, findings, quarantined }: Standing,
  row: PinRow | undefined,
  first: Offered | undefined,
): EntryDraft | undefined {
  if (!row && first) return pinEntry(first, FIRST_SIGHT);
  if (!quarantined || row?.quarantined || row?.rejected || findings.some(({ kind }) => kind === 'too-many'))
    return undefined;
  const { server, tool, digest, definition } = offered;
  const kinds = [...new Set(findings.filter(isGrave).map(({ kind }) => kind))];
  return { kind: 'mcp.quarantine', head: { server, tool, digest, findings: kinds }, body: JSON.stringify(definition) };
}
