import { AipError } from '@aip/wire';
import type { Exchange } from '../exchange/index.ts';
import type { ApiContext } from './api.ts';
import { filesSource } from './files/index.ts';
import { httpSource } from './http/index.ts';
import { openApiSource } from './openapi/index.ts';
import { runSource, type RunningSource, type SourceStatus } from './running-source.ts';
import type { SourcesSettings, SqlSettings } from './settings.ts';
import type { Source, SourceLog } from './source.ts';
import { sqlSource, type SqlDatabase } from './sql/index.ts';

export { sourceOperations } from './operations.ts';
export type { SourceStatus } from './running-source.ts';
export { sourcesSchema, type SourcesSettings, type SqlSettings } from './settings.ts';

/** Everything that speaks no agent protocol and can be addressed nevertheless. */
export interface Sources {
  /** Begins to read them; one that fails holds nobody up and is tried again. */
  start(): void;
  /** Resolves when each has been tried once. */
  settled(): Promise<void>;
  has(name: string): boolean;
  /** A document that others serve may change under its readers, as a server's tools may; a file is the operator's own. */
  pinning(name: string): 'enforce' | undefined;
  status(): SourceStatus[];
  stop(): Promise<void>;
}

export interface SourcesOptions extends ApiContext {
  readonly settings: SourcesSettings;
  /** Where relative paths begin. */
  readonly folder: string;
  /** Opens the database of a source, without connecting yet. */
  readonly openDatabase: (name: string, settings: SqlSettings) => SqlDatabase;
  readonly log?: SourceLog;
}

/** Throws CONFIG_INVALID when two sources share a name. */
export function createSources(exchange: Exchange, options: SourcesOptions): Sources {
  const { settings, folder, openDatabase, log = () => {} } = options;
  const made: readonly (readonly [name: string, make: () => Source])[] = [
    ...Object.entries(settings.openapi).map(
      ([name, own]) => [name, () => openApiSource(name, own, options, folder)] as const,
    ),
    ...Object.entries(settings.files).map(([name, own]) => [name, () => filesSource(name, own, folder)] as const),
    ...Object.entries(settings.sql).map(
      ([name, own]) => [name, () => sqlSource(name, own, openDatabase(name, own))] as const,
    ),
    ...Object.entries(settings.http).map(([name, own]) => [name, () => httpSource(name, own, options)] as const),
  ];
  const makers = new Map(made);
  if (makers.size < made.length) throw new AipError('CONFIG_INVALID', 'sources: two of them have the same name.');
  const running = new Map<string, RunningSource>();

  return {
    start() {
      for (const [name, make] of makers)
        if (!running.has(name)) running.set(name, runSource(exchange, name, make(), log));
    },
    settled: async () => void (await Promise.all([...running.values()].map((source) => source.tried))),
    has: (name) => makers.has(name),
    pinning: (name) => (/^https?:/i.test(settings.openapi[name]?.document ?? '') ? 'enforce' : undefined),
    status: () => [...running.values()].map((source) => source.status()),
    async stop() {
      await Promise.all([...running.values()].map((source) => source.stop()));
      running.clear();
    },
  };
}
