import { claim } from '@aip/conformance';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readJson, SCHEMA, select, SETTINGS } from '../../sources/sql/testing.ts';
import { openTestSources, type SourcesInput, type TestSources } from '../../sources/testing.ts';
import { startCountingDoor, startTestCluster, type TestCluster } from './testing.ts';

const PASSWORD = 'pa55word-of-the-reader';
let cluster: TestCluster;
let opened: TestSources | undefined;

beforeAll(async () => {
  cluster = await startTestCluster();
  await cluster.run(
    ...SCHEMA,
    'CREATE SCHEMA stock',
    'CREATE TABLE stock.parts (code TEXT PRIMARY KEY, price NUMERIC, seen TIMESTAMPTZ, flags JSONB, raw BYTEA, huge BIGINT)',
    `INSERT INTO stock.parts VALUES ('a/b', 1.50, '2026-01-31 10:00+00', '{"x":[1]}', '\\x00ff', 1152921504606846976)`,
    'CREATE SEQUENCE numbers',
    `CREATE FUNCTION held(n INT) RETURNS VOID LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_lock(n); END'`,
    `CREATE ROLE reader LOGIN PASSWORD '${PASSWORD}'`,
    // Much more than a reader needs: it is the connection that must not write.
    'GRANT ALL ON ALL TABLES IN SCHEMA public TO reader',
    'GRANT ALL ON SCHEMA public, stock TO reader',
    'GRANT ALL ON ALL TABLES IN SCHEMA stock TO reader',
    'GRANT ALL ON SEQUENCE numbers TO reader',
    'REVOKE ALL ON passwords FROM reader',
  );
});
afterAll(() => cluster[Symbol.asyncDispose]());
afterEach(async () => {
  await opened?.[Symbol.asyncDispose]();
  opened = undefined;
});

async function open(
  more: Partial<NonNullable<SourcesInput['sql']>[string]> = {},
  url = cluster.urlOf('reader', PASSWORD),
): Promise<TestSources> {
  opened = await openTestSources(
    { sql: { db: { postgres: { vault: 'shop' }, ...SETTINGS, ...more } } },
    { secrets: { shop: url } },
  );
  return opened;
}

describe(`a PostgreSQL database ${claim('P-MCP-GW.resources')}`, () => {
  it('is its schema, the tables that its role may read, their rows, and named queries', async () => {
    const db = await open();
    expect(db.offered('db')).toEqual([
      'resource:db/sql:///queries/all',
      'resource:db/sql:///queries/orders_of{?name,least}',
      'resource:db/sql:///schema',
      ...['customers', 'orders', 'stock.parts'].flatMap((table) =>
        ['', '/{key}', '{?offset}'].map((rest) => `resource:db/sql:///tables/${table}${rest}`),
      ),
      'resource:db/sql:///tables/totals',
      'resource:db/sql:///tables/totals{?offset}',
      'tool:db/all',
      'tool:db/orders_of',
    ]);
    const { tables } = await readJson(db, 'sql:///schema');
    expect(tables).toContainEqual({
      name: 'orders',
      kind: 'table',
      columns: [
        { name: 'id', type: 'integer', nullable: false, primaryKey: true },
        { name: 'customer', type: 'integer', nullable: false, primaryKey: false },
        { name: 'amount', type: 'numeric(10,2)', nullable: true, primaryKey: false },
      ],
    });
  });

  it('gives rows by pages, and one by its key, whatever its characters', async () => {
    const db = await open();
    expect(await readJson(db, 'sql:///tables/orders')).toMatchObject({
      rows: [{ id: 1 }, { id: 2 }, { id: 3 }],
      truncated: true,
    });
    expect(await readJson(db, 'sql:///tables/orders?offset=3', 'sql:///tables/orders{?offset}')).toEqual({
      columns: ['id', 'customer', 'amount'],
      rows: [
        { id: 4, customer: 2, amount: '1.00' },
        { id: 5, customer: 2, amount: '2.00' },
      ],
      truncated: false,
    });
    expect(await readJson(db, 'sql:///tables/customers/1', 'sql:///tables/customers/{key}')).toEqual({
      id: 1,
      name: 'Ann',
      born: '1990-01-31',
    });
    expect(await readJson(db, 'sql:///tables/stock.parts/a%2Fb', 'sql:///tables/stock.parts/{key}')).toEqual({
      code: 'a/b',
      price: '1.50',
      seen: expect.stringMatching(/^2026-01-3\d \d\d:\d\d:00/),
      flags: { x: [1] },
      raw: 'AP8=',
      huge: '1152921504606846976',
    });
  });

  it('runs named queries with parameters, which stay values', async () => {
    const db = await open();
    const call = async (name: string) =>
      (await db.call('tool:db/orders_of', { name, least: 2 })).value['structuredContent'];
    expect(await call('Ann')).toEqual({ columns: ['id'], rows: [{ id: 1 }, { id: 2 }], truncated: false });
    expect(await call("Ann' OR 1=1 --")).toMatchObject({ rows: [] });
    expect((await db.call('tool:db/all')).value['structuredContent']).toMatchObject({ rows: [{ n: 3 }] });
  });

  it.each([
    "INSERT INTO customers VALUES (9, 'Eve', NULL)",
    "INSERT INTO customers VALUES (9, 'Eve', NULL) RETURNING id",
    "WITH made AS (INSERT INTO customers VALUES (9, 'Eve', NULL) RETURNING id) SELECT * FROM made",
    'DROP TABLE customers',
    'COMMIT',
    'SET TRANSACTION READ WRITE',
    'SELECT 1; COMMIT; DELETE FROM customers',
    "SELECT 1; BEGIN; INSERT INTO customers VALUES (9, 'Eve', NULL); COMMIT",
    "SELECT 1; COMMIT; BEGIN READ WRITE; INSERT INTO customers VALUES (9, 'Eve', NULL); COMMIT",
    "COPY customers TO '/tmp/stolen'",
    'SELECT * FROM customers FOR UPDATE',
    "SELECT nextval('numbers')",
    "SELECT set_config('transaction_read_only', 'off', false)",
    'SELECT 1 INTO stolen',
    'SELECT hash FROM passwords',
    'EXPLAIN ANALYZE DELETE FROM customers',
    'SELECT 1 FROM nowhere',
    '',
  ])('is never written to: %s', async (sql) => {
    const db = await open({ free_queries: true });
    expect(await select(db, sql)).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await select(db, 'SELECT count(*) AS n FROM customers;')).toMatchObject({ rows: [{ n: 3 }] });
  });

  it.each([
    'SELECT pg_advisory_lock(1)',
    'SELECT PG_TRY_ADVISORY_XACT_LOCK_SHARED (n) FROM generate_series(1, 9) AS n',
    'SELECT "pg_advisory_lock"(1)',
    'SELECT U&"\\0070g_advisory_lock"(1)',
    "SELECT pg_logical_emit_message(false, 'outbox', 'x')",
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity',
    "SELECT query_to_xml('SELECT pg_' || 'advisory_lock(1)', true, false, '')",
    "SELECT * FROM ts_stat('SELECT to_tsvector(pg_' || 'advisory_lock(1)::text)')",
  ])('is not acted upon either: %s', async (sql) => {
    const db = await open({ free_queries: true });
    expect(await select(db, sql)).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/does not use/),
    });
  });

  it('keeps no lock of a function of its own', async () => {
    const db = await open({ free_queries: true });
    expect(await select(db, 'SELECT held(7) AS a, 1/(SELECT count(*) FROM customers WHERE id = 0)')).toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    expect(await select(db, 'SELECT held(7) AS a')).toMatchObject({ rows: [{ a: '' }] });
    expect(await select(db, "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory'")).toMatchObject({
      rows: [{ n: 0 }],
    });
  });

  it('nor is a session left otherwise than it was', async () => {
    const db = await open({ free_queries: true });
    await select(
      db,
      "SELECT set_config('default_transaction_read_only', 'off', false), set_config('statement_timeout', '0', false)",
    );
    expect(
      await select(
        db,
        "SELECT current_setting('default_transaction_read_only') AS r, current_setting('statement_timeout') AS t",
      ),
    ).toMatchObject({
      rows: [{ r: 'on', t: '1s' }],
    });
  });

  it('ends a statement that takes too long, or that nobody waits for', async () => {
    const db = await open({ free_queries: true });
    expect(await select(db, 'SELECT pg_sleep(30)')).toMatchObject({ code: 'TIMEOUT' });
    const controller = new AbortController();
    const canceled = db.call('tool:db/query', { sql: 'SELECT pg_sleep(30)' }, controller.signal);
    setTimeout(() => controller.abort(), 200);
    expect((await canceled).error).toMatchObject({ code: 'CANCELED' });
    expect(await select(db, 'SELECT 1 AS a')).toMatchObject({ rows: [{ a: 1 }] });
  });

  it.each([
    'SELECT repeat($$x$$, 30000000) AS a FROM generate_series(1, 5)',
    'SELECT repeat($$x$$, 100000) AS a FROM generate_series(1, 1000)',
    'SELECT repeat($$x$$, 30000000)::integer',
  ])('is not read beyond what is kept in memory: %s', async (sql) => {
    await using door = await startCountingDoor(cluster);
    const db = await open({ free_queries: true, max_rows: 1000, timeout_seconds: 10 }, door.urlOf('reader', PASSWORD));
    expect(await select(db, sql)).toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
      message: expect.stringMatching(/takes more than 4194304 bytes/),
    });
    expect(door.passed()).toBeLessThan(10_000_000);
    expect(await select(db, 'SELECT 1 AS a')).toMatchObject({ rows: [{ a: 1 }] });
  });

  it('is read in steps, in order', async () => {
    const db = await open({ free_queries: true, max_rows: 250 });
    const { rows, truncated } = await select(db, 'SELECT n FROM generate_series(1, 1000) AS n');
    expect(rows).toEqual(Array.from({ length: 250 }, (_, at) => ({ n: at + 1 })));
    expect(truncated).toBe(true);
    expect(await select(db, 'SELECT n FROM generate_series(1, 200) AS n')).toMatchObject({
      columns: ['n'],
      truncated: false,
      rows: { length: 200 },
    });
  });

  it('cannot bind free queries to tables: that is what grants are for', async () => {
    await expect(open({ free_queries: true, tables: ['customers'] })).rejects.toThrow(/grant that role no more/);
  });

  it('refuses a password without showing it', async () => {
    const lines: string[] = [];
    opened = await openTestSources(
      { sql: { db: { postgres: { vault: 'shop' }, ...SETTINGS } } },
      {
        secrets: { shop: cluster.urlOf('reader', 'wr0ng-password') },
        log: (...line) => lines.push(JSON.stringify(line)),
      },
    );
    expect(opened.sources.status()).toMatchObject([
      { state: 'failed', error: expect.stringMatching(/refuses the role or its password/) },
    ]);
    expect(lines.join()).toContain('refuses the role');
    expect(JSON.stringify([lines, opened.sources.status()])).not.toContain('wr0ng');
  });

  it('is taken up again when it comes back', async () => {
    const db = await open({ free_queries: true });
    expect(await select(db, 'SELECT 1 AS a')).toMatchObject({ rows: [{ a: 1 }] });
    await cluster.stop();
    expect(await select(db, 'SELECT 1 AS a')).toMatchObject({ code: 'UPSTREAM_FAILED' });
    await cluster.start();
    expect(await select(db, 'SELECT 1 AS a')).toMatchObject({ rows: [{ a: 1 }] });
  });
});
