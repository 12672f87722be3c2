import { cpSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exportFolder, verifyExport, verifyFolder } from '../../main/audit.ts';
import { openTestCore, temporaryFolder } from '../../main/testing.ts';

/** One log, and what its owner, who has its key and its disk, has made of a copy. */
const place = temporaryFolder();
const [kept, short, honest, rewritten, foreign] = ['kept', 'short', 'honest', 'rewritten', 'foreign'].map((name) =>
  path.join(place.path, name),
) as [string, string, string, string, string];
let checkpoint: string;

/** Makes tokens of these names; returns the checkpoint over all of it. */
async function work(folder: string, ...names: string[]): Promise<string> {
  {
    await using core = await openTestCore(folder);
    for (const name of names) await core.operate('tokens.create', { name });
  }
  // The log is signed to its end when it closes.
  await using core = await openTestCore(folder);
  return core.core.exchange.journal.read.lastCheckpoint('default')!.note;
}

beforeAll(async () => {
  await work(kept, 'first', 'second');
  for (const copy of [short, rewritten]) cpSync(kept, copy, { recursive: true });
  checkpoint = await work(kept, 'third');
  cpSync(kept, honest, { recursive: true });
  await work(honest, 'fourth');
  await work(rewritten, 'another', 'one-more', 'longer-than-before');
  await work(foreign, 'first', 'second', 'third', 'fourth');
});
afterAll(() => place[Symbol.dispose]());

describe('a checkpoint that was kept elsewhere', () => {
  test('fits the log that it is of, and what has grown out of it', async () => {
    expect(await verifyFolder(kept, checkpoint)).toMatchObject([{ ok: true }]);
    expect(await verifyFolder(honest, checkpoint)).toMatchObject([{ ok: true, unsigned: 0 }]);
    const file = path.join(place.path, 'log.jsonl');
    exportFolder(honest, file);
    expect(await verifyExport(file, undefined, checkpoint)).toMatchObject({ ok: true });
  });

  test.each([
    ['was rewritten and signed anew', rewritten, /kept elsewhere at size \d+ signs another tree/],
    ['has lost its end, with its checkpoints', short, /the log is shorter than the checkpoint kept elsewhere/],
    ['was put in its place', foreign, /kept elsewhere .* is not valid/],
  ])('does not fit a log that %s, though it is sound in itself', async (_what, folder, problem) => {
    expect(await verifyFolder(folder)).toMatchObject([{ ok: true }]);
    expect(await verifyFolder(folder, checkpoint)).toMatchObject([
      { ok: false, problems: [{ what: expect.stringMatching(problem) }] },
    ]);
  });

  test('is a checkpoint', async () => {
    await expect(verifyFolder(kept, 'hello')).rejects.toMatchObject({ code: 'MALFORMED_MESSAGE' });
  });
});
