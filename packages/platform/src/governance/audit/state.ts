import { canonicalJson, equalBytes, type Frontier } from '@aip/wire';
import type { LogHead, TreeNode } from '../../journal/store.ts';
import type { FiledRow, Replay } from './replay.ts';
import type { AuditProblem } from './verify.ts';

/** What a store keeps beside the log. It is made from the log, and the platform relies on it without asking the log again. */
export interface KeptState {
  /** How far the rows of a log have come, and the tree over it there; undefined before they have been written once. */
  head(tenant: string): LogHead | undefined;
  /** Every row of a tenant. */
  filedRows(tenant: string): Iterable<FiledRow>;
  /** Every node of a tenant's tree that is kept, leaves aside. */
  nodes(tenant: string): Iterable<TreeNode>;
}

/** What the log makes of its first entries. */
export interface MadeState {
  readonly replay: Replay;
  /** The tree over these entries; its size is how many they are. */
  readonly frontier: Frontier;
  /** The nodes of that tree that a store has to keep. */
  readonly nodes: ReadonlyMap<string, Uint8Array>;
  /** Time of the last of them. */
  readonly at: number;
}

export const nodePlace = ({ level, index }: Pick<TreeNode, 'level' | 'index'>): string => `${level}/${index}`;

/**
 * Everything that is kept beside the log – balances, task heads, kills, how each is filed, the tree – has to be what the
 * log makes it, and nothing may be gone before its time. State that has come further meanwhile is not compared.
 */
export function compareState(kept: KeptState, tenant: string, made: MadeState, now: number): AuditProblem[] {
  // Rows are swept by the log's time; older logs were swept by the clock.
  const swept = Math.max(now, made.at);
  const problems = [...rowProblems(kept, tenant, made.replay, swept), ...treeProblems(kept, tenant, made)];
  return (kept.head(tenant)?.size ?? 0) === made.frontier.size ? problems.map((what) => ({ what })) : [];
}

function* rowProblems(kept: KeptState, tenant: string, replay: Replay, swept: number): Generator<string> {
  const seen = new Set<string>();
  for (const row of kept.filedRows(tenant)) {
    seen.add(row.key);
    const made = replay.row(row.key);
    if (!made || asText(made) !== asText(row)) yield `the row "${shown(row.key)}" is not what the log makes it`;
  }
  for (const key of replay.keys(swept)) if (!seen.has(key)) yield `the row "${shown(key)}" is missing`;
}

/** A row whole: what stands in it, and by what it is found, waited for and forgotten. */
const asText = ({ value, list, open = false, expires, updated }: FiledRow): string =>
  canonicalJson([value, list ?? null, open, expires ?? null, updated]);

const shown = (key: string): string => key.replaceAll('\n', ' ');

function* treeProblems(kept: KeptState, tenant: string, { frontier, nodes, at }: MadeState): Generator<string> {
  const head = kept.head(tenant);
  if (head && (head.at !== at || !equalBytes(head.frontier, frontier.serialise())))
    yield 'the tree that the next entry would join is not that of the log';
  const seen = new Set<string>();
  for (const node of kept.nodes(tenant)) {
    const place = nodePlace(node);
    seen.add(place);
    const made = nodes.get(place);
    // Nodes are written with their entries: those that later ones have completed are not known here.
    const isLater = (node.index + 1) * 2 ** node.level > frontier.size;
    if (!isLater && (!made || !equalBytes(made, node.hash)))
      yield `the node ${place} of the tree is not that of the log`;
  }
  for (const place of nodes.keys()) if (!seen.has(place)) yield `the node ${place} of the tree is missing`;
}
