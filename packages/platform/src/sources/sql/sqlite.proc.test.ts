import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { claim } from '@aip/conformance';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../main/testing.ts';
import { openTestSources, type SourcesInput, type TestSources } from '../testing.ts';
import { readJson, SCHEMA, select, SETTINGS } from './testing.ts';

let folder: ReturnType<typeof temporaryFolder>;
let opened: TestSources | undefined;

beforeEach(() => {
  folder = temporaryFolder();
  const db = new DatabaseSync(join(folder.path, 'shop.db'));
  for (const statement of SCHEMA) db.exec(statement);
  db.exec('CREATE TABLE odd (id INTEGER PRIMARY KEY, big INTEGER, bytes BLOB)');
  db.prepare('INSERT INTO odd VALUES (1, ?, ?)').run(2n ** 60n, new Uint8Array([0, 255]));
  db.close();
});
afterEach(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

async function open(more: Partial<NonNullable<SourcesInput['sql']>[string]> = {}): Promise<TestSources> {
  opened = await openTestSources({ sql: { db: { sqlite: 'shop.db', ...SETTINGS, ...more } } }, { folder: folder.path });
  return opened;
}

describe(`a SQLite database ${claim('P-MCP-GW.resources')}`, () => {
  it('is its schema, its tables, their rows, and named queries', async () => {
    const db = await open();
    expect(db.offered('db')).toEqual([
      'resource:db/sql:///queries/all',
      'resource:db/sql:///queries/orders_of{?name,least}',
      'resource:db/sql:///schema',
      ...['customers', 'odd', 'orders', 'passwords'].flatMap((table) =>
        ['', '/{key}', '{?offset}'].map((rest) => `resource:db/sql:///tables/${table}${rest}`),
      ),
      'resource:db/sql:///tables/totals',
      'resource:db/sql:///tables/totals{?offset}',
      'tool:db/all',
      'tool:db/orders_of',
    ]);
    const { dialect, tables } = await readJson(db, 'sql:///schema');
    expect(dialect).toBe('sqlite');
    expect(tables).toContainEqual({
      name: 'customers',
      kind: 'table',
      columns: [
        { name: 'id', type: 'INTEGER', nullable: false, primaryKey: true },
        { name: 'name', type: 'TEXT', nullable: false, primaryKey: false },
        { name: 'born', type: 'DATE', nullable: true, primaryKey: false },
      ],
    });
  });

  it('gives rows by pages, and one by its key', async () => {
    const db = await open();
    expect(await readJson(db, 'sql:///tables/orders')).toMatchObject({
      rows: [{ id: 1 }, { id: 2 }, { id: 3 }],
      truncated: true,
    });
    const rest = await readJson(db, 'sql:///tables/orders?offset=3', 'sql:///tables/orders{?offset}');
    expect(rest).toEqual({
      columns: ['id', 'customer', 'amount'],
      rows: [
        { id: 4, customer: 2, amount: 1 },
        { id: 5, customer: 2, amount: 2 },
      ],
      truncated: false,
    });
    expect(await readJson(db, 'sql:///tables/customers/3', 'sql:///tables/customers/{key}')).toMatchObject({
      name: "O'Hara",
    });
    expect((await db.call('resource:db/sql:///tables/customers/{key}', { key: "1' OR '1'='1" })).error).toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(
      (await db.call('resource:db/sql:///tables/customers{?offset}', { uri: 'sql:///tables/passwords' })).error,
    ).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('runs named queries with parameters, which stay values', async () => {
    const db = await open();
    expect(db.entry('tool:db/orders_of')).toMatchObject({
      effect: 'read',
      inputSchema: { required: ['name', 'least'] },
    });
    const call = async (name: string) =>
      (await db.call('tool:db/orders_of', { name, least: 2 })).value['structuredContent'];
    expect(await call('Ann')).toEqual({ columns: ['id'], rows: [{ id: 1 }, { id: 2 }], truncated: false });
    expect(await call("Ann' OR 1 --")).toMatchObject({ rows: [] });
    const uri = 'sql:///queries/orders_of?name=Bob&least=2';
    expect(await readJson(db, uri, 'sql:///queries/orders_of{?name,least}')).toMatchObject({
      rows: [{ id: 3 }, { id: 5 }],
    });
    for (const args of [
      { name: 'Ann' },
      { name: 'Ann', least: 'x' },
      { name: 1, least: 1 },
      { name: 'Ann', least: 1, more: 1 },
    ])
      expect((await db.call('tool:db/orders_of', args)).error).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('keeps integers beyond a double, and bytes', async () => {
    const db = await open();
    expect(await readJson(db, 'sql:///tables/odd')).toMatchObject({
      rows: [{ id: 1, big: '1152921504606846976', bytes: 'AP8=' }],
    });
  });

  it('shows and reads only the tables that are named, and what views of them are made of', async () => {
    const db = await open({ tables: ['customers', 'totals', 'nowhere'], free_queries: true, queries: {} });
    expect(db.sources.status()[0]!.problems).toEqual(['there is no table "nowhere"']);
    expect(db.offered('db').filter((address) => /passwords|orders/.test(address))).toEqual([]);
    expect(await select(db, 'SELECT name FROM totals ORDER BY 1')).toMatchObject({
      rows: [{ name: 'Ann' }, { name: 'Bob' }],
    });
    expect(
      await select(
        db,
        'WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n, customers WHERE id = i',
      ),
    ).toMatchObject({ rows: [{ i: 1 }, { i: 2 }, { i: 3 }] });
    for (const sql of [
      'SELECT hash FROM passwords',
      'SELECT (SELECT hash FROM passwords) FROM customers',
      'SELECT count(*) FROM passwords',
      'SELECT * FROM sqlite_master',
      "SELECT * FROM pragma_table_info('passwords')",
    ])
      expect(await select(db, sql), sql).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it.each([
    'WITH customers AS (SELECT * FROM passwords) SELECT * FROM customers',
    'WITH totals AS (SELECT * FROM passwords) SELECT * FROM totals',
    'WITH "TOTALS"(a, b) AS MATERIALIZED (SELECT * FROM passwords) SELECT a FROM "TOTALS"',
    'WITH a AS (WITH totals AS (SELECT * FROM passwords) SELECT * FROM totals) SELECT * FROM a',
    'SELECT (WITH totals AS (SELECT hash FROM passwords) SELECT hash FROM totals) FROM customers',
    'WITH totals AS (SELECT * FROM passwords) SELECT * FROM totals, main.totals AS real',
    'WITH totals AS (SELECT sql FROM sqlite_schema) SELECT * FROM totals',
    'WITH RECURSIVE totals(x) AS (SELECT hash FROM passwords UNION SELECT x FROM totals) SELECT x FROM totals',
    'SELECT * FROM (SELECT * FROM passwords) AS customers',
    'SELECT * FROM passwords AS totals',
    'SELECT * FROM hashes',
    'SELECT * FROM json_each',
  ])('whatever the statement calls them: %s', async (sql) => {
    const shop = new DatabaseSync(join(folder.path, 'shop.db'));
    shop.exec('CREATE VIEW hashes AS WITH customers AS (SELECT hash FROM passwords) SELECT * FROM customers');
    shop.exec('CREATE TABLE json_each (secret)');
    shop.close();
    const db = await open({ tables: ['customers', 'totals'], free_queries: true, queries: {} });
    expect(await select(db, sql)).toMatchObject({ code: 'INVALID_ARGUMENT' });
    const harmless = 'WITH totals AS (SELECT id FROM customers) SELECT count(*) AS n FROM totals';
    expect(await select(db, harmless)).toMatchObject({ rows: [{ n: 3 }] });
  });

  it('and a view of views, as the schema is now', async () => {
    const db = await open({ tables: ['outer'], free_queries: true, queries: {} });
    expect(await select(db, 'SELECT name FROM "outer"')).toMatchObject({ code: 'INVALID_ARGUMENT' });
    const shop = new DatabaseSync(join(folder.path, 'shop.db'));
    shop.exec('CREATE VIEW "outer" AS WITH made AS (SELECT name FROM totals) SELECT name FROM made');
    shop.close();
    expect(await select(db, 'SELECT name FROM "outer" ORDER BY 1')).toMatchObject({
      rows: [{ name: 'Ann' }, { name: 'Bob' }],
    });
  });

  it('takes free queries only when it is told to', async () => {
    const db = await open();
    expect(db.entry('tool:db/query')).toBeUndefined();
  });

  it.each([
    "INSERT INTO customers VALUES (9, 'Eve', NULL)",
    "INSERT INTO customers VALUES (9, 'Eve', NULL) RETURNING id",
    'UPDATE customers SET name = 1 RETURNING *',
    'DELETE FROM customers RETURNING *',
    'DROP TABLE customers',
    'CREATE TEMP TABLE t (a)',
    'PRAGMA query_only = OFF',
    'PRAGMA journal_mode',
    "ATTACH 'other.db' AS other",
    "VACUUM INTO 'copy.db'",
    'BEGIN IMMEDIATE',
    "SELECT load_extension('x')",
    'SELECT zeroblob(20000000)',
    '',
  ])('is never written to: %s', async (sql) => {
    const before = readFileSync(join(folder.path, 'shop.db'));
    const db = await open({ free_queries: true });
    expect(await select(db, sql)).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await select(db, 'SELECT 1 AS a; DROP TABLE customers')).toMatchObject({ rows: [{ a: 1 }] });
    expect(readFileSync(join(folder.path, 'shop.db')).equals(before)).toBe(true);
  });

  it('ends a statement that takes too long, and goes on', async () => {
    const db = await open({ free_queries: true });
    const endless = 'WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';
    const began = performance.now();
    expect(await select(db, endless)).toMatchObject({ code: 'TIMEOUT' });
    expect(performance.now() - began).toBeLessThan(4_000);
    expect(await select(db, 'SELECT 1 AS a')).toMatchObject({ rows: [{ a: 1 }] });
    const controller = new AbortController();
    const canceled = db.call('tool:db/query', { sql: endless }, controller.signal);
    setTimeout(() => controller.abort(), 200);
    expect((await canceled).error).toMatchObject({ code: 'CANCELED' });
    expect(await select(db, 'SELECT 1 AS a')).toMatchObject({ rows: [{ a: 1 }] });
  });

  it('refuses more waiting statements than its bound', async () => {
    const db = await open({ free_queries: true });
    const ends = await Promise.all(Array.from({ length: 110 }, () => select(db, 'SELECT 1 AS a')));
    expect(ends.filter(({ code }) => code === 'SLOW_CONSUMER').length).toBe(10);
    expect(ends.filter(({ rows }) => rows !== undefined)).toHaveLength(100);
  });

  it.each([
    ['is not there', 'other.db', /cannot be opened/],
    ['is none', 'text.db', /not a database/],
  ])('that %s fails alone', async (_, file, message) => {
    const { writeFileSync } = await import('node:fs');
    writeFileSync(join(folder.path, 'text.db'), 'just some text '.repeat(100));
    const db = await open({ sqlite: file });
    expect(db.sources.status()).toMatchObject([{ state: 'failed', error: expect.stringMatching(message) }]);
  });
});
