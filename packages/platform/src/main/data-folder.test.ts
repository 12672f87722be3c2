import { chmodSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { claim } from '@aip/conformance';
import { expect, test } from 'vitest';
import { verifyFolder } from './audit.ts';
import { claimDataFolder, JOURNAL_NAME } from './data-folder.ts';
import { openTestCore, temporaryFolder } from './testing.ts';

test(`a data folder belongs to one platform at a time ${claim('D-DEPLOY.data-folder')}`, async () => {
  using folder = temporaryFolder();
  {
    await using first = await openTestCore(folder.path);
    await expect(openTestCore(folder.path)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining(folder.path),
    });
    // The one that runs is not disturbed by the one that was refused.
    await first.operate('tokens.create', { name: 'still-here' });
  }
  await using second = await openTestCore(folder.path);
  expect(await second.operate('tokens.list')).toMatchObject({ tokens: [{ name: 'still-here' }] });
});

test('a start that fails lets go of the folder', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'pepper.key'), 'damaged');
  await expect(openTestCore(folder.path)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('pepper.key'),
  });
  claimDataFolder(folder.path).release();
});

const NO_DATABASE =
  'This is not a database, though it is longer than the header of one would be: far longer, in fact, than that.';

test.for<[string, string, string | undefined]>([
  ['a file stands in its place', 'data', ''],
  ['a file stands where its parent should be', '.', ''],
  ['its lock is a folder', 'data/lock.db', undefined],
  ['its lock is damaged', 'data/lock.db', NO_DATABASE],
])(
  `a folder that cannot be used is said to be so, by name: %s ${claim('D-DEPLOY.data-folder')}`,
  ([, spoilt, content]) => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'parent', spoilt);
    if (content === undefined) mkdirSync(file, { recursive: true });
    else {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
    const path = join(folder.path, 'parent', 'data');
    expect(() => claimDataFolder(path)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(path) }),
    );
  },
);

test('a log that is damaged stops the start', async () => {
  using folder = temporaryFolder();
  await (await openTestCore(folder.path))[Symbol.asyncDispose]();
  writeFileSync(join(folder.path, JOURNAL_NAME), NO_DATABASE);
  await expect(openTestCore(folder.path)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(JOURNAL_NAME),
  });
  claimDataFolder(folder.path).release();
});

test.each([
  [0, 'written by an older version of AIP', '--data-dir'],
  [999, 'written by a newer version of AIP', 'before the update'],
])('a log of another format is refused, and left as it is: %i', async (format, why, advice) => {
  using folder = temporaryFolder();
  {
    await using core = await openTestCore(folder.path);
    await core.operate('tokens.create', { name: 'recorded' });
  }
  {
    using db = new DatabaseSync(join(folder.path, JOURNAL_NAME));
    db.exec(`PRAGMA user_version = ${format}`);
  }
  const refused = { code: 'CONFIG_INVALID', message: expect.stringMatching(new RegExp(`${why}.*${advice}`)) };
  await expect(openTestCore(folder.path)).rejects.toMatchObject(refused);
  await expect(verifyFolder(folder.path)).rejects.toMatchObject(refused);
  using db = new DatabaseSync(join(folder.path, JOURNAL_NAME));
  expect(db.prepare('PRAGMA user_version').get()).toEqual({ user_version: format });
});

test('a log without the key that signed it is not continued under another one', async () => {
  using folder = temporaryFolder();
  {
    await using core = await openTestCore(folder.path);
    await core.operate('tokens.create', { name: 'recorded' });
  }
  rmSync(join(folder.path, 'gateway.key'));
  await expect(openTestCore(folder.path)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('gateway.key is missing'),
  });
});

test('the log is its owner’s alone, whatever the folder lets others see', async () => {
  using folder = temporaryFolder();
  chmodSync(folder.path, 0o755);
  await using core = await openTestCore(folder.path);
  await core.operate('tokens.create', { name: 'recorded' });
  const modes = ['', '-wal', '-shm'].map((end) => statSync(join(folder.path, `${JOURNAL_NAME}${end}`)).mode & 0o777);
  expect(modes).toEqual([0o600, 0o600, 0o600]);
});
