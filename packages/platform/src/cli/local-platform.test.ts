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
