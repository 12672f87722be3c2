/**
 * Rowids carry the place in the log: tenant number × 2^36 + sequence number, so that an append is an append
 * to the table's own b-tree and a tenant's entries lie side by side. Leaves stand first, so that a proof never
 * reads through what they are the hashes of.
 */
export const SEQ_SPAN = 2 ** 36;

export const SCHEMA = `
CREATE TABLE IF NOT EXISTS tenant (no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS log (tenant INTEGER PRIMARY KEY, size INTEGER NOT NULL, at INTEGER NOT NULL, frontier BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS entry (
  id INTEGER PRIMARY KEY, leaf BLOB NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL, task TEXT, n INTEGER,
  text TEXT NOT NULL, body TEXT, blob TEXT, salt BLOB);
CREATE INDEX IF NOT EXISTS entry_task ON entry (task, n) WHERE task IS NOT NULL;
CREATE TABLE IF NOT EXISTS row (
  tenant INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, list TEXT, open INTEGER, updated INTEGER NOT NULL, expires INTEGER,
  PRIMARY KEY (tenant, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS row_list ON row (tenant, list, updated, key) WHERE list IS NOT NULL;
CREATE INDEX IF NOT EXISTS row_open ON row (tenant, key) WHERE open = 1;
CREATE INDEX IF NOT EXISTS row_expires ON row (expires) WHERE expires IS NOT NULL;
CREATE TABLE IF NOT EXISTS blob (hash TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS node (tenant INTEGER NOT NULL, level INTEGER NOT NULL, place INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (tenant, level, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checkpoint (tenant INTEGER NOT NULL, size INTEGER NOT NULL, note TEXT NOT NULL, PRIMARY KEY (tenant, size)) WITHOUT ROWID;
`;
