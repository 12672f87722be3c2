import { AipError } from '@aip/wire';
import { parseAddress, splitOwned, type Address } from '../kernel/address.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import { coversUri } from '../kernel/uri-template.ts';
import { canonicalUri, uriKey } from '../kernel/uri.ts';

/** Entries one owner may offer, so that a hostile upstream cannot fill the memory. */
const MAX_PER_OWNER = 5_000;

/** Everything that can be addressed, in memory; owners (registry, upstreams, operations) replace their own part. */
export interface Catalogue {
  /** Replaces everything that `owner` offers. */
  put(owner: string, entries: readonly CatalogueEntry[]): void;
  remove(owner: string): void;
  get(address: Address): CatalogueEntry | undefined;
  /**
   * Finds the one entry an address means; agents may be named by DID or by their unique name. Within a tenant,
   * what belongs to another does not exist.
   */
  resolve(address: Address, tenant?: string): CatalogueEntry;
  /**
   * Through which entry of an owner a URI is read, whoever asks and however it is spelt, and the URI that is read: what
   * is listed, else the template with the longest literal beginning. Throws INVALID_ARGUMENT for what is not listed and
   * has no canonical form.
   */
  reading(owner: string, uri: string): { readonly entry: CatalogueEntry; readonly uri: string } | undefined;
  list(filter?: { kind?: CatalogueEntry['kind']; owner?: string; tenant?: string }): CatalogueEntry[];
  /** Called after every change, with the owner that changed. */
  onChange(listener: (owner: string) => void): () => void;
}

/** Looks at what an owner offers before anybody sees it, and may change the state of it; called with nothing when it leaves. */
export type Vet = (owner: string, entries: readonly CatalogueEntry[]) => readonly CatalogueEntry[];

export function createCatalogue(vet: Vet = (_owner, entries) => entries): Catalogue {
  const owners = new Map<string, readonly CatalogueEntry[]>();
  const byAddress = new Map<string, CatalogueEntry>();
  const resources = new Map<string, CatalogueEntry>();
  const skillsByName = new Map<string, CatalogueEntry[]>();
  const agentsByName = new Map<string, CatalogueEntry[]>();
  const listeners = new Set<(owner: string) => void>();
  let turn = 0;

  function put(owner: string, offered: readonly CatalogueEntry[]): void {
    if (offered.length > MAX_PER_OWNER)
      throw new AipError(
        'INVALID_ARGUMENT',
        `${owner} offers ${offered.length} entries; at most ${MAX_PER_OWNER} are taken.`,
      );
    const entries = vet(owner, offered);
    forget(owner);
    owners.set(owner, entries);
    for (const entry of entries) {
      byAddress.set(entry.address, entry);
      if (entry.kind === 'resource') resources.set(resourceKey(owner, entry.name), entry);
      if (entry.kind === 'skill') push(skillsByName, entry.name, entry);
      if (entry.kind === 'agent') push(agentsByName, entry.name, entry);
    }
    for (const listener of listeners) listener(owner);
  }

  function forget(owner: string): void {
    for (const entry of owners.get(owner) ?? []) {
      byAddress.delete(entry.address);
      if (entry.kind === 'resource') resources.delete(resourceKey(owner, entry.name));
      if (entry.kind === 'skill') drop(skillsByName, entry.name, entry);
      if (entry.kind === 'agent') drop(agentsByName, entry.name, entry);
    }
    owners.delete(owner);
  }

  /** The agent of that DID or unique name. */
  function agent(name: string, tenant: string | undefined): CatalogueEntry {
    const exact = byAddress.get(`agent:${name}`);
    if (exact && exists(exact, tenant)) return exact;
    const named = (agentsByName.get(name) ?? []).filter((entry) => exists(entry, tenant));
    if (named.length === 1) return named[0] as CatalogueEntry;
    if (named.length > 1)
      throw new AipError(
        'UNKNOWN_AGENT',
        `${named.length} agents are named "${name}"; use the DID of the one you mean.`,
      );
    throw new AipError(
      'UNKNOWN_AGENT',
      `No agent "${name.slice(0, 120)}" is known here; "aip agent list" shows who is.`,
    );
  }

  /** One live provider of a capability, in turn. */
  function provider(name: string, tenant: string | undefined): CatalogueEntry {
    const offering = (skillsByName.get(name) ?? []).filter((entry) => exists(entry, tenant));
    const live = offering.filter((entry) => entry.state === 'active');
    if (offering.length === 0)
      throw new AipError('UNKNOWN_TARGET', `No agent offers the capability "${name.slice(0, 120)}".`);
    if (live.length === 0)
      throw new AipError(
        'AGENT_UNAVAILABLE',
        `No agent that offers the capability "${name.slice(0, 120)}" is connected; try again when one is.`,
      );
    return live[turn++ % live.length] as CatalogueEntry;
  }

  function resolve(address: Address, tenant?: string): CatalogueEntry {
    const exact = byAddress.get(address);
    if (exact && exists(exact, tenant)) return exact;
    const { kind, name } = parseAddress(address);
    if (kind === 'agent') return agent(name, tenant);
    if (kind === 'capability') return provider(name, tenant);
    if (kind === 'skill') {
      const owned = splitOwned(name);
      const skill = byAddress.get(`skill:${agent(owned.owner, tenant).owner}/${owned.name}`);
      if (skill) return skill;
    }
    throw new AipError('UNKNOWN_TARGET', `There is no ${kind} "${name.slice(0, 120)}" here.`);
  }

  function reading(owner: string, uri: string): ReturnType<Catalogue['reading']> {
    const exact = byAddress.get(`resource:${owner}/${uri}`);
    if (exact) return { entry: exact, uri };
    const canonical = canonicalUri(uri);
    const listed = byAddress.get(`resource:${owner}/${canonical}`) ?? resources.get(resourceKey(owner, canonical));
    if (listed?.kind === 'resource') return { entry: listed, uri: listed.name };
    const template = nearestTemplate(owners.get(owner) ?? [], canonical);
    return template && { entry: template, uri: canonical };
  }

  return {
    put,
    remove(owner) {
      vet(owner, []);
      forget(owner);
      for (const listener of listeners) listener(owner);
    },
    get: (address) => byAddress.get(address),
    resolve,
    reading,
    list(filter = {}) {
      const { kind, owner, tenant } = filter;
      const source = owner === undefined ? [...byAddress.values()] : [...(owners.get(owner) ?? [])];
      return source.filter((entry) => (kind === undefined || entry.kind === kind) && exists(entry, tenant));
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

const resourceKey = (owner: string, uri: string): string => `${owner}/${uriKey(uri) ?? uri}`;

function nearestTemplate(entries: readonly CatalogueEntry[], uri: string): CatalogueEntry | undefined {
  let nearest: CatalogueEntry | undefined;
  let length = -1;
  for (const entry of entries) {
    if (entry.kind !== 'template') continue;
    const literal = entry.name.split('{', 1)[0] ?? '';
    if (literal.length > length && coversUri(entry.name, uri)) {
      nearest = entry;
      length = literal.length;
    }
  }
  return nearest;
}

/** What belongs to nobody is there for every tenant. */
const exists = (entry: CatalogueEntry, tenant: string | undefined): boolean =>
  tenant === undefined || entry.tenant === undefined || entry.tenant === tenant;

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

function drop<T>(map: Map<string, T[]>, key: string, value: T): void {
  const rest = (map.get(key) ?? []).filter((item) => item !== value);
  if (rest.length > 0) map.set(key, rest);
  else map.delete(key);
}
