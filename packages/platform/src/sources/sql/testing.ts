import type { JsonObject } from '@aip/wire';
import { expect } from 'vitest';
import type { SourcesInput, TestSources } from '../testing.ts';

/** For tests: the same tables for every engine. */
export const SCHEMA = [
  'CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, born DATE)',
  'CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, amount NUMERIC(10, 2))',
  'CREATE TABLE passwords (id INTEGER PRIMARY KEY, hash TEXT)',
  'CREATE VIEW totals AS SELECT c.name, sum(o.amount) AS total FROM customers c JOIN orders o ON o.customer = c.id GROUP BY c.name',
  "INSERT INTO customers VALUES (1, 'Ann', '1990-01-31'), (2, 'Bob', NULL), (3, 'O''Hara', NULL)",
  'INSERT INTO orders VALUES (1, 1, 10.5), (2, 1, 20), (3, 2, 5), (4, 2, 1), (5, 2, 2)',
  "INSERT INTO passwords VALUES (1, 'hunter2')",
];

type SqlInput = NonNullable<SourcesInput['sql']>[string];

/** For tests: named queries, the same for every engine. */
export const SETTINGS = {
  queries: {
    orders_of: {
      sql: `SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer -- not a :parameter
             WHERE c.name = :name AND o.amount >= :least AND ':name' <> '' ORDER BY o.id`,
      description: 'Orders of a customer.',
      parameters: { name: 'string', least: 'number' },
    },
    all: { sql: 'SELECT count(*) AS n FROM customers' },
  },
  max_rows: 3,
  timeout_seconds: 1,
} satisfies Partial<SqlInput>;

/** For tests: what a ReadResourceResult of the source `db` holds. */
export async function readJson(test: TestSources, uri: string, template = uri): Promise<JsonObject> {
  const { value, error } = await test.call(`resource:db/${template}`, { uri });
  expect(error).toBeUndefined();
  const [contents] = value['contents'] as JsonObject[];
  expect(contents).toMatchObject({ uri, mimeType: 'application/json' });
  return JSON.parse(contents!['text'] as string) as JsonObject;
}

/** For tests: the free query, or what it is refused with. */
export async function select(test: TestSources, sql: string): Promise<JsonObject> {
  const { value, error } = await test.call('tool:db/query', { sql });
  return error ? { code: error.code, message: error.message } : (value['structuredContent'] as JsonObject);
}
