import { AipError, isJsonObject, type Json, type JsonObject } from '@aip/wire';
import { argumentsOf, type Body } from '../../kernel/body.ts';
import { jsonContents } from '../content.ts';
import { MAX_NAME, resourceEntry, toolEntry } from '../entry.ts';
import type { SqlSettings } from '../settings.ts';
import type { Offer, Source } from '../source.ts';
import { checkTemplate, variablesOf } from '../variables.ts';
import { replaceParameters, type SqlDatabase, type SqlRows, type SqlStatement, type SqlTable } from './store.ts';

export type { SqlDatabase } from './store.ts';

const SCHEME = 'sql:///';
/** Tables that are offered. */
const MAX_TABLES = 500;
/** Longest result, in bytes. */
const MAX_RESULT = 1024 * 1024;
const MAX_SQL = 20_000;

type Query = SqlSettings['queries'][string];
type Values = SqlStatement['parameters'];

/** A database as resources (its schema, its tables, their rows) and named queries as tools; read-only throughout. */
export function sqlSource(name: string, settings: SqlSettings, database: SqlDatabase): Source {
  const limit = { rows: settings.max_rows, timeout: settings.timeout_seconds * 1000 };

  async function rows(statement: SqlStatement, signal: AbortSignal): Promise<SqlRows> {
    const result = await database.query(statement, limit, signal);
    if (Buffer.byteLength(JSON.stringify(result)) <= MAX_RESULT) return result;
    throw new AipError(
      'PAYLOAD_TOO_LARGE',
      `The rows take more than ${MAX_RESULT} bytes; ask for fewer rows or columns.`,
    );
  }

  /** What stands at a URI, or at those of a template. */
  function resource(
    uri: string,
    title: string,
    description: string,
    read: (variables: JsonObject, signal: AbortSignal) => Promise<unknown>,
  ): Offer {
    checkTemplate(uri);
    return {
      entry: resourceEntry(name, { uri, name: title, description, mimeType: 'application/json' }),
      async perform({ message, signal }) {
        const args = argumentsOf(message.body);
        const asked = typeof args['uri'] === 'string' ? args['uri'] : uri;
        const found = await read(variablesOf(uri, asked), signal);
        return { type: 'mcp', value: { contents: [jsonContents(asked, found)] } };
      },
    };
  }

  /** The rows of a table, by pages; one row by its key. */
  function tableOffers(table: SqlTable): Offer[] {
    const uri = `${SCHEME}tables/${encodeURIComponent(table.name)}`;
    if (uri.length > MAX_NAME / 2) return [];
    const from = quoted(table.name);
    const keys = table.columns.filter(({ primaryKey }) => primaryKey).map((column) => column.name);
    const order = keys.length > 0 ? ` ORDER BY ${keys.map(quotedName).join(', ')}` : '';
    const about = `Rows of the ${table.kind} ${table.name}, at most ${limit.rows} at once.`;
    const page = ({ offset = 0 }: JsonObject, signal: AbortSignal): Promise<SqlRows> => {
      const parameters = { offset: typed('offset', 'integer', offset), limit: limit.rows + 1 };
      return rows({ sql: `SELECT * FROM ${from}${order} LIMIT :limit OFFSET :offset`, parameters }, signal);
    };
    const [key] = keys;
    return [
      resource(uri, table.name, about, page),
      resource(`${uri}{?offset}`, `${table.name}, further rows`, about, page),
      ...(key === undefined || keys.length > 1
        ? []
        : [
            resource(
              `${uri}/{key}`,
              `${table.name}, one row`,
              `The row of ${table.name} with that ${key}.`,
              rowBy(table.name, key),
            ),
          ]),
    ];
  }

  const rowBy =
    (table: string, column: string) =>
    async ({ key }: JsonObject, signal: AbortSignal): Promise<Json> => {
      // Compared as text: a URI has no types.
      const sql = `SELECT * FROM ${quoted(table)} WHERE CAST(${quotedName(column)} AS TEXT) = :key`;
      const wanted = typed('key', 'string', typeof key === 'number' ? String(key) : key);
      const [row] = (await rows({ sql, parameters: { key: wanted } }, signal)).rows;
      if (row) return row;
      throw new AipError('NOT_FOUND', `${table} has no row with the ${column} "${String(wanted).slice(0, 100)}".`);
    };

  /** The same query as a tool for models and as a resource for what only reads. */
  function queryOffers(query: string, { sql, description, parameters }: Query): Offer[] {
    const names = Object.keys(parameters);
    const used = new Set<string>();
    replaceParameters(sql, (parameter) => (used.add(parameter), ''));
    const unknown = [...used].filter((parameter) => !Object.hasOwn(parameters, parameter));
    if (unknown.length > 0)
      throw new AipError(
        'CONFIG_INVALID',
        `sources.sql.${name}.queries.${query}: its SQL has :${unknown.join(', :')}, and parameters do not.`,
      );
    const run = (given: JsonObject, signal: AbortSignal): Promise<SqlRows> =>
      rows({ sql, parameters: valuesOf(parameters, given) }, signal);
    const uri = `${SCHEME}queries/${query}${names.length > 0 ? `{?${names.join(',')}}` : ''}`;
    return [
      {
        entry: toolEntry(
          name,
          {
            name: query,
            description: description || `The query ${query}.`,
            inputSchema: schemaOf(parameters),
            outputSchema: ROWS,
          },
          { effect: 'read', price: 0 },
        ),
        perform: async ({ message, signal }) => toolResult(await run(argumentsOf(message.body), signal)),
      },
      resource(uri, query, description, run),
    ];
  }

  const freeQuery = (): Offer => ({
    entry: toolEntry(
      name,
      {
        name: 'query',
        description: `Runs one SELECT (${database.dialect === 'sqlite' ? 'SQLite' : 'PostgreSQL'}); at most ${limit.rows} rows. The resource ${SCHEME}schema tells the tables.`,
        inputSchema: {
          type: 'object',
          properties: { sql: { type: 'string', maxLength: MAX_SQL } },
          required: ['sql'],
          additionalProperties: false,
        },
        outputSchema: ROWS,
      },
      { effect: 'read', price: 0 },
    ),
    async perform({ message, signal }) {
      const { sql } = argumentsOf(message.body);
      if (typeof sql !== 'string' || sql.length > MAX_SQL)
        throw new AipError('INVALID_ARGUMENT', `sql: a text of at most ${MAX_SQL} characters is expected.`);
      return toolResult(await rows({ sql, parameters: {} }, signal));
    },
  });

  return {
    kind: 'sql',
    async load(signal) {
      const all = await database.tables(signal);
      const wanted = settings.tables;
      const shown = wanted === undefined ? all : all.filter((table) => wanted.includes(table.name));
      const problems = (wanted ?? [])
        .filter((table) => !all.some((known) => known.name === table))
        .map((table) => `there is no table "${table}"`);
      if (shown.length > MAX_TABLES) problems.push(`${shown.length} tables; ${MAX_TABLES} are shown`);
      const tables = shown.slice(0, MAX_TABLES);
      if (settings.free_queries && Object.hasOwn(settings.queries, 'query'))
        throw new AipError(
          'CONFIG_INVALID',
          `sources.sql.${name}: free_queries and a query of the name "query" exclude each other.`,
        );
      const offers = [
        resource(`${SCHEME}schema`, `Schema of ${name}`, `Tables and columns of ${name}.`, async () => ({
          dialect: database.dialect,
          tables,
        })),
        ...tables.flatMap(tableOffers),
        ...Object.entries(settings.queries).flatMap(([query, definition]) => queryOffers(query, definition)),
        ...(settings.free_queries ? [freeQuery()] : []),
      ];
      return { offers, problems };
    },
    close: () => database.close(),
  };
}

const ROWS: JsonObject = {
  type: 'object',
  properties: {
    columns: { type: 'array', items: { type: 'string' } },
    rows: { type: 'array', items: { type: 'object' } },
    truncated: { type: 'boolean', description: 'There were more rows than are shown.' },
  },
  required: ['columns', 'rows', 'truncated'],
};

const toolResult = (rows: SqlRows): Body => ({
  type: 'mcp',
  value: { content: [{ type: 'text', text: JSON.stringify(rows) }], structuredContent: rows as unknown as JsonObject },
});

const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`;
/** `schema.table` is two names; a dot within one of them cannot be told apart, and no such table is listed. */
const quoted = (table: string): string => table.split('.').map(quotedName).join('.');

const schemaOf = (parameters: Query['parameters']): JsonObject => ({
  type: 'object',
  properties: Object.fromEntries(Object.entries(parameters).map(([key, type]) => [key, { type }])),
  required: Object.keys(parameters),
  additionalProperties: false,
});

/** Throws INVALID_ARGUMENT for a value that is missing, unknown or of another type. */
function valuesOf(parameters: Query['parameters'], given: JsonObject): Values {
  const unknown = Object.keys(given).filter((key) => !Object.hasOwn(parameters, key));
  if (unknown.length > 0)
    throw new AipError('INVALID_ARGUMENT', `${unknown.join(', ').slice(0, 200)}: there is no such parameter.`);
  return Object.fromEntries(Object.entries(parameters).map(([key, type]) => [key, typed(key, type, given[key])]));
}

/** A value, or what stands for it in a URI, as the type that is expected. */
function typed(name: string, type: Query['parameters'][string], value: Json | undefined): string | number | boolean {
  if (value === undefined) throw new AipError('INVALID_ARGUMENT', `${name}: required, and not given.`);
  if (typeof value === 'string' && type === 'boolean' && /^(?:true|false)$/.test(value)) return value === 'true';
  const number = typeof value === 'string' && /^-?\d+(?:\.\d+)?$/.test(value) ? Number(value) : value;
  if (type === 'integer' && Number.isSafeInteger(number)) return number as number;
  if (type === 'number' && typeof number === 'number') return number;
  if ((type === 'string' || type === 'boolean') && typeof value === type) return value as string | boolean;
  throw new AipError(
    'INVALID_ARGUMENT',
    `${name}: ${isJsonObject(value) ? 'an object' : JSON.stringify(value)?.slice(0, 100)} is no ${type}.`,
  );
}
