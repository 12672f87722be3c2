import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { claim } from '@aip/conformance';
import { leafHash } from '@aip/wire';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { Entry, Group, Verdict } from '../kernel/entry.ts';
import { rounds } from '../kernel/testing.ts';
import { createJournal } from './journal.ts';
import { add, open, newFolder, opened, rootOf } from './testing.ts';

describe('a group', () => {
  test('is committed whole, or refused alone without a trace', async () => {
    const { journal, reader } = await opened();
    const verdicts = await Promise.all(
      [[add('a', 60)], [add('b', 1), add('a', 60)], [add('a', 40)]].map((entries) =>
        journal.commit({ tenant: 't', entries }),
      ),
    );
    expect(verdicts).toMatchObject([
      { ok: true, seq: 0 },
      { ok: false, error: { code: 'BUDGET_EXCEEDED' } },
      { ok: true, seq: 1 },
    ]);
    expect(reader.row('t', 'a')).toBe(100);
    expect(reader.row('t', 'b')).toBeUndefined();
    expect(reader.size('t')).toBe(2);
  });

  test('sees what the groups before it in the same batch have written, and its own earlier entries', async () => {
    const { journal, reader } = await opened();
    await Promise.all([
      journal.commit({ tenant: 't', entries: [add('a', 1), add('a', 2)] }),
      journal.commit({ tenant: 't', entries: [add('a', 4)] }),
    ]);
    expect(reader.row('t', 'a')).toBe(7);
  });

  test('that makes a decider fail, or has no canonical form, is refused alone', async () => {
    const { journal, reader } = await opened();
    const verdicts = await Promise.all(
      [
        [add('a', 1)],
        [add('a', 2, { broken: true })],
        [add('a', 4), add('a', 8, { text: '\ud800' })],
        [add('a', 16)],
      ].map((entries) => journal.commit({ tenant: 't', entries })),
    );
    expect(verdicts.map(({ ok }) => ok)).toEqual([true, false, false, true]);
    expect(verdicts[1]).toMatchObject({
      error: { code: 'INTERNAL_ERROR', message: expect.not.stringContaining('fails') },
    });
    expect(verdicts[2]).toMatchObject({ error: { code: 'MALFORMED_MESSAGE' } });
    expect(reader.row('t', 'a')).toBe(17);
    expect(reader.entries('t', { from: 0, limit: 10 }).map((entry) => entry.head['n'])).toEqual([1, 16]);
  });

  test('whose rows cannot be told is refused alone, and so is one that looks at a row it has not declared', async () => {
    const { journal, reader } = await opened();
    await journal.commit({ tenant: 't', entries: [add('beside', 5)] });
    const verdicts = await Promise.all(
      [[add('a', 1)], [add('a', 2, { keys: [7] })], [add('a', 4, { beside: true })], [add('a', 8)]].map((entries) =>
        journal.commit({ tenant: 'u', entries }),
      ),
    );
    expect(verdicts.map(({ ok }) => ok)).toEqual([true, false, false, true]);
    expect(reader.row('u', 'a')).toBe(9);
    expect(reader.row('u', 'beside')).toBeUndefined();
  });

  test('of a batch that cannot be written is refused, and leaves nothing in memory either', async () => {
    let full = false;
    const { journal, reader } = await opened({
      onWrite() {
        if (full) throw new Error('database or disk is full');
      },
    });
    await journal.commit({ tenant: 't', entries: [add('a', 1)] });
    full = true;
    expect(await journal.commit({ tenant: 't', entries: [add('a', 90)] })).toMatchObject({
      ok: false,
      error: { code: 'DISK_FULL', retryable: true },
    });
    full = false;
    expect(await journal.commit({ tenant: 't', entries: [add('a', 99)] })).toMatchObject({ ok: true, seq: 1 });
    expect(reader.row('t', 'a')).toBe(100);
  });
});

test(`each tenant has a log, rows and a tree of its own, across restarts ${claim('G-AUDIT.tenants')}`, async () => {
  const folder = newFolder();
  const names = fc.constantFrom(...Array.from({ length: 20 }, (_, i) => `tenant-${i}`));
  const groups = fc.array(
    fc.record({
      tenant: names,
      key: fc.constantFrom('a', 'b'),
      n: fc.nat({ max: 40 }),
      size: fc.integer({ min: 1, max: 3 }),
    }),
    { minLength: 1, maxLength: 120 },
  );
  /** What each log and row has to be, by a model that knows nothing of batches. */
  const logs = new Map<string, number[]>();
  const sums = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(groups, async (commits) => {
      const { journal, reader, close } = await open({}, folder);
      const drafts: Group[] = commits.map(({ tenant, key, n, size }) => ({
        tenant,
        entries: Array.from({ length: size }, () => add(key, n)),
      }));
      const verdicts = await Promise.all(drafts.map((group) => journal.commit(group)));
      commits.forEach(({ tenant, key, n, size }, at) => {
        const row = `${tenant} ${key}`;
        const sum = (sums.get(row) ?? 0) + n * size;
        const log = logs.get(tenant) ?? [];
        expect(verdicts[at]).toMatchObject(sum > 100 ? { ok: false } : { ok: true, seq: log.length });
        if (sum > 100) return;
        sums.set(row, sum);
        logs.set(tenant, [...log, ...Array<number>(size).fill(n)]);
      });
      for (const [tenant, log] of logs) {
        const entries = reader.entries(tenant, { from: 0, limit: 1_000_000 });
        expect(entries.map((entry) => [entry.tenant, entry.seq, entry.head['n']])).toEqual(
          log.map((n, seq) => [tenant, seq, n]),
        );
        expect(entries.every((entry) => Buffer.from(entry.leaf).equals(Buffer.from(leafHash(entry.text))))).toBe(true);
      }
      for (const [row, sum] of sums) expect(reader.row(row.split(' ')[0]!, row.split(' ')[1]!)).toBe(sum);
      await close();
    }),
    { numRuns: rounds(8) },
  );
  const { reader, close } = await open({}, folder);
  expect(reader.tenants().toSorted()).toEqual([...logs.keys()].toSorted());
  for (const tenant of logs.keys()) {
    const checkpoint = reader.checkpoints(tenant).at(-1)!;
    const root = Buffer.from(
      rootOf(reader.entries(tenant, { from: 0, limit: 1_000_000 }).map(({ leaf }) => leaf)),
    ).toString('hex');
    expect(checkpoint).toEqual({ size: reader.size(tenant), note: `${tenant} ${reader.size(tenant)} ${root}` });
  }
  expect(reader.row('nobody', 'a')).toBeUndefined();
  expect(reader.entries('nobody', { from: 0, limit: 10 })).toEqual([]);
  await close();
}, 30_000);

test('time never goes back within a log, whatever the clock does', async () => {
  const times = [1_000, 5_000, 2_000, 4_999, 6_000];
  let turn = 0;
  const { journal, reader } = await opened({ now: () => times[turn] as number });
  for (turn = 0; turn < times.length; turn++) await journal.commit({ tenant: 't', entries: [add('a', 1)] });
  turn = 0;
  expect(reader.entries('t', { from: 0, limit: 10 }).map(({ at }) => at)).toEqual([1_000, 5_000, 5_000, 5_000, 6_000]);
});

test('a log is not continued on a tree that is not its own', async () => {
  const folder = newFolder();
  const { journal, close } = await open({}, folder);
  await journal.commit({ tenant: 't', entries: [add('a', 1), add('a', 1), add('a', 1)] });
  await close();
  const db = new DatabaseSync(path.join(folder, 'log.db'));
  db.exec('UPDATE log SET size = 2');
  db.close();
  await expect(open({}, folder)).rejects.toThrow('the log of t has 2 entries, but its tree has 3');
});

test('every eighth level of the tree is kept with the entries that complete it', async () => {
  const { journal, reader } = await opened();
  const group = (): Group => ({ tenant: 't', entries: Array.from({ length: 10 }, () => ({ kind: 'note', head: {} })) });
  for (let n = 0; n < 6; n++) await Promise.all(Array.from({ length: 10 }, () => journal.commit(group())));
  const leaves = reader.hashes('t', 0, 0, 1_000);
  expect(leaves).toHaveLength(600);
  for (const level of [1, 4, 7, 9]) expect(reader.hashes('t', level, 0, 10)).toEqual([]);
  expect(reader.hashes('t', 8, 0, 10)).toEqual([rootOf(leaves.slice(0, 256)), rootOf(leaves.slice(256, 512))]);
});

describe('a follower', () => {
  test('sees every committed entry of its kinds once, in log order, when it is durable; and none that was refused', async () => {
    const { journal, reader } = await opened();
    const seen: Entry[] = [];
    const everything: Entry[] = [];
    journal.follow(['add'], (entry) => {
      expect(reader.size('t')).toBeGreaterThan(entry.seq);
      seen.push(entry);
    });
    const stop = journal.follow('all', (entry) => everything.push(entry));
    const verdicts = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        journal.commit({ tenant: 't', entries: [add('a', n), { kind: 'note', head: { n } }] }),
      ),
    );
    stop();
    await journal.commit({ tenant: 't', entries: [add('b', 1)] });
    const accepted = verdicts.filter(({ ok }) => ok).length;
    expect(accepted).toBeLessThan(50);
    expect(seen).toHaveLength(accepted + 1);
    expect(everything.map(({ seq }) => seq)).toEqual(Array.from({ length: accepted * 2 }, (_, seq) => seq));
  });

  test('that throws stops neither the log nor the others', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { journal } = await opened();
    const seen: number[] = [];
    journal.follow(['add'], () => {
      throw new Error('broken follower');
    });
    journal.follow(['add'], (entry) => seen.push(entry.seq));
    for (let n = 0; n < 3; n++)
      expect(await journal.commit({ tenant: 't', entries: [add('a', 1)] })).toMatchObject({ ok: true });
    expect(seen).toEqual([0, 1, 2]);
    expect(warning).toHaveBeenCalledTimes(3);
    warning.mockRestore();
  });
});

describe('the waiting line', () => {
  test('travels together: what one turn of the event loop commits is one batch', async () => {
    const batches: number[] = [];
    const { journal } = await opened({ onWrite: (batch) => void batches.push(batch.entries.length) });
    await Promise.all(Array.from({ length: 100 }, () => journal.commit({ tenant: 't', entries: [add('a', 1)] })));
    expect(batches).toEqual([100]);
  });

  test('has a bound; beyond it the log says that it has too much to do', async () => {
    const gate = Promise.withResolvers<void>();
    const committed: number[] = [];
    const journal = createJournal(
      {
        async commit(groups) {
          await gate.promise;
          committed.push(groups.length);
          const verdicts = groups.map((): Verdict => ({ ok: true, seq: 0, at: 0 }));
          return { verdicts, changes: [], caughtUp: false };
        },
      },
      undefined as never,
    );
    const verdicts = Array.from({ length: 50_100 }, () => journal.commit({ tenant: 't', entries: [] }));
    await expect(verdicts.at(-1)).resolves.toMatchObject({
      ok: false,
      error: { code: 'NOT_RECORDED', retryable: true },
    });
    gate.resolve();
    const settled = await Promise.all(verdicts);
    expect(settled.filter(({ ok }) => ok)).toHaveLength(50_000);
    expect(Math.max(...committed)).toBe(2_000);
  });

  test('is answered when the writer is gone', async () => {
    const journal = createJournal({ commit: () => Promise.reject(new Error('gone')) }, undefined as never);
    expect(await journal.commit({ tenant: 't', entries: [add('a', 1)] })).toMatchObject({
      ok: false,
      error: { code: 'NOT_RECORDED' },
    });
    expect(await journal.commit({ tenant: 't', entries: [add('a', 1)] })).toMatchObject({ ok: false });
  });
});
