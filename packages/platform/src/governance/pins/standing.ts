import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import { entryDefinition } from '../../kernel/definition.ts';
import { isGrave, judge, offeredTool, type Finding, type Neighbours, type Offered } from './judge.ts';
import type { PinRows } from './pin-rows.ts';

/** How closely a server is watched: not at all, for the log, or for good. What is rejected is quarantined in each. */
export type PinMode = 'off' | 'warn' | 'enforce';

/** Tools that are kept track of for one server; what it shows beyond them is quarantined. */
export const MAX_PINS = 5_000;

/** How a tool stands that is offered now. */
export interface Standing {
  readonly offered: Offered;
  readonly findings: readonly Finding[];
  readonly quarantined: boolean;
}

/** What a server offers now. */
export interface Sight {
  readonly entries: readonly CatalogueEntry[];
  /** First sights that are not on record yet: what was seen first counts already. */
  readonly seen: Map<string, Offered>;
}

const isRefusal = ({ kind }: Finding): boolean => kind === 'rejected';

/** What an operator has refused is not agreed to by the dozen. */
export const isUndecided = ({ quarantined, findings }: Standing): boolean => quarantined && !findings.some(isRefusal);

/** How its tools stand, by name. What has nothing against it is a first sight from here on. */
export function standingsOf(
  owner: string,
  { entries, seen }: Sight,
  mode: PinMode,
  rows: PinRows,
): Map<string, Standing> {
  const offered = entries
    .filter((entry) => entry.kind === 'tool')
    // Where pins are off, nothing is looked at but what an operator has refused.
    .filter((entry) => mode !== 'off' || rows.get(owner, entry.name)?.rejected)
    .map((entry) => offeredTool(owner, entry.name, entryDefinition(entry)));
  const neighbours = neighboursOf(owner, new Set(offered.map(({ tool }) => tool)), seen, rows);
  return new Map(
    offered.map((one) => {
      const row = rows.get(owner, one.tool) ?? seen.get(one.tool);
      const findings = judge(one, row, neighbours);
      // A refusal is an operator's word, not a suspicion: it holds however closely the server is watched.
      const quarantined = findings.some(mode === 'enforce' ? isGrave : isRefusal);
      if (!row && !quarantined) {
        seen.set(one.tool, one);
        rows.expect(one);
      }
      return [one.tool, { offered: one, findings, quarantined }];
    }),
  );
}

function neighboursOf(owner: string, offered: ReadonlySet<string>, seen: Sight['seen'], rows: PinRows): Neighbours {
  let gone: Map<string, string> | undefined;
  return {
    alike: rows.alike,
    vanished(server, shape) {
      gone ??= new Map(
        [...rows.all()]
          .filter((row) => row.server === server && row.shape !== undefined && !offered.has(row.tool))
          .map((row) => [row.shape as string, row.tool]),
      );
      return gone.get(shape);
    },
    full: () => rows.count(owner) + seen.size >= MAX_PINS,
  };
}
