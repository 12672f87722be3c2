import { join } from 'node:path';
import { exportSeed, generateKeyPair } from '@aip/wire';
import { expect, test } from 'vitest';
import { openSqliteReader } from '../engines/sqlite/reader.ts';
import { createJournal } from '../journal/journal.ts';
import { temporaryFolder } from './testing.ts';
import { startWriterThread } from './writer-thread.ts';

const note = (n: number) => ({ tenant: 'default', entries: [{ kind: 'note', head: { n } }] });

test('the writer commits in its own thread, in order, and signs its log when it is closed', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'aip.db');
  const gatewaySeed = exportSeed(generateKeyPair());
  const writer = await startWriterThread({ file, gatewaySeed });
  const reader = openSqliteReader(file);
  const journal = createJournal(writer, reader);
  const verdicts = await Promise.all(Array.from({ length: 100 }, (_, n) => journal.commit(note(n))));
  expect(verdicts.map((verdict) => verdict.ok && verdict.seq)).toEqual(Array.from({ length: 100 }, (_, n) => n));
  await writer.close();
  expect(reader.checkpoints('default').at(-1)).toMatchObject({
    size: 100,
    note: expect.stringContaining('aip/did:key:'),
  });
  // Whoever comes too late is told that nothing was done.
  expect(await journal.commit(note(100))).toMatchObject({ ok: false, error: { code: 'NOT_RECORDED' } });
  expect(reader.size('default')).toBe(100);
  reader.close();
});

test('a batch that is under way when the writer is closed is answered before it goes', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'aip.db');
  const writer = await startWriterThread({ file, gatewaySeed: exportSeed(generateKeyPair()) });
  const [{ verdicts }] = await Promise.all([writer.commit([note(1), note(2)]), writer.close()]);
  expect(verdicts).toMatchObject([
    { ok: true, seq: 0 },
    { ok: true, seq: 1 },
  ]);
});
