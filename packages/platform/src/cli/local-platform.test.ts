import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { publishAddress } from '../main/address.ts';
import { claimDataFolder } from '../main/data-folder.ts';
import { openTestCore, temporaryFolder } from '../main/testing.ts';
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

test('aip doctor says when the log is of another format, as a start would', async () => {
  using folder = temporaryFolder();
  const local = localPlatform({ env: { AIP_DATA_DIR: folder.path }, cwd: folder.path });
  await (await openTestCore(folder.path))[Symbol.asyncDispose]();
  const checks = async () => (await local.inspect(local.settings({}))).filter(({ name }) => name === 'log');
  expect(await checks()).toEqual([]);
  {
    using db = new DatabaseSync(join(folder.path, 'aip.db'));
    db.exec('PRAGMA user_version = 999');
  }
  const refused: unknown = await openTestCore(folder.path).catch((error: unknown) => error);
  expect(await checks()).toEqual([{ name: 'log', ok: false, detail: (refused as Error).message }]);
  expect((refused as Error).message).toContain('written by a newer version of AIP');
});

test('finds a platform by its folder whatever is wrong in aip.yaml, and says what is', () => {
  using folder = temporaryFolder();
  const local = localPlatform({ env: {}, cwd: folder.path });
  writeFileSync(join(folder.path, 'aip.yaml'), 'listen: 5\nport: 9001\nadmin_token: short\n');
  const { url, dataDir, faults } = local.settings({});
  expect([url, dataDir]).toEqual(['http://127.0.0.1:9001', join(folder.path, '.aip')]);
  expect(faults).toEqual([expect.stringMatching(/^aip\.yaml:3:1 admin_token: /), expect.stringContaining('listen')]);
  expect(() => local.settings({}).adminToken).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  // Where it runs it has said itself: nothing has to be known of its port.
  writeFileSync(join(folder.path, 'aip.yaml'), 'port: many\n');
  expect(() => local.settings({})).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  const claimed = claimDataFolder(join(folder.path, '.aip'));
  publishAddress(claimed.path, 'http://127.0.0.1:7');
  expect(local.settings({}).url).toBe('http://127.0.0.1:7');
  claimed.release();
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
