import { expect, test } from 'vitest';
import { diskUse, isNearlyFull } from './disk.ts';
import { openTestCore, temporaryFolder } from './testing.ts';

const GIB = 1024 ** 3;

test.each([
  [0.9, 4, true],
  [1.1, 4, false],
  [4.9, 50, true],
  [5.1, 50, false],
  [9.9, 4_000, true],
  [10.1, 4_000, false],
])('%d GiB free of %d: nearly full is %s', (free, total, expected) => {
  expect(isNearlyFull({ free: free * GIB, total: total * GIB })).toBe(expected);
});

test('the log is measured with what has not been moved into it yet', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path);
  const before = diskUse(folder.path);
  expect(before.free).toBeGreaterThan(0);
  expect(before.total).toBeGreaterThanOrEqual(before.free);
  const read = core.tool('read', { effect: 'read' });
  const alice = await core.service('alice', 'caller');
  const call = await core.exchange.send(alice, {
    to: 'tool:notes/read',
    action: 'call',
    body: { type: 'text', value: 'x'.repeat(400_000) },
  });
  await call.ended;
  expect(read).toHaveLength(1);
  expect(diskUse(folder.path).log).toBeGreaterThan(before.log + 400_000);
});
