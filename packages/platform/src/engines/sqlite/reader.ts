import { DatabaseSync } from 'node:sqlite';
import type { Json } from '@aip/wire';
import type { LogHead, TreeNode } from '../../journal/store.ts';
import type { RowWrite } from '../../kernel/entry.ts';
import type { JournalReader, RowListing, StoredEntry } from '../../kernel/journal.ts';
import { requireFormat } from './format.ts';
import { SEQ_SPAN } from './schema.ts';
import { storedEntry, type Row } from './stored-entry.ts';

/** Also reads what stands beside the log as the file has it, for whoever verifies it. */
export interface SqliteReader extends JournalReader {
  head(tenant: string): LogHead | undefined;
  filedRows(tenant: string): Iterable<RowWrite & { readonly updated: number }>;
  nodes(tenant: string): Iterable<TreeNode>;
  close(): void;
}

/**
 * A read-only connection to the journal. Each thread opens its own; the file must exist already. Throws CONFIG_INVALID for
 * a file of another format.
 */
export function openSqliteReader(file: string): SqliteReader {
  const db = new DatabaseSync(file, { readOnly: true });
  db.exec('PRAGMA busy_timeout=5000');
  requireFormat(db, file);
  const sql = {
    tenant: db.prepare('SELECT no FROM tenant WHERE name = ?'),
    tenants: db.prepare('SELECT name FROM tenant ORDER BY no'),
    row: db.prepare('SELECT value FROM row WHERE tenant = ? AND key = ?'),
    rows: db.prepare(
      'SELECT key, value, updated FROM row WHERE tenant = ? AND key > ? AND key < ? ORDER BY key LIMIT ?',
    ),
    rowsNewest: db.prepare(
      'SELECT key, value, updated FROM row WHERE tenant = ? AND key > ? AND key < ? ORDER BY key DESC LIMIT ?',
    ),
    list: db.prepare(
      'SELECT key, value, updated FROM row WHERE tenant = ? AND list = ? AND (updated, key) < (?, ?) ORDER BY updated DESC, key DESC LIMIT ?',
    ),
    open: db.prepare(
      'SELECT key, value, updated FROM row WHERE tenant = ? AND open = 1 AND key > ? AND key < ? ORDER BY key',
    ),
    entries: db.prepare('SELECT * FROM entry WHERE id >= ? AND id < ? ORDER BY id LIMIT ?'),
    taskEntries: db.prepare('SELECT * FROM entry WHERE task = ? AND n > ? ORDER BY n LIMIT ?'),
    blob: db.prepare('SELECT content FROM blob WHERE hash = ?'),
    last: db.prepare('SELECT id, at FROM entry WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1'),
    head: db.prepare('SELECT size, at, frontier FROM log WHERE tenant = ?'),
    filed: db.prepare('SELECT * FROM row WHERE tenant = ? ORDER BY key'),
    rowsAt: db.prepare('SELECT size FROM log WHERE tenant = ?'),
    leaves: db.prepare('SELECT leaf AS hash FROM entry WHERE id >= ? AND id < ? ORDER BY id'),
    nodes: db.prepare(
      'SELECT hash FROM node WHERE tenant = ? AND level = ? AND place >= ? AND place < ? ORDER BY place',
    ),
    tree: db.prepare('SELECT level, place, hash FROM node WHERE tenant = ? ORDER BY level, place'),
    checkpoints: db.prepare('SELECT size, note FROM checkpoint WHERE tenant = ? ORDER BY size'),
    lastCheckpoint: db.prepare('SELECT size, note FROM checkpoint WHERE tenant = ? ORDER BY size DESC LIMIT 1'),
  };
  const numbers = new Map<string, number>();

  function tenantNumber(name: string): number {
    const known = numbers.get(name);
    if (known !== undefined) return known;
    const no = sql.tenant.get(name)?.['no'];
    if (typeof no !== 'number') return -1;
    numbers.set(name, no);
    return no;
  }

  const range = (tenant: string, from: number, limit: number): StoredEntry[] => {
    const no = tenantNumber(tenant);
    if (no < 0) return [];
    return sql.entries.all(no * SEQ_SPAN + from, (no + 1) * SEQ_SPAN, limit).map((row) => storedEntry(tenant, no, row));
  };

  const last = (no: number): Row | undefined => sql.last.get(no * SEQ_SPAN, (no + 1) * SEQ_SPAN);

  return {
    row(tenant, key) {
      const value = sql.row.get(tenantNumber(tenant), key)?.['value'];
      return typeof value === 'string' ? (JSON.parse(value) as Json) : undefined;
    },
    rows(tenant, prefix, { after, limit = 1000, newest = false } = {}) {
      const from = newest ? prefix : (after ?? prefix);
      const to = newest ? (after ?? endOf(prefix)) : endOf(prefix);
      return (newest ? sql.rowsNewest : sql.rows).all(tenantNumber(tenant), from, to, limit).map(listing);
    },
    list(tenant, list, { before, limit = 100 } = {}) {
      return sql.list
        .all(tenantNumber(tenant), list, before?.updated ?? Number.MAX_SAFE_INTEGER, before?.key ?? '', limit)
        .map(listing);
    },
    open: (tenant, prefix) => sql.open.all(tenantNumber(tenant), prefix, endOf(prefix)).map(listing),
    entry: (tenant, seq) => range(tenant, seq, 1).find((entry) => entry.seq === seq),
    entries: (tenant, { from, limit }) => range(tenant, from, limit),
    taskEntries(tenant, task, after, limit = 10_000) {
      const no = tenantNumber(tenant);
      return sql.taskEntries
        .all(task, after, limit)
        .filter((row) => Math.floor((row['id'] as number) / SEQ_SPAN) === no)
        .map((row) => storedEntry(tenant, no, row));
    },
    body(entry) {
      if (entry.body !== undefined) return entry.body;
      const hash = (entry as StoredEntry & { blob?: string }).blob;
      return hash === undefined ? undefined : (sql.blob.get(hash)?.['content'] as string | undefined);
    },
    size(tenant) {
      const no = tenantNumber(tenant);
      const id = last(no)?.['id'] as number | undefined;
      return id === undefined ? 0 : id - no * SEQ_SPAN + 1;
    },
    time: (tenant) => (last(tenantNumber(tenant))?.['at'] as number | undefined) ?? 0,
    rowsAt: (tenant) => (sql.rowsAt.get(tenantNumber(tenant))?.['size'] as number | undefined) ?? 0,
    head(tenant) {
      const row = sql.head.get(tenantNumber(tenant));
      return row && ({ tenant, ...row } as unknown as LogHead);
    },
    *filedRows(tenant) {
      for (const { key, value, list, open, expires, updated } of sql.filed.iterate(tenantNumber(tenant)))
        yield {
          key: key as string,
          value: JSON.parse(value as string) as Json,
          updated: updated as number,
          ...(list === null ? {} : { list: list as string }),
          ...(open === null ? {} : { open: open === 1 }),
          ...(expires === null ? {} : { expires: expires as number }),
        };
    },
    *nodes(tenant) {
      for (const { level, place, hash } of sql.tree.iterate(tenantNumber(tenant)))
        yield { tenant, level: level as number, index: place as number, hash: hash as Uint8Array };
    },
    tenants: () => sql.tenants.all().map((row) => row['name'] as string),
    hashes(tenant, level, first, count) {
      const no = tenantNumber(tenant);
      const base = no * SEQ_SPAN + first;
      const rows = level === 0 ? sql.leaves.all(base, base + count) : sql.nodes.all(no, level, first, first + count);
      return rows.map((row) => row['hash'] as Uint8Array);
    },
    checkpoints: (tenant) => sql.checkpoints.all(tenantNumber(tenant)).map(checkpoint),
    lastCheckpoint(tenant) {
      const row = sql.lastCheckpoint.get(tenantNumber(tenant));
      return row && checkpoint(row);
    },
    close: () => db.close(),
  };
}

/** Beyond every key that starts so: no character comes after the last of Unicode. */
const endOf = (prefix: string): string => `${prefix}\u{10ffff}`;

const checkpoint = (row: Row) => ({ size: row['size'] as number, note: row['note'] as string });

const listing = (row: Row): RowListing => ({
  key: row['key'] as string,
  value: JSON.parse(row['value'] as string) as Json,
  updated: row['updated'] as number,
});
