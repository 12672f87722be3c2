import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { RowChange, StoredRow, WriteBatch } from '../../journal/store.ts';
import { rounds } from '../../kernel/testing.ts';
import { openSqliteReader } from './reader.ts';
import { openSqliteStore } from './store.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup();
});

/** A store that writes and a reader beside it, as the writer's thread and the others have them. */
function opened(folder = newFolder()) {
  const file = path.join(folder, 'aip.db');
  const store = openSqliteStore(file);
  const reader = openSqliteReader(file);
  cleanups.push(
    () => void store.close(),
    () => reader.close(),
  );
  return { store, reader, file, folder };
}

function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'aip-sqlite-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const batch = (part: Partial<WriteBatch>): WriteBatch => ({
  entries: [],
  rows: [],
  heads: [],
  nodes: [],
  blobs: [],
  ...part,
});

const entry = (seq: number, part: Partial<StoredRow> = {}): StoredRow => ({
  tenant: 't',
  seq,
  at: 1_000 + seq,
  kind: 'note',
  text: `aip-entry-v1\n{"head":{"seq":${seq}}}`,
  leaf: new Uint8Array(32).fill(seq),
  ...part,
});

const row = (key: string, value: string | null, part: Partial<RowChange> = {}): RowChange => ({
  tenant: 't',
  key,
  value,
  updated: 0,
  ...part,
});

const keys = (rows: readonly { key: string }[]): string[] => rows.map(({ key }) => key);

describe('an entry', () => {
  test('comes back as it was written, whatever characters and bytes it has', () => {
    const { store, reader } = opened();
    const texts = fc.string({ unit: 'binary', maxLength: 50 });
    let seq = 0;
    fc.assert(
      fc.property(texts, texts, fc.uint8Array({ minLength: 16, maxLength: 16 }), (task, body, salt) => {
        const written = entry(seq, { task, n: seq, body, salt });
        void store.write(batch({ entries: [written], heads: [{ tenant: 't', size: seq + 1, at: 0, frontier: salt }] }));
        expect(reader.entry('t', seq)).toEqual({ ...written, head: { seq } });
        expect(reader.body(reader.entry('t', seq)!)).toBe(body);
        seq++;
      }),
      { numRuns: rounds(100), examples: [['a\0b', 'c\u2028\0\ud83d\ude00', new Uint8Array(16)]] },
    );
    expect(reader.size('t')).toBe(seq);
  });

  test('has its large body elsewhere, once for all that have the same', () => {
    const { store, reader, file } = opened();
    const content = 'x'.repeat(200_000);
    const entries = [entry(0, { blob: 'h' }), entry(1, { blob: 'h' })];
    void store.write(
      batch({
        entries,
        blobs: [
          { hash: 'h', content },
          { hash: 'h', content },
        ],
      }),
    );
    expect(reader.entries('t', { from: 0, limit: 9 }).map((found) => reader.body(found))).toEqual([content, content]);
    using db = new DatabaseSync(file, { readOnly: true });
    expect(db.prepare('SELECT count(*) AS n FROM blob').get()).toEqual({ n: 1 });
  });

  test('is found by its task, after a number, in its own tenant only', () => {
    const { store, reader } = opened();
    const of = (tenant: string) => [0, 1, 2].map((seq) => entry(seq, { tenant, task: 'shared', n: seq + 1 }));
    void store.write(batch({ entries: [...of('t'), ...of('other')] }));
    const found = reader.taskEntries('other', 'shared', 1);
    expect(found.map(({ tenant, n }) => [tenant, n])).toEqual([
      ['other', 2],
      ['other', 3],
    ]);
    expect(reader.taskEntries('t', 'shared', 0, 2).length).toBeLessThanOrEqual(2);
  });

  test('whose text is damaged is still read: naming it is for verification', () => {
    const { store, reader } = opened();
    void store.write(batch({ entries: [entry(0, { text: 'aip-entry-v1\n{"head":' })] }));
    expect(reader.entry('t', 0)).toMatchObject({ head: {}, text: 'aip-entry-v1\n{"head":' });
  });
});

describe('a batch', () => {
  test('that cannot be written leaves nothing: no entry, no row, no tenant', () => {
    const { store, reader } = opened();
    void store.write(batch({ entries: [entry(0)], rows: [row('a', '1')] }));
    const broken = batch({
      entries: [entry(0, { tenant: 'new' }), entry(1), entry(0)],
      rows: [row('a', '2')],
      blobs: [{ hash: 'h', content: 'x' }],
    });
    expect(() => store.write(broken)).toThrow(/UNIQUE/);
    expect(reader.tenants()).toEqual(['t']);
    expect(reader.entries('t', { from: 0, limit: 9 })).toHaveLength(1);
    expect(reader.row('t', 'a')).toBe(1);
    void store.write(batch({ entries: [entry(0, { tenant: 'new' }), entry(1)] }));
    expect(reader.tenants()).toEqual(['t', 'new']);
    expect(reader.entry('new', 0)?.tenant).toBe('new');
  });

  test('outlives the process: a later start finds the heads as they were left', async () => {
    const { store, folder } = opened();
    const frontier = new Uint8Array([1, 2, 3]);
    void store.write(batch({ entries: [entry(0)], heads: [{ tenant: 't', size: 1, at: 7, frontier }] }));
    void store.putCheckpoint('t', 1, 'a note');
    // As after kill -9: nobody has closed the first one.
    const again = opened(folder);
    expect(await again.store.heads()).toEqual([{ tenant: 't', size: 1, at: 7, frontier }]);
    expect(await again.store.lastCheckpoint('t')).toBe(1);
    expect(again.reader.lastCheckpoint('t')).toEqual({ size: 1, note: 'a note' });
  });
});

describe('rows', () => {
  test('are listed by prefix, from either end, page by page; a key is text of any alphabet', () => {
    const { store, reader } = opened();
    const names = ['a:', 'a:1', 'a:2', 'a:\u{1f600}', 'a:\uffff', 'b:1', 'a'];
    void store.write(batch({ rows: names.map((key) => row(key, '0')) }));
    const expected = ['a:1', 'a:2', 'a:\uffff', 'a:\u{1f600}'];
    expect(keys(reader.rows('t', 'a:'))).toEqual(expected);
    expect(keys(reader.rows('t', 'a:', { newest: true }))).toEqual(expected.toReversed());
    expect(keys(reader.rows('t', 'a:', { after: 'a:1', limit: 2 }))).toEqual(['a:2', 'a:\uffff']);
    expect(keys(reader.rows('t', 'a:', { after: 'a:\uffff', newest: true }))).toEqual(['a:2', 'a:1']);
    expect(reader.rows('other', 'a:')).toEqual([]);
  });

  test('under a list come latest change first, and every page goes on where the one before ended', () => {
    const { store, reader } = opened();
    const many = Array.from({ length: 30 }, (_, n) => row(`k${n}`, '0', { list: 'l', updated: n % 4 }));
    void store.write(batch({ rows: [...many, row('k99', '0', { list: 'another', updated: 9 })] }));
    const pages: string[] = [];
    let before: { updated: number; key: string } | undefined;
    for (;;) {
      const page = reader.list('t', 'l', { limit: 7, ...(before ? { before } : {}) });
      pages.push(...keys(page));
      before = page.at(-1);
      if (!before) break;
    }
    expect(pages).toEqual(keys(reader.list('t', 'l', { limit: 100 })));
    expect(new Set(pages)).toEqual(new Set(keys(many)));
    expect(reader.list('t', 'l', { limit: 100 }).map(({ updated }) => updated)).toEqual(
      many.map(({ updated }) => updated).toSorted((a, b) => b - a),
    );
  });

  test('are open until they are written otherwise, and gone once deleted', () => {
    const { store, reader } = opened();
    void store.write(
      batch({ rows: [row('a:1', '1', { open: true }), row('a:2', '2', { open: true }), row('a:3', '3')] }),
    );
    expect(keys(reader.open('t', 'a:'))).toEqual(['a:1', 'a:2']);
    void store.write(batch({ rows: [row('a:1', '4'), row('a:2', null)] }));
    expect(reader.open('t', 'a:')).toEqual([]);
    expect([reader.row('t', 'a:1'), reader.row('t', 'a:2'), reader.row('t', 'a:3')]).toEqual([4, undefined, 3]);
  });

  test('are swept once they have expired, and those are named', async () => {
    const { store, reader } = opened();
    const rows = [row('old', '0', { expires: 99 }), row('now', '0', { expires: 100 }), row('ever', '0')];
    void store.write(batch({ rows: [...rows, row('old', '0', { tenant: 'other', expires: 1 })] }));
    expect(await store.sweep('t', 100)).toEqual(['old']);
    expect(keys(reader.rows('t', ''))).toEqual(['ever', 'now']);
    expect(keys(reader.rows('other', ''))).toEqual(['old']);
    expect(
      await store.rows([
        { tenant: 't', key: 'old' },
        { tenant: 'nobody', key: 'old' },
      ]),
    ).toEqual([undefined, undefined]);
  });
});

test('hashes of the tree are read by level, leaves from the entries; no tenant sees those of another', () => {
  const { store, reader } = opened();
  const node = (tenant: string, index: number) => ({ tenant, level: 8, index, hash: new Uint8Array(32).fill(index) });
  void store.write(
    batch({
      entries: [entry(0), entry(1), entry(2), entry(0, { tenant: 'other' })],
      nodes: [node('t', 5), node('t', 6), node('other', 7)],
    }),
  );
  expect(reader.hashes('t', 0, 1, 9)).toEqual([new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]);
  expect(reader.hashes('t', 8, 5, 9)).toEqual([new Uint8Array(32).fill(5), new Uint8Array(32).fill(6)]);
  expect(reader.hashes('t', 16, 0, 9)).toEqual([]);
  expect(reader.hashes('nobody', 0, 0, 9)).toEqual([]);
});

test('a reader sees what is durable, and does not write', () => {
  const { store, reader, file } = opened();
  expect([reader.size('t'), reader.tenants(), reader.checkpoints('t'), reader.lastCheckpoint('t')]).toEqual([
    0,
    [],
    [],
    undefined,
  ]);
  void store.write(batch({ rows: [row('a', '1')] }));
  expect(reader.row('t', 'a')).toBe(1);
  const db = new DatabaseSync(file, { readOnly: true });
  expect(() => db.exec('DELETE FROM row')).toThrow(/readonly/);
  db.close();
});
