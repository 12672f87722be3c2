import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../main/testing.ts';
import { localPlatform } from './local-platform.ts';

test('aip doctor says when the platform is on the network without TLS', async () => {
  using folder = temporaryFolder();
  const checks = async (env: Record<string, string>) => {
    const local = localPlatform({ env, cwd: folder.path });
    const found = await local.inspect(local.settings({}));
    return found.filter(({ name }) => name === 'network');
  };
  expect(await checks({})).toEqual([]);
  expect(await checks({ AIP_HOST: '0.0.0.0' })).toEqual([
    {
      name: 'network',
      ok: true,
      waits: true,
      detail: 'host 0.0.0.0 is reached from the network, without TLS',
      remedy: expect.stringContaining('SECURITY.md'),
    },
  ]);
});

test('aip doctor says when the log is gone that a platform has had', async () => {
  using folder = temporaryFolder();
  const local = localPlatform({ env: { AIP_DATA_DIR: folder.path }, cwd: folder.path });
  const checks = async () => (await local.inspect(local.settings({}))).filter(({ name }) => name === 'log');
  expect(await checks()).toEqual([]);
  writeFileSync(join(folder.path, 'gateway.key'), '', { mode: 0o600 });
  for (const what of ['is missing', 'is empty']) {
    expect(await checks()).toEqual([
      { name: 'log', ok: false, detail: expect.stringContaining(what), remedy: expect.stringContaining('backup') },
    ]);
    writeFileSync(join(folder.path, 'aip.db'), '');
  }
});
