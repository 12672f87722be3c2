import { expect, test } from 'vitest';
import { openTestCore, temporaryFolder } from './testing.ts';
import { watchWrites } from './write-watch.ts';

test('a log that cannot be written says so, until it can be again', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path);
  expect(core.core.logFailure()).toBeUndefined();
  const emptyDisk = core.fillDisk();
  await expect(core.operate('agents.list')).rejects.toMatchObject({ code: 'DISK_FULL' });
  expect(core.core.logFailure()).toMatch(/disk .* is full/);
  emptyDisk();
  await core.operate('agents.list');
  expect(core.core.logFailure()).toBeUndefined();
});

test('what a decider refuses is no failure, and one is forgotten when nobody has tried for long', async () => {
  let now = 0;
  let code: 'DISK_FULL' | 'BUDGET_EXCEEDED' = 'BUDGET_EXCEEDED';
  const watched = watchWrites(
    {
      commit: async () => ({
        verdicts: [{ ok: false, error: { code, message: code, retryable: false } }],
        changes: [],
        caughtUp: true,
      }),
    },
    () => now,
  );
  await watched.commit([]);
  expect(watched.failure()).toBeUndefined();
  code = 'DISK_FULL';
  await watched.commit([]);
  // Nothing has been written for it, so it says nothing about the disk.
  code = 'BUDGET_EXCEEDED';
  await watched.commit([]);
  now += 29_000;
  expect(watched.failure()).toMatchObject({ code: 'DISK_FULL' });
  // Whoever sends nothing to a platform that is not ready would never see it ready again.
  now += 2_000;
  expect(watched.failure()).toBeUndefined();
});
