import { claim } from '@aip/conformance';
import { expect, test, vi } from 'vitest';
import { text } from '../kernel/body.ts';
import { all, openTestCore, temporaryFolder, toolCall } from '../main/testing.ts';

const OPEN = { policies: { 'open.cedar': '@id("open") permit (principal, action, resource);\n' } };

test(`a task that ends while the log cannot be written ends in the log as its caller was told, as soon as it can ${claim('G-KILL.disk-full')}`, async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path, OPEN);
  const finish = Promise.withResolvers<void>();
  core.tool('slow', {
    async *deliver() {
      yield { type: 'working' };
      await finish.promise;
      yield { type: 'done', body: text('too late for the disk') };
    },
  });
  const call = await core.exchange.send(core.admin, toolCall('slow'));
  await vi.waitUntil(() => call.last?.type === 'working');
  const emptyDisk = core.fillDisk();
  finish.resolve();
  expect(await call.ended).toMatchObject({
    type: 'failed',
    state: 'failed',
    effect: 'unknown',
    error: { code: 'DISK_FULL' },
  });
  expect(core.entries(['settle']).filter(({ task }) => task === call.taskId)).toEqual([]);
  emptyDisk();

  await vi.waitUntil(() => core.entries(['settle']).some(({ task }) => task === call.taskId), { timeout: 5_000 });
  const steps = await all(core.exchange.call('default', call.taskId)!.events());
  expect(steps.map(({ n, type }) => [n, type])).toEqual([
    [1, 'submitted'],
    [2, 'working'],
    [3, 'failed'],
  ]);
  expect(steps.at(-1)).toMatchObject({ effect: 'unknown', error: { code: 'DISK_FULL' } });
});
