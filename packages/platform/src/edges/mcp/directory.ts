import type { JsonObject } from '@aip/wire';
import type { Catalogue } from '../../exchange/catalogue.ts';
import type { Address } from '../../kernel/address.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Message } from '../../kernel/message.ts';
import { definitionOf } from './definitions.ts';
import { createNameTable, type NameTable } from './name-table.ts';
import { aliasName, isLegalName } from './naming.ts';
import type { RankedTool } from './tool-ranking.ts';
import { unwrapUri, wrapInterface, wrapUri } from './uris.ts';
import { createVirtualServers, type VirtualServers } from './virtual.ts';

/**
 * What an endpoint shows: everything; one upstream server, or one agent, under their own names; or what the operator
 * has put together under names of the operator's choice.
 */
export type Scope =
  | { readonly kind: 'all' }
  | { readonly kind: 'server'; readonly owner: string }
  | { readonly kind: 'agent'; readonly owner: string }
  | { readonly kind: 'virtual'; readonly owner: string };

export const EVERYTHING: Scope = { kind: 'all' };

/** One name for each endpoint. */
export const scopeKey = (scope: Scope): string => (scope.kind === 'all' ? '' : `${scope.kind}:${scope.owner}`);

/** Kinds of addresses that are called at an endpoint of one owner. */
const OWNED = { server: ['tool', 'resource', 'prompt'], agent: ['skill'] };

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
  /** The same, not yet put together. */
  shownTools(scope: Scope, entries: readonly CatalogueEntry[]): RankedTool[];
  /** How many tools callers that do not steer the platform find there. */
  size(scope: Scope): number;
  prompts(scope: Scope, entries: readonly CatalogueEntry[]): JsonObject[];
  resources(scope: Scope, entries: readonly CatalogueEntry[]): JsonObject[];
  templates(scope: Scope, entries: readonly CatalogueEntry[]): JsonObject[];
  /** The tool, skill or operation that a client means by a name. */
  tool(scope: Scope, name: string): CatalogueEntry | undefined;
  /** The arguments of that tool that are the same in every call here, beside the caller's. */
  fixedArguments(scope: Scope, name: string): JsonObject;
  /** What a virtual server's tool is meant to be, whether that is there or not. */
  virtualTarget(scope: Scope, name: string): Address | undefined;
  prompt(scope: Scope, name: string): CatalogueEntry | undefined;
  /** The entry through which a URI is read, and the upstream's own form of it. Throws INVALID_ARGUMENT for what is none. */
  resource(scope: Scope, uri: string): { entry: CatalogueEntry; uri: string } | undefined;
  /**
   * Whether such a call could have been made there: what it called is offered, and with those arguments. `sent` gives the
   * message, if it is still known.
   */
  serves(scope: Scope, to: string, sent: () => Message | undefined): boolean;
  /** Whether what an owner offers can be seen there. */
  concerns(scope: Scope, owner: string): boolean;
  /** Called after an owner has changed what it offers, with the lists that are not as they were. */
  onChange(listener: (owner: string, lists: ReadonlySet<ListKind>) => void): () => void;
  close(): void;
}

export function createDirectory(
  catalogue: Catalogue,
  virtual: VirtualServers = createVirtualServers(catalogue, {}),
): Directory {
  const tools = createNameTable();
  const prompts = createNameTable();
  const owned = new Map<string, readonly CatalogueEntry[]>();
  const listeners = new Set<(owner: string, lists: ReadonlySet<ListKind>) => void>();

  const sizes = new Map<string, number>();

  function refresh(owner: string): void {
    sizes.clear();
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

  const inScope = (scope: Scope, entry: CatalogueEntry): boolean =>
    scope.kind === 'all' ||
    (scope.kind === 'virtual'
      ? virtual.lists(scope.owner, entry)
      : entry.owner === scope.owner &&
        entry.kind !== 'operation' &&
        (entry.kind === 'skill') === (scope.kind === 'agent'));

  const isTool = (entry: CatalogueEntry): boolean => LIST_OF[entry.kind] === 'tools';

  function shownTools(scope: Scope, entries: readonly CatalogueEntry[]): RankedTool[] {
    const shown =
      scope.kind === 'virtual'
        ? virtual.tools(scope.owner, entries).map((entry) => ({
            name: entry.name,
            definition: shownDefinition(scope, entry),
          }))
        : entries
            .filter((entry) => isTool(entry) && inScope(scope, entry) && isShown(entry))
            .map((entry) => ({ name: shownName(scope, entry, tools), definition: shownDefinition(scope, entry) }));
    return shown.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  function listUris(scope: Scope, entries: readonly CatalogueEntry[], kind: string, field: string): JsonObject[] {
    return entries
      .filter((entry) => entry.kind === kind && inScope(scope, entry) && isShown(entry) && entry.native !== undefined)
      .map((entry): JsonObject => ({ ...definitionOf(entry), [field]: shownUri(scope, entry) }))
      .toSorted(by(field));
  }

  function find(
    scope: Scope,
    name: string,
    table: NameTable,
    kind: 'tool' | 'skill' | 'prompt',
  ): CatalogueEntry | undefined {
    if (scope.kind === 'virtual' && kind !== 'prompt') return virtual.tool(scope.owner, name)?.entry;
    const entry =
      scope.kind === 'all' || scope.kind === 'virtual'
        ? table.find(name)
        : (catalogue.get(`${kind}:${scope.owner}/${name}`) ?? table.byAlias(name));
    // What is quarantined is not shown; who knows its name is told so by the exchange.
    return entry && inScope(scope, entry) && (isShown(entry) || entry.state === 'quarantined') ? entry : undefined;
  }

  return {
    tools: (scope, entries) => shownTools(scope, entries).map(({ name, definition }) => ({ ...definition, name })),
    shownTools,
    size(scope) {
      const key = scopeKey(scope);
      const counted = sizes.get(key);
      if (counted !== undefined) return counted;
      const size = shownTools(
        scope,
        catalogue.list().filter(({ plane }) => plane !== 'control'),
      ).length;
      sizes.set(key, size);
      return size;
    },
    prompts: (scope, entries) =>
      entries
        .filter((entry) => entry.kind === 'prompt' && inScope(scope, entry) && isShown(entry))
        .map((entry): JsonObject => ({ ...definitionOf(entry), name: shownName(scope, entry, prompts) }))
        .toSorted(by('name')),
    resources: (scope, entries) => listUris(scope, entries, 'resource', 'uri'),
    templates: (scope, entries) => listUris(scope, entries, 'template', 'uriTemplate'),
    tool: (scope, name) => find(scope, name, tools, scope.kind === 'agent' ? 'skill' : 'tool'),
    prompt: (scope, name) => find(scope, name, prompts, 'prompt'),
    virtualTarget: (scope, name) =>
      scope.kind === 'virtual' ? virtual.get(scope.owner)?.tools[name]?.target : undefined,
    fixedArguments: (scope, name) =>
      (scope.kind === 'virtual' ? virtual.tool(scope.owner, name)?.fixed : undefined) ?? {},
    resource(scope, uri) {
      if (scope.kind === 'agent') return undefined;
      const place = scope.kind === 'server' ? { server: scope.owner, uri } : unwrapUri(uri);
      if (!place) return undefined;
      const found = catalogue.reading(place.server, place.uri);
      return found && (scope.kind !== 'virtual' || virtual.reads(scope.owner, found.entry, found.uri))
        ? found
        : undefined;
    },
    serves(scope, to, sent) {
      if (scope.kind === 'all') return true;
      if (scope.kind === 'virtual') return virtual.serves(scope.owner, to, sent);
      return OWNED[scope.kind].some((kind) => to.startsWith(`${kind}:${scope.owner}/`));
    },
    concerns: (scope, owner) =>
      scope.kind === 'all' || (scope.kind === 'virtual' ? virtual.concerns(scope.owner, owner) : scope.owner === owner),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: unfollow,
  };
}

/** The exchange keeps its own operations under one key, whatever domain they belong to. */
const ownerKey = (entry: CatalogueEntry): string => (entry.kind === 'operation' ? 'operations' : entry.owner);

/** Whether names and URIs of several owners meet there, so that they have to be kept apart. */
export const gathersOwners = (scope: Scope): boolean => scope.kind === 'all' || scope.kind === 'virtual';

/** A server that is down comes back; an agent may not. */
const isShown = (entry: CatalogueEntry): boolean =>
  entry.state === 'active' || (entry.state === 'offline' && entry.kind !== 'skill');

function shownName(scope: Scope, entry: CatalogueEntry, table: NameTable): string {
  if (gathersOwners(scope)) return table.nameOf(entry);
  return scope.kind === 'server' || isLegalName(entry.name) ? entry.name : aliasName(entry);
}

const shownDefinition = (scope: Scope, entry: CatalogueEntry): JsonObject =>
  gathersOwners(scope) ? wrapInterface(entry.owner, definitionOf(entry)) : definitionOf(entry);

const shownUri = (scope: Scope, entry: CatalogueEntry): string =>
  gathersOwners(scope) ? wrapUri(entry.owner, entry.name) : entry.name;

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
