import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { claim } from '@aip/conformance';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Decider } from '../kernel/entry.ts';
import type { JournalReader } from '../kernel/journal.ts';
import { rounds } from '../kernel/testing.ts';
import { add, open, newFolder, opened } from './testing.ts';

describe('rows', () => {
  /** What every way of reading the rows of `t` says. */
  const everyView = (read: JournalReader) => ({
    all: read.rows('t', ''),
    newest: read.rows('t', '', { newest: true }),
    pages: [read.rows('t', 'a', { limit: 2 }), read.rows('t', '', { after: 'b2', limit: 3 })],
    back: read.rows('t', '', { after: 'b2', limit: 3, newest: true }),
    list: read.list('t', 'things', { limit: 4 }),
    open: read.open('t', 'b'),
    single: read.row('t', 'b2'),
  });

  const keys = ['a1', 'a2', 'b1', 'b2', 'b3', 'ü', '\u{1f600}', '\uffee'];

  /** A row that is written, moved between lists, closed and deleted at will. */
  const things: Decider = {
    name: 'things',
    kinds: ['thing'],
    keys: (entry) => [entry.head['key'] as string],
    decide: (_rows, { head }) => [
      {
        key: head['key'] as string,
        value: head['gone'] ? null : head,
        ...(head['listed'] ? { list: 'things' } : {}),
        ...(head['open'] ? { open: true } : {}),
      },
    ],
  };

  const change = fc.record({
    key: fc.constantFrom(...keys),
    gone: fc.boolean(),
    listed: fc.boolean(),
    open: fc.boolean(),
    n: fc.nat(),
  });

  test(`read the same whether they wait in the writer or lie in the store ${claim('G-AUDIT.rows-follow')}`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 8 }),
        fc.nat(8),
        async (steps, turn) => {
          let now = 0;
          const { reader, journal, writer, close } = await open({ now: () => now, deciders: [things] });
          for (const [at, changes] of steps.entries()) {
            now += 5;
            if (at === turn) await writer.checkpoint();
            await Promise.all(
              changes.map((head) => journal.commit({ tenant: 't', entries: [{ kind: 'thing', head }] })),
            );
          }
          const waiting = everyView(reader);
          expect(reader.rowsAt('t')).toBe(reader.size('t'));
          await writer.checkpoint();
          await journal.commit({ tenant: 'another', entries: [] });
          expect(everyView(reader)).toEqual(waiting);
          await close();
        },
      ),
      { numRuns: rounds(60) },
    );
  }, 60_000);

  test(`that a kill has taken are decided again from the log, and nothing else is ${claim('G-AUDIT.rows-follow')}`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 40 }), fc.nat(40), async (changes, turn) => {
        const folder = newFolder();
        let now = 0;
        const { journal, reader, writer, kill } = await open({ now: () => (now += 3), deciders: [things] }, folder);
        for (const [at, head] of changes.entries()) {
          if (at === turn) await writer.checkpoint();
          await journal.commit({ tenant: 't', entries: [{ kind: 'thing', head }] });
        }
        const before = { ...everyView(reader), size: reader.size('t'), leaves: reader.hashes('t', 0, 0, 100) };
        kill();
        const again = await open({ now: () => (now += 3), deciders: [things] }, folder);
        const { reader: now2 } = again;
        expect({ ...everyView(now2), size: now2.size('t'), leaves: now2.hashes('t', 0, 0, 100) }).toEqual(before);
        expect(now2.rowsAt('t')).toBe(now2.size('t'));
        expect(await again.journal.commit({ tenant: 't', entries: [add('a1', 1)] })).toMatchObject({
          ok: true,
          seq: changes.length,
        });
        await again.close();
      }),
      { numRuns: rounds(40) },
    );
  }, 60_000);

  test('do not wait without end: they go with a batch when many have changed', async () => {
    const batches: { rows: number; heads: number }[] = [];
    const { journal } = await opened({
      onWrite: ({ rows, heads }) => batches.push({ rows: rows.length, heads: heads.length }),
    });
    for (let n = 0; n < 3; n++)
      await Promise.all(
        Array.from({ length: 400 }, (_, i) => journal.commit({ tenant: 't', entries: [add(`k${n}.${i}`, 1)] })),
      );
    expect(batches).toEqual([
      { rows: 0, heads: 0 },
      { rows: 0, heads: 0 },
      { rows: 800, heads: 1 },
    ]);
  });

  test('that the deciders refuse to make of the log stop the start: it is not the log that they have kept', async () => {
    const folder = newFolder();
    const { journal, kill } = await open({}, folder);
    await journal.commit({ tenant: 't', entries: [add('a', 60)] });
    await journal.commit({ tenant: 't', entries: [{ kind: 'note', head: {} }] });
    kill();
    const db = new DatabaseSync(path.join(folder, 'log.db'));
    db.exec(`UPDATE entry SET text = replace(text, '"n":60', '"n":101')`);
    db.close();
    await expect(open({}, folder)).rejects.toThrow('entry 0 of the log of t should have been refused: Too much.');
  });

  test('are not made of a log that has a hole', async () => {
    const folder = newFolder();
    const { journal, kill } = await open({}, folder);
    for (let n = 0; n < 3; n++) await journal.commit({ tenant: 't', entries: [add('a', 1)] });
    kill();
    const db = new DatabaseSync(path.join(folder, 'log.db'));
    db.exec('DELETE FROM entry WHERE id = (SELECT min(id) + 1 FROM entry)');
    db.close();
    await expect(open({}, folder)).rejects.toThrow('entry 1 of the log of t is missing');
  });
});
