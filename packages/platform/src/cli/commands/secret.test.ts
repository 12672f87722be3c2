import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { claim } from '@aip/conformance';
import { expect, it } from 'vitest';
import { localPlatform } from '../local-platform.ts';
import { createTestPlatform, runInWorld, type TestPlatform } from '../testing.ts';

/** The command with this on its standard input. */
async function set(platform: TestPlatform, name: string, value: string) {
  const local = {
    ...localPlatform({ env: {}, cwd: platform.folder }),
    settings: () => ({
      url: platform.url,
      dataDir: platform.folder,
      tokenFile: join(platform.folder, 'admin.token'),
      adminToken: undefined,
    }),
  };
  return runInWorld(['secret', 'set', name], { local, secret: () => Promise.resolve(value) });
}

it(`aip secret keeps, lists and removes, and never shows what it keeps ${claim('D-CLI.commands', 'I-AUTH.vault')}`, async () => {
  await using platform = await createTestPlatform();
  expect((await platform.aip('secret', 'list')).out).toMatch(/^No secrets\./);
  const kept = await set(platform, 'weather', 'hush');
  expect(kept).toMatchObject({ code: 0, out: 'Kept weather.' });
  expect(await platform.core.core.vault.read('default', 'platform', 'weather')).toBe('hush');
  expect((await platform.aip('secret', 'list')).out).toBe('weather');
  expect(await platform.aip('secret', 'remove', 'weather')).toMatchObject({ code: 0, out: 'Removed weather.' });
  expect(await platform.aip('secret', 'remove', 'weather')).toMatchObject({ code: 1 });
  expect(await set(platform, 'weather', '')).toMatchObject({
    code: 2,
    err: expect.stringContaining('No secret was given'),
  });
});

it('aip secret remove warns when a server of aip.yaml cites it', async () => {
  await using platform = await createTestPlatform();
  const env = { A: { vault: 'weather' }, B: 'other' };
  const servers = {
    sky: { command: 'npx', env },
    sea: { url: 'https://sea.example', headers: { Authorization: 'Bearer {vault:weather}' } },
    land: { command: 'npx', env: { A: { vault: 'weather-2' } } },
  };
  writeFileSync(join(platform.folder, 'aip.yaml'), JSON.stringify({ mcp: { servers } }));
  await set(platform, 'weather', 'hush');
  const { code, err } = await platform.aip('secret', 'remove', 'weather');
  expect(code).toBe(0);
  expect(err.split('\n')).toEqual([
    expect.stringMatching(/^The server sky of aip\.yaml cites it.*aip secret set weather$/),
    expect.stringMatching(/^The server sea of aip\.yaml cites it/),
  ]);
});

it('a secret is read from the pipe, without the end of its line, and not from the arguments', () => {
  const source = `
    import { readSecret } from ${JSON.stringify(join(import.meta.dirname, '../secret-input.ts'))};
    process.stdout.write(JSON.stringify(await readSecret('> ', process.stdin, process.stderr)));`;
  const node = ['--input-type=module', '-e', source];
  const read = (input: string): unknown =>
    JSON.parse(execFileSync(process.execPath, node, { input, encoding: 'utf8' }));
  expect(read('hush\n')).toBe('hush');
  expect(read('two\nlines\r\n')).toBe('two\nlines');
  expect(read(' spaces stay ')).toBe(' spaces stay ');
  const long = spawnSync(process.execPath, node, { input: 'x'.repeat(70_000), encoding: 'utf8' });
  expect(long.stderr).toContain('at most 65536');
});
