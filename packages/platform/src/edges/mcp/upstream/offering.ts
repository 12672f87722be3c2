import { setTimeout as delay } from 'node:timers/promises';
import type { JsonObject } from '@aip/wire';
import type { Exchange } from '../../../exchange/index.ts';
import type { CatalogueEntry } from '../../../kernel/catalogue.ts';
import type { UpstreamConfig, UpstreamLog } from './config.ts';
import { listAll, type Connection } from './connection.ts';
import { entriesOf, type Listing } from './entries.ts';
import { failureOf } from './failures.ts';

/** Between two listings of a server that announces changes faster than it is listed, in milliseconds. */
const RELISTING = 200;

export interface OfferingOptions {
  readonly name: string;
  readonly config: UpstreamConfig;
  readonly catalogue: Exchange['catalogue'];
  readonly log: UpstreamLog;
  readonly stopping: AbortSignal;
  /** Whether the lists are those of somebody in particular. */
  readonly isPersonal: () => boolean;
  /** Lists the tools that are only offered to who can answer questions. */
  readonly listAskingTools: (connection: Connection) => Promise<readonly JsonObject[]>;
  /** Whether the connection is still the one whose lists are shown. */
  readonly isCurrent: (connection: Connection) => boolean;
}

/** What one server offers, as it stands in the catalogue. */
export interface Offering {
  readonly tools: number;
  /** Reads the lists anew; changes that come meanwhile are read after it. */
  refresh(connection: Connection): Promise<void>;
  /** Adds the tools that ask, once they are known. Never rejects. */
  learnAskingTools(connection: Connection): Promise<void>;
  /** What it offers stays known, so that callers are told what is wrong instead of finding nothing. */
  goOffline(): void;
}

export function createOffering(options: OfferingOptions): Offering {
  const { name, config, catalogue, log, stopping, isPersonal, listAskingTools, isCurrent } = options;
  let entries: readonly CatalogueEntry[] = [];
  let askingTools: readonly JsonObject[] | undefined;
  let refreshing: Promise<void> | undefined;
  let again = false;

  async function refresh(connection: Connection): Promise<void> {
    if (refreshing) {
      again = true;
      return refreshing;
    }
    refreshing = (async () => {
      do {
        again = false;
        const listing = shareable(await listAll(connection));
        const known = new Set(listing.tools.map((tool) => tool['name']));
        const more = (askingTools ?? []).filter((tool) => !known.has(tool['name'] ?? null));
        const asking = new Set(more.map((tool) => tool['name']));
        const found = entriesOf(name, config, { ...listing, tools: [...listing.tools, ...more] }, log);
        if (stopping.aborted) return;
        put(found.map((entry) => (entry.kind === 'tool' && asking.has(entry.name) ? { ...entry, asks: true } : entry)));
        // A server that announces changes without end is read again and again, but not all the time.
        if (again) await delay(RELISTING, undefined, { signal: stopping }).catch(() => {});
      } while (again && !stopping.aborted);
    })().finally(() => (refreshing = undefined));
    return refreshing;
  }

  /** Which resources somebody has is nobody else's business; by their URIs everybody reads their own. */
  const shareable = (listing: Listing): Listing => (isPersonal() ? { ...listing, resources: [] } : listing);

  function put(found: readonly CatalogueEntry[]): void {
    entries = found;
    catalogue.put(name, entries);
  }

  return {
    get tools() {
      return entries.filter((entry) => entry.kind === 'tool').length;
    },
    refresh,
    /** Found out once: it may take a process of its own. */
    async learnAskingTools(connection) {
      if (askingTools !== undefined) return;
      askingTools = [];
      try {
        askingTools = await listAskingTools(connection);
        if (isCurrent(connection)) await refresh(connection);
      } catch (error) {
        log('info', 'an MCP server was not asked for its tools that ask', {
          server: name,
          error: failureOf(name, error, 'none').error.message,
        });
      }
    },
    goOffline: () => put(entries.map((entry) => ({ ...entry, state: 'offline' }))),
  };
}
