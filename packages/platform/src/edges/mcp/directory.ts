import type { JsonObject } from '@aip/wire';
import type { Catalogue } from '../../exchange/catalogue.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import { definitionOf } from './definitions.ts';
import { createNameTable, type NameTable } from './name-table.ts';
import { aliasName, isLegalName } from './naming.ts';
import { unwrapUri, wrapUri } from './uris.ts';

/** What an endpoint shows: everything, one upstream server, or one agent, the latter two under their own names. */
export type Scope =
  | { readonly kind: 'all' }
  | { readonly kind: 'server'; readonly owner: string }
  | { readonly kind: 'agent'; readonly owner: string };

export const EVERYTHING: Scope = { kind: 'all' };

/** The three lists of MCP; each changes on its own. */
export type ListKind = 'tools' | 'resources' | 'prompts';

const LIST_OF: Record<CatalogueEntry['kind'], ListKind | undefined> = {
  tool: 'tools',
  skill: 'tools',
  operation: 'tools',
  resource: 'resources',
  template: 'resources',
  prompt: 'prompts',
  agent: undefined,
};

/**
 * The catalogue under MCP names. It only translates: who may see or call what is decided by the operation that lists
 * and by the exchange when a message is sent.
 */
export interface Directory {
  /** Definitions of those entries that belong in the list, under the scope's names, sorted by them. */
  tools(scope: Scope, entries: readonly CatalogueEntry[]): JsonObject[];
  prompts(scope: Scope, entries: readonly CatalogueEntry[]): JsonObject[];
  resources(scope: Scope, entries: readonly CatalogueEntry[]): JsonObject[];
  templates(scope: Scope, entries: readonly CatalogueEntry[]): JsonObject[];
  /** The tool, skill or operation that a client means by a name. */
  tool(scope: Scope, name: string): CatalogueEntry | undefined;
  prompt(scope: Scope, name: string): CatalogueEntry | undefined;
  /** The entry through which a URI is read, and the upstream's own form of it. */
  resource(scope: Scope, uri: string): { entry: CatalogueEntry; uri: string } | undefined;
  /** Called after an owner has changed what it offers, with the lists that are not as they were. */
  onChange(listener: (owner: string, lists: ReadonlySet<ListKind>) => void): () => void;
  close(): void;
}

export function createDirectory(catalogue: Catalogue): Directory {
  const tools = createNameTable();
  const prompts = createNameTable();
  const owned = new Map<string, readonly CatalogueEntry[]>();
  const listeners = new Set<(owner: string, lists: ReadonlySet<ListKind>) => void>();

  function refresh(owner: string): void {
    const before = owned.get(owner) ?? [];
    const after = catalogue.list({ owner });
    for (const entry of before) tableOf(entry)?.remove(entry);
    for (const entry of after) tableOf(entry)?.add(entry);
    if (after.length > 0) owned.set(owner, after);
    else owned.delete(owner);
    const lists = changedLists(before, after);
    if (lists.size > 0) for (const listener of listeners) listener(owner, lists);
  }

  const tableOf = (entry: CatalogueEntry): NameTable | undefined =>
    LIST_OF[entry.kind] === 'tools' ? tools : entry.kind === 'prompt' ? prompts : undefined;

  for (const owner of new Set(catalogue.list().map(ownerKey))) refresh(owner);
  const unfollow = catalogue.onChange(refresh);

  function list(
    scope: Scope,
    entries: readonly CatalogueEntry[],
    kinds: readonly string[],
    table: NameTable,
  ): JsonObject[] {
    return entries
      .filter((entry) => kinds.includes(entry.kind) && inScope(scope, entry) && isShown(entry))
      .map((entry): JsonObject => ({ ...definitionOf(entry), name: shownName(scope, entry, table) }))
      .toSorted(by('name'));
  }

  function listUris(scope: Scope, entries: readonly CatalogueEntry[], kind: string, field: string): JsonObject[] {
    return entries
      .filter((entry) => entry.kind === kind && inScope(scope, entry) && isShown(entry) && entry.native)
      .map((entry): JsonObject => ({ ...definitionOf(entry), [field]: shownUri(scope, entry) }))
      .toSorted(by(field));
  }

  function find(
    scope: Scope,
    name: string,
    table: NameTable,
    kind: 'tool' | 'skill' | 'prompt',
  ): CatalogueEntry | undefined {
    const entry =
      scope.kind === 'all'
        ? table.find(name)
        : (catalogue.get(`${kind}:${scope.owner}/${name}`) ?? table.byAlias(name));
    return entry && inScope(scope, entry) && isShown(entry) ? entry : undefined;
  }

  return {
    tools: (scope, entries) => list(scope, entries, ['tool', 'skill', 'operation'], tools),
    prompts: (scope, entries) => list(scope, entries, ['prompt'], prompts),
    resources: (scope, entries) => listUris(scope, entries, 'resource', 'uri'),
    templates: (scope, entries) => listUris(scope, entries, 'template', 'uriTemplate'),
    tool: (scope, name) => find(scope, name, tools, scope.kind === 'agent' ? 'skill' : 'tool'),
    prompt: (scope, name) => find(scope, name, prompts, 'prompt'),
    resource(scope, uri) {
      const place =
        scope.kind === 'server' ? { server: scope.owner, uri } : scope.kind === 'all' ? unwrapUri(uri) : undefined;
      if (!place) return undefined;
      const exact = catalogue.get(`resource:${place.server}/${place.uri}`);
      const entry = exact ?? nearestTemplate(owned.get(place.server) ?? [], place.uri);
      return entry && { entry, uri: place.uri };
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: unfollow,
  };
}

/** The exchange keeps its own operations under one key, whatever domain they belong to. */
const ownerKey = (entry: CatalogueEntry): string => (entry.kind === 'operation' ? 'operations' : entry.owner);

const inScope = (scope: Scope, entry: CatalogueEntry): boolean =>
  scope.kind === 'all' || (entry.owner === scope.owner && (entry.kind === 'skill') === (scope.kind === 'agent'));

/** A server that is down comes back; an agent may not. */
const isShown = (entry: CatalogueEntry): boolean =>
  entry.state === 'active' || (entry.state === 'offline' && entry.kind !== 'skill');

function shownName(scope: Scope, entry: CatalogueEntry, table: NameTable): string {
  if (scope.kind === 'all') return table.nameOf(entry);
  return scope.kind === 'server' || isLegalName(entry.name) ? entry.name : aliasName(entry);
}

const shownUri = (scope: Scope, entry: CatalogueEntry): string =>
  scope.kind === 'all' ? wrapUri(entry.owner, entry.name) : entry.name;

/** The template with the longest literal beginning that the URI shares. */
function nearestTemplate(entries: readonly CatalogueEntry[], uri: string): CatalogueEntry | undefined {
  let nearest: CatalogueEntry | undefined;
  let length = -1;
  for (const entry of entries) {
    if (entry.kind !== 'template') continue;
    const literal = entry.name.split('{', 1)[0] ?? '';
    if (literal.length > length && uri.startsWith(literal)) {
      nearest = entry;
      length = literal.length;
    }
  }
  return nearest;
}

function changedLists(before: readonly CatalogueEntry[], after: readonly CatalogueEntry[]): Set<ListKind> {
  const changed = new Set<ListKind>();
  const known = new Map(before.map((entry) => [entry.address, entry]));
  for (const entry of after) {
    const old = known.get(entry.address);
    known.delete(entry.address);
    const list = LIST_OF[entry.kind];
    if (list && (old === undefined ? isShown(entry) : differs(old, entry))) changed.add(list);
  }
  for (const entry of known.values()) {
    const list = LIST_OF[entry.kind];
    if (list && isShown(entry)) changed.add(list);
  }
  return changed;
}

const differs = (old: CatalogueEntry, entry: CatalogueEntry): boolean =>
  isShown(old) !== isShown(entry) ||
  (isShown(entry) && JSON.stringify(definitionOf(old)) !== JSON.stringify(definitionOf(entry)));

const by =
  (field: string) =>
  (a: JsonObject, b: JsonObject): number => {
    const [left, right] = [a[field] as string, b[field] as string];
    return left < right ? -1 : left > right ? 1 : 0;
  };
