import { closeSync, openSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openTestCore, temporaryFolder } from './testing.ts';

const PAGE = 4096;

/** A folder in which a platform has worked for a while. */
async function used(folder: string): Promise<string> {
  await using core = await openTestCore(folder);
  for (let n = 0; n < 60; n++) await core.operate('kills.pause', { scope: `server:s${n}`, reason: 'x'.repeat(400) });
  return join(folder, 'aip.db');
}

/** What a start has to say. */
const started = async (folder: string): Promise<unknown[]> => {
  const lines: unknown[] = [];
  await using _core = await openTestCore(folder, { log: (level, message) => lines.push([level, message]) });
  return lines;
};

test.for([
  ['gone', (file: string) => rmSync(file)],
  ['empty', (file: string) => truncateSync(file)],
] as const)(
  'a log that is %s beside the key that has signed one is begun anew, but not without a word',
  async ([, lose]) => {
    using folder = temporaryFolder();
    expect(await started(folder.path)).toEqual([]);
    expect(await started(folder.path)).toEqual([]);
    lose(await used(folder.path));
    expect(await started(folder.path)).toEqual([['warn', expect.stringMatching(/aip\.db .*gateway\.key.*backup/)]]);
  },
);

test.for([0, 0.2, 0.4, 0.6, 0.8, 0.9])(
  'a log that is damaged from %s of it on says which file it is, and what to do',
  async (part) => {
    using folder = temporaryFolder();
    const file = await used(folder.path);
    const pages = statSync(file).size / PAGE;
    const db = openSync(file, 'r+');
    for (let page = Math.max(1, Math.ceil(pages * part)); page < pages; page++)
      writeSync(db, Buffer.alloc(PAGE, 0xa5), 0, PAGE, page * PAGE);
    closeSync(db);
    await expect(openTestCore(folder.path)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/aip\.db.*restore it from a backup/i),
    });
  },
);
