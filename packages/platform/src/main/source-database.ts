import { resolve } from 'node:path';
import { AipError } from '@aip/wire';
import { openPostgres } from '../engines/postgres/database.ts';
import { openSqliteDatabase } from '../engines/sql-sqlite/database.ts';
import type { ReadSecret } from '../kernel/secret.ts';
import type { SourcesOptions } from '../sources/index.ts';

/** The engine for each database of `sources.sql`. Relative paths begin in `folder`. */
export const openSourceDatabase =
  (folder: string, readSecret: ReadSecret): SourcesOptions['openDatabase'] =>
  (name, { sqlite, postgres, tables }) => {
    if (sqlite !== undefined) return openSqliteDatabase({ file: resolve(folder, sqlite), tables });
    if (postgres === undefined)
      throw new AipError('CONFIG_INVALID', `sources.sql.${name}: set one of sqlite, postgres.`);
    return openPostgres(async () => (typeof postgres === 'string' ? postgres : readSecret(postgres)));
  };
