import path from 'node:path';
import { claim } from '@aip/conformance';
import { AipError } from '@aip/wire';
import { expect, it } from 'vitest';
import { startAgentProcess, until } from './fixtures/agent-process.ts';
import { logFaults, unsettled } from './fixtures/log.ts';
import { aip, startPlatformProcess } from './fixtures/platform-process.ts';
import { mountSmallDisk } from './fixtures/small-disk.ts';

const codeOf = (error: unknown): string => (error instanceof AipError ? error.code : String(error));

it(`a full disk: nothing is executed, nothing is lost, refusals and kills work, and it goes on when there is room ${claim('G-KILL.disk-full')} ${claim('T-METRICS.disk')}`, async (context) => {
  const mounted = mountSmallDisk();
  if (typeof mounted === 'string') return context.skip(mounted);
  using disk = mounted;
  await using platform = await startPlatformProcess({ folder: path.join(disk.folder, 'data') });
  await using agents = await startAgentProcess(platform, { worker: ['work', 'endless'], other: ['work'] });
  const { admin } = platform;
  const token = await platform.token('caller');
  const caller = platform.client(token);
  const done = (key: string): boolean => agents.traces().some((trace) => trace.kind === 'effect' && trace.key === key);

  const acknowledged = await Promise.all(
    Array.from({ length: 20 }, (_, n) => Array.fromAsync(caller.stream('skill:worker/work', { key: `before ${n}` }))),
  );
  const endless = caller.stream('skill:worker/endless', { key: 'endless' });
  const { value: begun } = await endless.next();
  const slow = caller.invoke('skill:other/work', { key: 'slow', ms: 1_500 }).catch(codeOf);
  await until(() => done('slow') && done('endless'), 5_000);

  // The log uses up what room it has of its own; from then on it says so.
  disk.fill();
  let last: unknown;
  for (let n = 0; n < 2_000 && codeOf(last) !== 'DISK_FULL'; n++)
    last = await caller.invoke('skill:other/work', { key: `filling ${n}` }).catch((error: unknown) => error);
  expect(last).toMatchObject({ code: 'DISK_FULL', message: expect.stringMatching(/disk .* full.*free space/i) });

  // Nothing is executed that cannot be recorded.
  for (let n = 0; n < 5; n++)
    await expect(caller.invoke('skill:other/work', { key: `full ${n}` })).rejects.toMatchObject({ code: 'DISK_FULL' });
  expect(agents.traces().filter(({ key }) => key?.startsWith('full'))).toEqual([]);
  // Refusals are refusals still.
  await expect(caller.operate('kills.kill', { scope: 'global' })).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  await expect(platform.client('nonsense').operate('agents.list', {})).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
  });
  expect((await fetch(`${platform.url}/healthz`)).status).toBe(200);
  const readiness = await fetch(`${platform.url}/readyz`);
  expect([readiness.status, await readiness.json()]).toEqual([
    503,
    { status: 'not ready', reason: expect.stringMatching(/disk .* full/) },
  ]);
  const metrics = await (await fetch(`${platform.url}/metrics`)).text();
  expect(Number(/^aip_disk_free_bytes\S* (\d+)/m.exec(metrics)?.[1])).toBeLessThan(1024 * 1024);
  expect(Number(/^aip_log_bytes\S* (\d+)/m.exec(metrics)?.[1])).toBeGreaterThan(100_000);

  // What was under way when the disk became full gets no result that is not on record, but an answer.
  expect(await slow).toBe('DISK_FULL');

  const kill = await admin.operate('kills.kill', { scope: 'agent:worker', reason: 'it has to work now' });
  expect(kill).toMatchObject({ durable: false });
  expect(kill.sessions_closed).toBe(1);
  await expect(caller.invoke('skill:worker/work', { key: 'killed' })).rejects.toMatchObject({ code: 'KILLED' });
  await until(() => agents.statuses.includes('worker lost'), 5_000);
  await until(() => agents.traces().some(({ kind, key }) => kind === 'canceled' && key === 'endless'), 5_000);
  await endless.return(undefined).catch(() => {});

  disk.free();
  await until(
    async () => (await admin.operate('kills.list', {}).catch(() => ({ kills: [] }))).kills.length === 1,
    10_000,
  );
  expect(await caller.invoke('skill:other/work', { key: 'after' })).toEqual({ key: 'after' });
  expect((await fetch(`${platform.url}/readyz`)).status).toBe(200);
  await expect(caller.invoke('skill:worker/work', { key: 'still killed' })).rejects.toMatchObject({ code: 'KILLED' });
  await admin.operate('kills.release', { scope: 'agent:worker', reason: 'over' });
  await until(
    () => agents.statuses.lastIndexOf('worker registered') > agents.statuses.lastIndexOf('worker lost'),
    5_000,
  );
  expect(await caller.invoke('skill:worker/work', { key: 'released' })).toEqual({ key: 'released' });

  // Everything has come to an end, and what had been acknowledged is as it was.
  await until(
    () => unsettled(platform.folder).length === 0,
    10_000,
    () => JSON.stringify(unsettled(platform.folder)),
  );
  const { task } = (await caller.operate('tasks.get', { task: begun!.task })) as unknown as { task: { state: string } };
  expect(['canceled', 'failed']).toContain(task.state);
  for (const steps of acknowledged) expect(await Array.fromAsync(caller.follow(steps[0]!.task))).toEqual(steps);
  expect(await platform.stop()).toMatchObject({ code: 0 });
  await platform.restart();
  for (const steps of acknowledged)
    expect(await Array.fromAsync(platform.client(token).follow(steps[0]!.task))).toEqual(steps);
  expect(await logFaults(platform.folder)).toEqual([]);
  expect(agents.traces().filter(({ kind, key }) => kind === 'effect' && key === 'slow')).toHaveLength(1);

  disk.fill();
  const refused = await aip(['up', '--port', '0', '--data-dir', path.join(disk.folder, 'another')], disk.folder);
  expect(refused).toMatchObject({ stdout: '', stderr: expect.stringMatching(/full|space/i) });
  expect(refused.code).toBeGreaterThan(0);
  expect(refused.stderr).not.toMatch(/\n\s+at |node:internal/);
}, 120_000);
