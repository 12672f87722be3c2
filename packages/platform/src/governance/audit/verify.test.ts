import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { claim } from '@aip/conformance';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { data } from '../../kernel/body.ts';
import { rounds } from '../../kernel/testing.ts';
import { verifyFolder } from '../../main/audit.ts';
import { openTestCore, type TestCore } from '../../main/testing.ts';

/** A real log: calls, an approval, money, a kill and its release, and one body beyond the size of a blob. */
async function live(core: TestCore): Promise<void> {
  core.tool('search', { effect: 'read' });
  core.tool('write', { effect: 'write' });
  const alice = await core.service('alice', 'caller');
  const call = (name: string, args: Record<string, string>) =>
    core.exchange.send(alice, { to: `tool:notes/${name}`, action: 'call', body: data(args) });
  // More than fit one kept node of the tree.
  for (let n = 0; n < 140; n++) await (await call('search', { word: `word ${n}` })).ended;
  await (
    await call('search', { word: 'x'.repeat(70_000) })
  ).ended;
  const parked = await call('write', { text: 'hello' });
  const { asks } = await core.operate<{ asks: { id: string }[] }>('asks.list');
  await core.operate('asks.answer', { ask: asks[0]?.id ?? '', verdict: 'approve' });
  await parked.ended;
  await core.operate('kills.kill', { scope: 'server:notes', reason: 'drill' });
  await expect(call('search', { word: 'no' })).rejects.toMatchObject({ code: 'KILLED' });
  await core.operate('kills.release', { scope: 'server:notes', reason: 'over' });
}

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'aip-audit-'));
  await using core = await openTestCore(folder);
  await live(core);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const verdict = async () => (await verifyFolder(folder))[0];

/** Changes the database, looks, and puts everything back. */
async function tampered<T>(change: (db: DatabaseSync) => void, look: () => Promise<T>): Promise<T> {
  const file = path.join(folder, 'aip.db');
  const original = readFileSync(file);
  const db = new DatabaseSync(file);
  change(db);
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
  try {
    return await look();
  } finally {
    writeFileSync(file, original);
  }
}

const flip = (bytes: Uint8Array, at: number, bit: number): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy[at % copy.length] = (copy[at % copy.length] as number) ^ (1 << bit);
  return copy;
};

describe(`audit verification ${claim('G-AUDIT.verify')}`, () => {
  it('passes on an honest log, and tells what a kill did', async () => {
    const report = await verdict();
    expect(report).toMatchObject({ ok: true, unsigned: 0, problems: [] });
    expect(report?.kills).toMatchObject([{ scope: 'server:notes', mode: 'kill' }]);
    expect(report?.kills[0]?.last_accept?.seq).toBeLessThan(report?.kills[0]?.seq ?? 0);
    expect(report?.kills[0]?.released).toBeGreaterThan(report?.kills[0]?.seq ?? 0);
  });

  it.each(['text', 'leaf', 'body', 'salt'])(
    'fails and names the entry when one bit of its %s is flipped',
    async (column) => {
      const rows = (await verdict())?.entries ?? 0;
      const arbitrary = fc.record({ pick: fc.nat(), at: fc.nat(), bit: fc.integer({ min: 0, max: 6 }) });
      await fc.assert(
        fc.asyncProperty(arbitrary, async ({ pick, at, bit }) => {
          let seq = -1;
          const report = await tampered((db) => {
            const found = db
              .prepare(`SELECT id, CAST(${column} AS BLOB) AS value FROM entry WHERE ${column} IS NOT NULL`)
              .all();
            const row = found[pick % found.length] as { id: number; value: Uint8Array };
            seq = row.id % 2 ** 36;
            const value = flip(row.value, at, bit);
            const stored = column === 'text' || column === 'body' ? Buffer.from(value).toString('latin1') : value;
            db.prepare(`UPDATE entry SET ${column} = ? WHERE id = ?`).run(stored, row.id);
          }, verdict);
          expect(rows).toBeGreaterThan(seq);
          expect(report?.ok).toBe(false);
          expect(report?.problems[0]?.seq).toBe(seq);
        }),
        { numRuns: rounds(12) },
      );
    },
    60_000,
  );

  it('fails when a checkpoint has been changed, taken from elsewhere, or goes beyond the log', async () => {
    const arbitrary = fc.record({ pick: fc.nat(), at: fc.nat(), bit: fc.integer({ min: 0, max: 6 }) });
    await fc.assert(
      fc.asyncProperty(arbitrary, async ({ pick, at, bit }) => {
        const report = await tampered((db) => {
          const found = db.prepare('SELECT rowid AS place, size, CAST(note AS BLOB) AS note FROM checkpoint').all();
          const row = found[pick % found.length] as { size: number; note: Uint8Array };
          db.prepare('UPDATE checkpoint SET note = ? WHERE size = ?').run(
            Buffer.from(flip(row.note, at, bit)).toString('latin1'),
            row.size,
          );
        }, verdict).catch((error: Error) => ({ ok: false, error }));
        expect(report?.ok).toBe(false);
      }),
      { numRuns: rounds(12) },
    );
  }, 60_000);

  it.each([
    [
      'the last entries are cut off',
      'DELETE FROM entry WHERE id > (SELECT max(id) - 3 FROM entry); UPDATE log SET size = size - 3',
    ],
    ['an entry is taken out', 'DELETE FROM entry WHERE id = (SELECT max(id) - 7 FROM entry)'],
    ['an entry is filed as another kind', "UPDATE entry SET kind = 'read' WHERE kind = 'kill'"],
    ['a balance is changed', 'UPDATE row SET value = \'{"state":"open"}\' WHERE key LIKE \'ask:%\''],
    ['a row is taken away', "DELETE FROM row WHERE key LIKE 'task:%'"],
    ['a large body is changed', "UPDATE blob SET content = content || ' '"],
    ['a large body is taken away', 'DELETE FROM blob'],
    ['content is taken away, but not its salt', "UPDATE entry SET body = NULL WHERE kind = 'settle'"],
    ['an entry is no longer filed under its task', "UPDATE entry SET task = NULL WHERE kind = 'settle'"],
    [
      'the log is cut off behind what it has signed, and its rows are forgotten',
      'DELETE FROM entry WHERE id > (SELECT min(id) + 9 FROM entry); DELETE FROM row; UPDATE log SET size = 10',
    ],
    ['the log says it is longer than it is', 'UPDATE log SET size = size + 1'],
    ['a token is no longer open', "UPDATE row SET open = NULL WHERE key LIKE 'token:%'"],
    ['a row that is over is open again', "UPDATE row SET open = 1 WHERE key LIKE 'task:%'"],
    ['a row is in another list', "UPDATE row SET list = 'tasks:nobody' WHERE list IS NOT NULL"],
    ['a row is to be forgotten', "UPDATE row SET expires = 4102444800000 WHERE key LIKE 'token:%'"],
    ['a row is older than it is', "UPDATE row SET updated = updated - 1 WHERE key LIKE 'ask:%'"],
    ['the tree that the next entry joins is another', 'UPDATE log SET frontier = zeroblob(length(frontier))'],
    ['the log says that it ends at another time', 'UPDATE log SET at = at + 1'],
    ['a node of the tree is another', 'UPDATE node SET hash = zeroblob(32)'],
    ['a node of the tree is gone', 'DELETE FROM node'],
    ['the tree has a node too many', 'INSERT INTO node SELECT tenant, 7, 0, hash FROM node'],
  ])('fails when %s', async (_what, sql) => {
    const report = await tampered((db) => db.exec(sql), verdict);
    expect(report?.ok).toBe(false);
    expect(report?.problems.length).toBeGreaterThan(0);
  });

  it('says which file it is that cannot be read, and what to do', async () => {
    const file = path.join(folder, 'aip.db');
    const original = readFileSync(file);
    writeFileSync(file, original.subarray(0, original.length / 2));
    try {
      await expect(verdict()).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(/aip\.db cannot be read: .*Restore it from a backup/),
      });
    } finally {
      writeFileSync(file, original);
    }
  });

  it('counts erased content and still passes', async () => {
    const report = await tampered(
      (db) => db.exec("UPDATE entry SET body = NULL, blob = NULL, salt = NULL WHERE kind = 'event' OR kind = 'settle'"),
      verdict,
    );
    expect(report).toMatchObject({ ok: true });
    expect(report?.erased).toBeGreaterThan(0);
  });
});
