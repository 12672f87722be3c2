import type { Json } from '@aip/wire';
import type { Entry } from '../../kernel/entry.ts';
import type { JournalReader } from '../../kernel/journal.ts';
import { DEFAULT_TENANT } from '../../kernel/principal.ts';
import { PIN_PREFIX, pinDecider, pinKey, type PinRow } from './decider.ts';
import { skeleton } from './look-alikes.ts';

export type Named = Pick<PinRow, 'server' | 'tool'>;

/** What is decided about tools, as the log has it, and how they are named. Servers belong to every tenant. */
export interface PinRows {
  get(server: string, tool: string): PinRow | undefined;
  all(): Iterable<PinRow>;
  /** Tools of a server about which something is decided. */
  count(server: string): number;
  /** Tools that are pinned, or about to be, whose names look like this one. */
  readonly alike: (tool: string) => readonly Named[];
  /** This one is about to be pinned. */
  expect(named: Named): void;
  /** Makes the row that the decider has written again from its entry; false for an entry that decides nothing. */
  follow(entry: Entry): boolean;
}

export function openPinRows(read: JournalReader): PinRows {
  const rows = new Map<string, PinRow>();
  const counts = new Map<string, number>();
  /** By skeleton of their name. */
  const names = new Map<string, Map<string, Named>>();

  for (const { value } of read.open(DEFAULT_TENANT, PIN_PREFIX)) adopt(value as unknown as PinRow);

  function adopt(row: PinRow): void {
    const key = pinKey(row.server, row.tool);
    if (!rows.has(key)) counts.set(row.server, (counts.get(row.server) ?? 0) + 1);
    rows.set(key, row);
    if (row.digest !== undefined) expect(row);
  }

  function expect({ server, tool }: Named): void {
    const name = skeleton(tool);
    names.set(name, (names.get(name) ?? new Map<string, Named>()).set(pinKey(server, tool), { server, tool }));
  }

  function forget(key: string): void {
    const row = rows.get(key);
    if (!row || !rows.delete(key)) return;
    counts.set(row.server, (counts.get(row.server) ?? 1) - 1);
    const named = names.get(skeleton(row.tool));
    named?.delete(key);
    if (named?.size === 0) names.delete(skeleton(row.tool));
  }

  return {
    get: (server, tool) => rows.get(pinKey(server, tool)),
    all: () => rows.values(),
    count: (server) => counts.get(server) ?? 0,
    alike: (tool) => [...(names.get(skeleton(tool))?.values() ?? [])],
    expect,
    follow(entry) {
      const decision = pinDecider.decide((key) => rows.get(key) as unknown as Json | undefined, entry);
      if ('refuse' in decision) return false;
      for (const { key, value } of decision) {
        if (value === null) forget(key);
        else adopt(value as unknown as PinRow);
      }
      return true;
    },
  };
}
