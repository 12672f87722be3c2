import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import { aliasName, plainName } from './naming.ts';

/** Entries by plain name, which several may claim, and by alias, which is each one's own. */
export interface NameTable {
  add(entry: CatalogueEntry): void;
  remove(entry: CatalogueEntry): void;
  find(name: string): CatalogueEntry | undefined;
  byAlias(name: string): CatalogueEntry | undefined;
  /** The plain name while the entry is the one that holds it, else its alias. */
  nameOf(entry: CatalogueEntry): string;
}

export function createNameTable(): NameTable {
  const claims = new Map<string, readonly CatalogueEntry[]>();
  const aliases = new Map<string, CatalogueEntry>();

  /** A server's name is the operator's choice, so it goes before agents of that name; equals go by their aliases. */
  function holder(name: string): CatalogueEntry | undefined {
    const claimants = claims.get(name) ?? [];
    const chosen = claimants.filter((entry) => entry.kind !== 'skill');
    const candidates = chosen.length > 0 ? chosen : claimants;
    return candidates.length === 1 ? candidates[0] : undefined;
  }

  return {
    add(entry) {
      aliases.set(aliasName(entry), entry);
      const name = plainName(entry);
      if (name !== undefined) claims.set(name, [...(claims.get(name) ?? []), entry]);
    },
    remove(entry) {
      aliases.delete(aliasName(entry));
      const name = plainName(entry);
      if (name === undefined) return;
      const rest = (claims.get(name) ?? []).filter((other) => other !== entry);
      if (rest.length > 0) claims.set(name, rest);
      else claims.delete(name);
    },
    find: (name) => aliases.get(name) ?? holder(name),
    byAlias: (name) => aliases.get(name),
    nameOf(entry) {
      const name = plainName(entry);
      return name !== undefined && holder(name)?.address === entry.address ? name : aliasName(entry);
    },
  };
}
