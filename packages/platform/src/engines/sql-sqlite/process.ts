/**
 * The process that reads one SQLite database. It is one of its own because SQLite works synchronously and cannot be
 * interrupted from here: a statement that takes too long ends with its process.
 */
import { constants, DatabaseSync } from 'node:sqlite';
import type { Json } from '@aip/wire';
import type { SqlColumn, SqlRows, SqlTable } from '../../sources/sql/store.ts';
import type { Reply, Request } from './messages.ts';

/** Longest result, in characters of JSON. */
const MAX_RESULT = 8 * 1024 * 1024;
/** How long another process may hold the database, in milliseconds. */
const BUSY = 2_000;

const { SQLITE_OK, SQLITE_DENY, SQLITE_SELECT, SQLITE_READ, SQLITE_FUNCTION, SQLITE_RECURSIVE } = constants;

/** Table-valued functions, and what SQLite calls a row of a subquery. */
const HARMLESS = ['json_each', 'json_tree', ''];

let database: DatabaseSync | undefined;
/** Tables that may be read; all of them when undefined. */
let permitted: ReadonlySet<string> | undefined;
/** The database as those see it who may read only some of its tables, while its schema has that version. */
let offered: { readonly version: unknown; readonly outline: DatabaseSync } | undefined;

function open(file: string, wanted: readonly string[] | undefined): Reply {
  permitted = wanted && new Set(wanted);
  database = new DatabaseSync(file, { readOnly: true, timeout: BUSY, allowExtension: false });
  database.exec('PRAGMA query_only = ON; PRAGMA trusted_schema = OFF');
  // Reads something, so that a file that is no database is found out now.
  database.prepare('SELECT count(*) FROM sqlite_schema').get();
  return { kind: 'opened' };
}

/** Selecting is all that a statement may do: no PRAGMA, no ATTACH, nothing that writes. */
function authorize(action: number, _: string | null, second: string | null): number {
  if (action === SQLITE_FUNCTION) return second === 'load_extension' ? SQLITE_DENY : SQLITE_OK;
  return action === SQLITE_SELECT || action === SQLITE_RECURSIVE || action === SQLITE_READ ? SQLITE_OK : SQLITE_DENY;
}

/**
 * Refuses a statement that names a table that is not offered. SQLite itself tells, by preparing the statement over an
 * empty database that has only what is offered, each view as a table. An authorizer cannot: it is told of a read within a
 * view by the view's name, and a common table expression may have that name too (sqlite3_set_authorizer).
 */
function checkTables(from: DatabaseSync, sql: string): void {
  const version = from.prepare('PRAGMA schema_version').get()?.['schema_version'];
  if (!offered || offered.version !== version) {
    offered?.outline.close();
    offered = { version, outline: outlineOf(from) };
  }
  offered.outline.prepare(sql);
}

function outlineOf(from: DatabaseSync): DatabaseSync {
  const outline = new DatabaseSync(':memory:', { allowExtension: false });
  const columns = from.prepare('SELECT name FROM pragma_table_xinfo(?)');
  const readable = new Set<string | null>();
  for (const { name } of tables(from)) {
    const all = columns.all(name).map((column) => quoted(String(column['name'])));
    outline.exec(`CREATE TABLE ${quoted(name)} (${all.join(', ')})`);
    readable.add(name);
  }
  // A table may have the name of such a function, and is meant before it.
  const own = from.prepare('SELECT 1 FROM sqlite_schema WHERE name = ? COLLATE NOCASE');
  for (const name of HARMLESS) if (own.get(name) === undefined) readable.add(name);
  outline.setAuthorizer((action, first, second) =>
    action === SQLITE_READ && !readable.has(first) ? SQLITE_DENY : authorize(action, first, second),
  );
  return outline;
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

function tables(from: DatabaseSync): SqlTable[] {
  from.setAuthorizer(null);
  const list = from
    .prepare(
      `SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'view', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`,
    )
    .all();
  const columns = from.prepare(
    'SELECT name, type, "notnull", pk FROM pragma_table_xinfo(?) WHERE hidden <> 1 ORDER BY cid',
  );
  return (
    list
      // A dot stands between schema and table.
      .filter(({ name }) => !String(name).includes('.') && (permitted === undefined || permitted.has(String(name))))
      .map(({ name, type }) => ({
        name: String(name),
        kind: type === 'view' ? 'view' : 'table',
        columns: columns.all(String(name)).map((column): SqlColumn => ({
          name: String(column['name']),
          type: String(column['type']),
          nullable: column['notnull'] === 0 && column['pk'] === 0,
          primaryKey: column['pk'] !== 0,
        })),
      }))
  );
}

function query(from: DatabaseSync, request: Extract<Request, { kind: 'query' }>): SqlRows {
  from.setAuthorizer(null);
  // Within a transaction the schema stays what was looked at.
  from.exec('BEGIN');
  try {
    if (permitted) checkTables(from, request.sql);
    from.setAuthorizer(authorize);
    return rowsOf(from, request);
  } finally {
    from.setAuthorizer(null);
    if (from.isTransaction) from.exec('ROLLBACK');
  }
}

function rowsOf(from: DatabaseSync, { sql, parameters, rows: limit }: Extract<Request, { kind: 'query' }>): SqlRows {
  const statement = from.prepare(sql);
  const columns = statement.columns().map(({ name }) => name);
  if (columns.length === 0) throw new Error('only a statement that returns rows is run');
  statement.setReadBigInts(true);
  const values = Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [name, typeof value === 'boolean' ? Number(value) : value]),
  );
  const rows: Record<string, Json>[] = [];
  let size = 0;
  for (const row of statement.iterate(values)) {
    if (rows.length === limit) return { columns, rows, truncated: true };
    const plain = Object.fromEntries(Object.entries(row).map(([name, value]) => [name, jsonOf(value)]));
    size += JSON.stringify(plain).length;
    if (size > MAX_RESULT) throw tooLarge();
    rows.push(plain);
  }
  return { columns, rows, truncated: false };
}

const tooLarge = (): Error => new Error('the rows are too large; ask for fewer rows or columns');

/** A blob as base64, an integer beyond a double as text. */
function jsonOf(value: unknown): Json {
  if (value instanceof Uint8Array) {
    if (value.byteLength > MAX_RESULT) throw tooLarge();
    return Buffer.from(value).toString('base64');
  }
  if (typeof value !== 'bigint') return value as Json;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function answer(request: Request): Reply {
  try {
    if (request.kind === 'open') return open(request.file, request.tables);
    if (!database) throw new Error('not open');
    if (request.kind === 'tables') return { kind: 'tables', tables: tables(database) };
    return { kind: 'rows', result: query(database, request) };
  } catch (error) {
    return { kind: 'failed', reason: (error as Error).message };
  }
}

// When the platform is gone, however it went, nothing is left to wait for and the process ends.
process.on('message', (request: Request) => process.send?.(answer(request)));
