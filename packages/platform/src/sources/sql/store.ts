import type { Json } from '@aip/wire';

/** A database that is only read. What implements it makes sure of that, whatever statement it is given. */
export interface SqlDatabase {
  readonly dialect: 'sqlite' | 'postgres';
  /** Tables and views that may be read, by name. Throws UPSTREAM_FAILED when it cannot be reached. */
  tables(signal: AbortSignal): Promise<readonly SqlTable[]>;
  /**
   * Rows of one statement that only reads, at most `limit.rows`. Throws INVALID_ARGUMENT for a statement that is not
   * one or that the database refuses, PAYLOAD_TOO_LARGE when the rows are, TIMEOUT, UPSTREAM_FAILED.
   */
  query(statement: SqlStatement, limit: SqlLimit, signal: AbortSignal): Promise<SqlRows>;
  close(): Promise<void>;
}

export interface SqlTable {
  /** As it is written in a statement, unquoted: `orders`, or `schema.orders` outside of the usual schema. */
  readonly name: string;
  readonly kind: 'table' | 'view';
  readonly columns: readonly SqlColumn[];
}

export interface SqlColumn {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly primaryKey: boolean;
}

export interface SqlStatement {
  /** Parameters are `:name`. */
  readonly sql: string;
  readonly parameters: Readonly<Record<string, string | number | boolean | null>>;
}

export interface SqlLimit {
  readonly rows: number;
  /** Milliseconds. */
  readonly timeout: number;
}

export interface SqlRows {
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, Json>>[];
  /** There were more. */
  readonly truncated: boolean;
}

/** `:name` of a statement, outside of strings, quoted names, comments and casts (`::type`), replaced. */
export function replaceParameters(sql: string, replacement: (name: string) => string): string {
  const token =
    /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$([a-z_]*)\$[\s\S]*?\$\1\$|::|:([a-z_][a-z0-9_]*)/gi;
  return sql.replaceAll(token, (whole, _tag, name: string | undefined) =>
    name === undefined ? whole : replacement(name),
  );
}
