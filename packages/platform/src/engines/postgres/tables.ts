import type pg from 'pg';
import type { SqlColumn, SqlTable } from '../../sources/sql/store.ts';

const TABLES = `
  SELECT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END AS name,
         c.relkind IN ('v', 'm') AS is_view,
         a.attname AS column_name, format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS nullable,
         coalesce(a.attnum = ANY (i.indkey), false) AS primary_key
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
     AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
     AND position('.' IN c.relname) = 0 AND position('.' IN n.nspname) = 0
   ORDER BY 1, a.attnum
   LIMIT 50000`;

/** Tables and views that the role may read, in at most 50,000 columns. */
export async function listTables(client: pg.PoolClient): Promise<SqlTable[]> {
  const { rows } = await client.query<{
    name: string;
    is_view: boolean;
    column_name: string;
    type: string;
    nullable: boolean;
    primary_key: boolean;
  }>(TABLES);
  const byName = Map.groupBy(rows, ({ name }) => name);
  return [...byName].map(([name, columns]) => ({
    name,
    kind: columns[0]?.is_view === true ? 'view' : 'table',
    columns: columns.map((column): SqlColumn => ({
      name: column.column_name,
      type: column.type,
      nullable: column.nullable,
      primaryKey: column.primary_key,
    })),
  }));
}
