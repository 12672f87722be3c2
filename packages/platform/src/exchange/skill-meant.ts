import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { Draft } from '../kernel/message.ts';
import type { Catalogue } from './catalogue.ts';

type Asked = Pick<Draft, 'action'>;

/**
 * Whoever addresses an agent with one skill means that skill: guards, price and record are about what will run, not
 * about how it was addressed. Signals are for the agent itself.
 */
export function skillMeant(catalogue: Catalogue, target: CatalogueEntry, { action }: Asked): CatalogueEntry {
  const [only, ...more] = skillsOf(catalogue, target, { action });
  return only && more.length === 0 ? only : target;
}

/** What an agent that is addressed as a whole may run. Nothing for any other target: that is itself alone. */
export const skillsOf = (
  catalogue: Catalogue,
  { kind, owner }: CatalogueEntry,
  { action }: Asked,
): readonly CatalogueEntry[] =>
  kind === 'agent' && action === 'invoke' ? catalogue.list({ kind: 'skill', owner }) : [];
