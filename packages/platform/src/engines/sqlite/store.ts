import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Json } from '@aip/wire';
import type { JournalStore, LogHead, WriteBatch } from '../../journal/store.ts';
import { markFormat, requireFormat } from './format.ts';
import { SCHEMA, SEQ_SPAN } from './schema.ts';
import { storedEntry } from './stored-entry.ts';

/**
 * The journal on SQLite: write-ahead log, synchronous FULL, one writing connection. Every `write` is one
 * transaction that is on the disk when the call returns.
 */
export function openSqliteStore(file: string): JournalStore {
  // Made before SQLite makes it: the log is for its owner alone, whatever the folder lets others see.
  if (file !== ':memory:') closeSync(openSync(file, 'a', 0o600));
  const db = new DatabaseSync(file);
  db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000; PRAGMA cache_size=-16384;');
  requireFormat(db, file);
  db.exec(SCHEMA);
  markFormat(db);
  const sql = statements(db);
  const tenants = new Map<string, number>();
  for (const row of db.prepare('SELECT no, name FROM tenant').all())
    tenants.set(row['name'] as string, row['no'] as number);

  function tenantNumber(name: string): number {
    const known = tenants.get(name);
    if (known !== undefined) return known;
    const no = Number(sql.addTenant.run(name).lastInsertRowid);
    tenants.set(name, no);
    return no;
  }

  function put(batch: WriteBatch): void {
    for (const blob of batch.blobs) sql.putBlob.run(blob.hash, blob.content);
    for (const entry of batch.entries) {
      const id = tenantNumber(entry.tenant) * SEQ_SPAN + entry.seq;
      sql.putEntry.run(
        id,
        entry.at,
        entry.kind,
        entry.task ?? null,
        entry.n ?? null,
        entry.text,
        entry.body ?? null,
        entry.blob ?? null,
        entry.salt ?? null,
        entry.leaf,
      );
    }
    for (const row of batch.rows) {
      const tenant = tenantNumber(row.tenant);
      if (row.value === null) sql.deleteRow.run(tenant, row.key);
      else
        sql.putRow.run(
          tenant,
          row.key,
          row.value,
          row.list ?? null,
          row.open ? 1 : null,
          row.updated,
          row.expires ?? null,
        );
    }
    for (const node of batch.nodes) sql.putNode.run(tenantNumber(node.tenant), node.level, node.index, node.hash);
    for (const head of batch.heads) sql.putHead.run(tenantNumber(head.tenant), head.size, head.at, head.frontier);
  }

  return {
    heads(): LogHead[] {
      return sql.heads.all().map((row) => ({
        tenant: row['name'] as string,
        size: row['size'] as number,
        at: row['at'] as number,
        frontier: row['frontier'] as Uint8Array,
      }));
    },
    tenants: () => [...tenants.keys()],
    *entries(tenant, from) {
      const no = tenants.get(tenant);
      if (no === undefined) return;
      for (const row of sql.entries.iterate(no * SEQ_SPAN + from, (no + 1) * SEQ_SPAN))
        yield storedEntry(tenant, no, row);
    },
    rows(keys) {
      return keys.map(({ tenant, key }) => {
        const no = tenants.get(tenant);
        const row = no === undefined ? undefined : sql.row.get(no, key);
        return row ? (JSON.parse(row['value'] as string) as Json) : undefined;
      });
    },
    write(batch) {
      db.exec('BEGIN IMMEDIATE');
      try {
        put(batch);
        db.exec('COMMIT');
      } catch (error) {
        tenants.clear();
        if (db.isTransaction) db.exec('ROLLBACK');
        for (const row of db.prepare('SELECT no, name FROM tenant').all())
          tenants.set(row['name'] as string, row['no'] as number);
        throw error;
      }
    },
    putCheckpoint(tenant, size, note) {
      sql.putCheckpoint.run(tenantNumber(tenant), size, note);
    },
    lastCheckpoint(tenant) {
      return (sql.lastCheckpoint.get(tenantNumber(tenant))?.['size'] ?? undefined) as number | undefined;
    },
    sweep: (tenant, at) => sql.sweep.all(tenantNumber(tenant), at).map((row) => row['key'] as string),
    close() {
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      db.close();
    },
  };
}

function statements(db: DatabaseSync): Record<StatementName, StatementSync> {
  return {
    addTenant: db.prepare('INSERT INTO tenant (name) VALUES (?)'),
    heads: db.prepare('SELECT name, size, at, frontier FROM log JOIN tenant ON tenant.no = log.tenant'),
    entries: db.prepare('SELECT * FROM entry WHERE id >= ? AND id < ? ORDER BY id'),
    row: db.prepare('SELECT value FROM row WHERE tenant = ? AND key = ?'),
    putBlob: db.prepare('INSERT OR IGNORE INTO blob (hash, content) VALUES (?, ?)'),
    putEntry: db.prepare(
      'INSERT INTO entry (id, at, kind, task, n, text, body, blob, salt, leaf) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    putRow: db.prepare(
      `INSERT INTO row (tenant, key, value, list, open, updated, expires) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (tenant, key) DO UPDATE SET value = excluded.value, list = excluded.list, open = excluded.open, updated = excluded.updated, expires = excluded.expires`,
    ),
    deleteRow: db.prepare('DELETE FROM row WHERE tenant = ? AND key = ?'),
    putHead: db.prepare(
      `INSERT INTO log (tenant, size, at, frontier) VALUES (?, ?, ?, ?)
       ON CONFLICT (tenant) DO UPDATE SET size = excluded.size, at = excluded.at, frontier = excluded.frontier`,
    ),
    putNode: db.prepare('INSERT INTO node (tenant, level, place, hash) VALUES (?, ?, ?, ?)'),
    putCheckpoint: db.prepare('INSERT OR REPLACE INTO checkpoint (tenant, size, note) VALUES (?, ?, ?)'),
    lastCheckpoint: db.prepare('SELECT max(size) AS size FROM checkpoint WHERE tenant = ?'),
    sweep: db.prepare('DELETE FROM row WHERE tenant = ? AND expires < ? RETURNING key'),
  };
}

type StatementName =
  | 'addTenant'
  | 'heads'
  | 'entries'
  | 'row'
  | 'putBlob'
  | 'putEntry'
  | 'putRow'
  | 'deleteRow'
  | 'putHead'
  | 'putNode'
  | 'putCheckpoint'
  | 'lastCheckpoint'
  | 'sweep';
