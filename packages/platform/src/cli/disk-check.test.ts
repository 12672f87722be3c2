import { claim } from '@aip/conformance';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../main/testing.ts';
import { diskChecks } from './disk-check.ts';

const GIB = 1024 ** 3;

test(`aip doctor says how large the log is, and warns before its disk is full ${claim('T-METRICS.disk')}`, () => {
  using folder = temporaryFolder();
  const found = (free: number) => diskChecks(folder.path, () => ({ log: 1_536, free: free * GIB, total: 200 * GIB }));
  expect(found(20)).toEqual([
    { name: 'disk', ok: true, detail: 'the log has 1.5 KiB; 20.0 GiB of 200.0 GiB are free' },
  ]);
  expect(found(0.5)).toMatchObject([
    {
      ok: false,
      detail: 'the log has 1.5 KiB; 512.0 MiB of 200.0 GiB are free',
      remedy: expect.stringContaining('free'),
    },
  ]);
  expect(diskChecks(folder.path)).toMatchObject([{ detail: expect.stringMatching(/^the log has 0 B; /) }]);
  expect(diskChecks(`${folder.path}/none`)).toEqual([]);
});
