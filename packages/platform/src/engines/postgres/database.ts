import { AipError, type Json } from '@aip/wire';
import pg from 'pg';
import {
  replaceParameters,
  type SqlDatabase,
  type SqlLimit,
  type SqlRows,
  type SqlStatement,
} from '../../sources/sql/store.ts';
import { actingPart } from './side-effects.ts';
import { listTables } from './tables.ts';
import { jsonOf, ROW_TYPES } from './values.ts';

const MAX_CONNECTIONS = 4;
/** Milliseconds. */
const CONNECT_TIMEOUT = 5_000;
const IDLE = 30_000;
/** The server ends a statement; if it does not, its connection is dropped this much later, in milliseconds. */
const GRACE = 2_000;
/** Rows that are asked for at once. */
const STEP = 100;

/** Within what an exchange with the server has to stay, or its connection is dropped. */
interface Bounds {
  /** Milliseconds. */
  readonly timeout: number;
  /** Bytes that the server may send: rows, and whatever else it says. */
  readonly bytes: number;
}

const TABLES_BOUNDS: Bounds = { timeout: 15_000, bytes: 16 * 1024 * 1024 };
const MAX_RECEIVED = 4 * 1024 * 1024;
/** Longest message of the server that is passed on, in characters: it may repeat a value. */
const MAX_MESSAGE = 500;

/**
 * A PostgreSQL database whose tables cannot be written: every statement is the query of a cursor in a READ ONLY
 * transaction that is rolled back. A cursor takes one SELECT or VALUES and nothing else, so no statement can end the
 * transaction or change its mode. Functions that act all the same are refused by name. What may be read, and which
 * functions of the database's own may be called, is up to the role's grants. `url` is asked for each new connection.
 */
export function openPostgres(url: () => Promise<string>): SqlDatabase {
  let pool: { readonly url: string; readonly pool: pg.Pool } | undefined;

  async function connect(): Promise<pg.PoolClient> {
    const wanted = await url();
    if (pool?.url !== wanted) {
      void pool?.pool.end();
      pool = { url: wanted, pool: newPool(wanted) };
    }
    try {
      return await pool.pool.connect();
    } catch (error) {
      throw unreachable(error);
    }
  }

  async function readOnly<T>(
    { timeout, bytes }: Bounds,
    signal: AbortSignal,
    work: (client: pg.PoolClient) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    const client = await connect();
    const { stream } = client.connection;
    let dropped: Error | undefined;
    const drop = (reason: Error): void => {
      if (dropped) return;
      dropped = reason;
      // Not read any further, whatever is on its way.
      stream.destroy();
      client.release(reason);
    };
    let received = 0;
    const count = (chunk: Buffer): void => {
      received += chunk.byteLength;
      if (received > bytes) drop(tooLarge(bytes));
    };
    const aborted = (): void => drop(new Error('aborted'));
    const timer = setTimeout(
      () => drop(new AipError('TIMEOUT', `The database has not answered within ${timeout / 1000} seconds.`)),
      timeout + GRACE,
    );
    signal.addEventListener('abort', aborted, { once: true });
    stream.on('data', count);
    try {
      await client.query(`BEGIN TRANSACTION READ ONLY; SET LOCAL statement_timeout = ${Math.ceil(timeout)}`);
      const result = await work(client);
      await restore(client);
      return result;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (dropped) throw dropped;
      const failure = failureOf(error, timeout);
      await restore(client).catch((lost: Error) => drop(lost));
      throw failure;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      stream.off('data', count);
      if (!dropped) client.release();
    }
  }

  return {
    dialect: 'postgres',
    tables: (signal) => readOnly(TABLES_BOUNDS, signal, listTables),
    query: (statement, limit, signal) =>
      readOnly({ timeout: limit.timeout, bytes: MAX_RECEIVED }, signal, (client) =>
        fetchRows(client, statement, limit),
      ),
    async close() {
      await pool?.pool.end();
    },
  };
}

/** The session as it was: a lock, or a setting, may outlive the transaction. */
async function restore(client: pg.PoolClient): Promise<void> {
  await client.query('ROLLBACK');
  await client.query('DISCARD ALL');
}

function newPool(url: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    idleTimeoutMillis: IDLE,
    allowExitOnIdle: true,
    application_name: 'aip',
    options: '-c default_transaction_read_only=on',
  });
  // An idle connection that breaks is replaced by the next; nobody waits for it.
  pool.on('error', () => {});
  return pool;
}

async function fetchRows(
  client: pg.PoolClient,
  { sql, parameters }: SqlStatement,
  { rows: limit }: SqlLimit,
): Promise<SqlRows> {
  const acting = actingPart(sql);
  if (acting !== undefined)
    throw new AipError(
      'INVALID_ARGUMENT',
      `A statement that only reads does not use ${acting}: it acts outside of its transaction.`,
    );
  const names: string[] = [];
  const numbered = replaceParameters(sql, (name) => {
    if (!names.includes(name)) names.push(name);
    return `$${names.indexOf(name) + 1}`;
  }).replace(/;\s*$/, '');
  const declaration: pg.QueryConfig & { queryMode: 'extended' } = {
    text: `DECLARE aip_rows NO SCROLL CURSOR FOR ${numbered}`,
    values: names.map((name) => parameters[name] ?? null),
    // One statement at a time, which the simple protocol does not promise.
    queryMode: 'extended',
  };
  await client.query(declaration);
  const rows: Record<string, Json>[] = [];
  let size = 0;
  for (;;) {
    const step = Math.min(STEP, limit + 1 - rows.length);
    const fetched = await client.query<Record<string, unknown>>({
      text: `FETCH FORWARD ${step} FROM aip_rows`,
      types: ROW_TYPES,
    });
    for (const row of fetched.rows) {
      const plain = Object.fromEntries(Object.entries(row).map(([name, value]) => [name, jsonOf(value)]));
      // Names of columns, which are sent once, are in every row.
      size += Buffer.byteLength(JSON.stringify(plain));
      if (size > MAX_RECEIVED) throw tooLarge(MAX_RECEIVED);
      rows.push(plain);
    }
    if (fetched.rows.length === step && rows.length <= limit) continue;
    const columns = fetched.fields.map(({ name }) => name);
    return { columns, rows: rows.slice(0, limit), truncated: rows.length > limit };
  }
}

const tooLarge = (limit: number): AipError =>
  new AipError('PAYLOAD_TOO_LARGE', `The answer takes more than ${limit} bytes; ask for fewer rows or columns.`);

/** What the database says about a statement is the caller's to know; what it says about the connection is not. */
function failureOf(error: unknown, timeout: number): AipError {
  if (error instanceof AipError) return error;
  const code = error instanceof pg.DatabaseError ? (error.code ?? '') : '';
  if (code === '57014')
    return new AipError('TIMEOUT', `The database has not answered within ${timeout / 1000} seconds.`);
  // Classes of SQLSTATE: data, transaction, syntax and access, limits, objects not in the right state (PostgreSQL, appendix A).
  if (/^(?:0A|22|25|2B|34|42|53|54|55|P0)/.test(code))
    return new AipError(
      'INVALID_ARGUMENT',
      `The database refuses this statement: ${(error as Error).message.slice(0, MAX_MESSAGE)}.`,
    );
  return unreachable(error);
}

function unreachable(error: unknown): AipError {
  const code = error instanceof pg.DatabaseError ? error.code : undefined;
  const why =
    code === undefined
      ? 'cannot be reached'
      : code.startsWith('28')
        ? 'refuses the role or its password'
        : `fails (SQLSTATE ${code})`;
  return new AipError('UPSTREAM_FAILED', `The database ${why}.`, { cause: error });
}
