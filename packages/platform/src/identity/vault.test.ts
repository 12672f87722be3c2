import { spawn } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { claim } from '@aip/conformance';
import { describe, expect, test } from 'vitest';
import { everyByte, openTestCore, temporaryFolder } from '../main/testing.ts';
import { openVault, VAULT_KEY_FILE } from './vault.ts';

const filesOf = (folder: string): string[] =>
  readdirSync(join(folder, 'vault')).map((name) => join(folder, 'vault', name));

describe('the vault', () => {
  test(`gives back what was kept, to its owner alone, after a restart too ${claim('I-AUTH.vault')}`, async () => {
    using folder = temporaryFolder();
    const vault = openVault(folder.path);
    await vault.write('default', 'service:alice', 'github', 'hers');
    await vault.write('default', 'service:bob', 'github', 'his');
    await vault.write('other', 'service:alice', 'github', 'another tenant’s');
    for (const opened of [vault, openVault(folder.path)]) {
      expect(await opened.read('default', 'service:alice', 'github')).toBe('hers');
      expect(await opened.read('default', 'service:bob', 'github')).toBe('his');
      expect(await opened.read('other', 'service:alice', 'github')).toBe('another tenant’s');
      expect(await opened.read('default', 'service:carol', 'github')).toBeUndefined();
      expect(await opened.names('default', 'service:alice')).toEqual(['github']);
    }
    expect(await vault.remove('default', 'service:alice', 'github')).toBe(true);
    expect(await vault.remove('default', 'service:alice', 'github')).toBe(false);
    expect(await openVault(folder.path).read('default', 'service:alice', 'github')).toBeUndefined();
  });

  test(`shows neither secrets nor their names nor owners on the disk, to nobody but its owner ${claim('I-AUTH.vault')}`, async () => {
    using folder = temporaryFolder();
    await openVault(folder.path).write('default', 'service:alice', 'name-of-it', 'the secret itself');
    const bytes = everyByte(folder.path);
    for (const text of ['the secret itself', 'name-of-it', 'alice']) expect(bytes).not.toContain(text);
    for (const file of [...filesOf(folder.path), join(folder.path, VAULT_KEY_FILE)])
      expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder.path, 'vault')).mode & 0o777).toBe(0o700);
  });

  test('seals anew each time: the same secret never makes the same file twice', async () => {
    using folder = temporaryFolder();
    const vault = openVault(folder.path);
    const seen = new Set<string>();
    for (let i = 0; i < 20; i++) {
      await vault.write('default', 'a', 'x', 'same');
      seen.add(readFileSync(filesOf(folder.path)[0]!).subarray(1, 13).toString('hex'));
    }
    expect(seen.size).toBe(20);
  });

  test('notices every changed byte, and a file in another owner’s place', async () => {
    using folder = temporaryFolder();
    const vault = openVault(folder.path);
    await vault.write('default', 'alice', 'x', 'hers');
    const [hers] = filesOf(folder.path) as [string];
    const good = readFileSync(hers);
    for (let at = 0; at < good.length; at++) {
      const bad = Buffer.from(good);
      bad[at]! ^= 1;
      writeFileSync(hers, bad);
      await expect(vault.read('default', 'alice', 'x')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    }
    writeFileSync(hers, good.subarray(0, good.length - 1));
    await expect(vault.read('default', 'alice', 'x')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    writeFileSync(hers, good);
    await vault.write('default', 'bob', 'x', 'his');
    const his = filesOf(folder.path).find((file) => file !== hers)!;
    copyFileSync(hers, his);
    await expect(vault.read('default', 'bob', 'x')).rejects.toThrow(/damaged/);
    expect(await vault.read('default', 'alice', 'x')).toBe('hers');
  });

  test('loses none of many changes at once', async () => {
    using folder = temporaryFolder();
    const vault = openVault(folder.path);
    const names = Array.from({ length: 40 }, (_, n) => `s${String(n).padStart(2, '0')}`);
    await Promise.all(names.map((name) => vault.write('default', 'a', name, name)));
    expect(await vault.names('default', 'a')).toEqual(names);
    await Promise.all(names.slice(1).map((name) => vault.remove('default', 'a', name)));
    expect(await openVault(folder.path).names('default', 'a')).toEqual(['s00']);
  });

  test.each([
    ['a secret that is too long', 'name', 'x'.repeat(64 * 1024 + 1)],
    ['a name that is too long', 'n'.repeat(513), 'x'],
    ['no name', '', 'x'],
  ])('refuses %s', async (_what, name, secret) => {
    using folder = temporaryFolder();
    const vault = openVault(folder.path);
    await expect(vault.write('default', 'a', name, secret)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await vault.names('default', 'a')).toEqual([]);
  });

  test('a key that is damaged, or gone while there are files, stops the start by name', async () => {
    using folder = temporaryFolder();
    await openVault(folder.path).write('default', 'a', 'x', 'y');
    const key = join(folder.path, VAULT_KEY_FILE);
    const good = readFileSync(key);
    writeFileSync(key, 'short');
    expect(() => openVault(folder.path)).toThrow(/vault\.key is damaged/);
    rmSync(key);
    expect(() => openVault(folder.path)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('missing beside the vault') }),
    );
    writeFileSync(key, good);
    expect(await openVault(folder.path).read('default', 'a', 'x')).toBe('y');
  });

  test(`killed at any moment it holds what was acknowledged last, or what came after it ${claim('I-AUTH.vault')}`, async () => {
    using folder = temporaryFolder();
    const program = `
      import { openVault } from ${JSON.stringify(join(import.meta.dirname, 'vault.ts'))};
      const vault = openVault(process.argv[1]);
      for (let n = Number(process.argv[2]); ; n++) {
        await vault.write('default', 'a', 'count', String(n));
        process.stdout.write(n + '\\n');
      }`;
    let from = 0;
    for (let round = 0; round < 8; round++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program, folder.path, String(from)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let acknowledged = '';
      child.stdout.on('data', (chunk: Buffer) => {
        acknowledged += chunk.toString();
        if (acknowledged.split('\n').length > 3 + round * 2) child.kill('SIGKILL');
      });
      await new Promise((resolve) => child.once('close', resolve));
      const last = Number(acknowledged.trimEnd().split('\n').at(-1));
      const kept = Number(await openVault(folder.path).read('default', 'a', 'count'));
      expect([last, last + 1]).toContain(kept);
      from = kept + 1;
    }
    expect(filesOf(folder.path)).toHaveLength(1);
  }, 60_000);
});

describe('secrets.set', () => {
  test(`keeps a secret that no answer, list, task or log entry shows ${claim('I-AUTH.vault')}`, async () => {
    using folder = temporaryFolder();
    const value = 'a value that must not be seen';
    {
      await using core = await openTestCore(folder.path);
      const set = await core.operate('secrets.set', { name: 'weather', value });
      expect(set).toEqual({ name: 'weather' });
      expect(await core.operate('secrets.list')).toEqual({ names: ['weather'] });
      expect(await core.core.vault.read('default', 'platform', 'weather')).toBe(value);
      for (const { task } of core.entries(['accept']))
        expect(JSON.stringify(await core.operate('tasks.get', { task: task! }))).not.toContain(value);
      await core.operate('secrets.set', { name: 'gone', value });
      expect(await core.operate('secrets.remove', { name: 'gone' })).toEqual({ name: 'gone' });
      await expect(core.operate('secrets.remove', { name: 'gone' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
    expect(everyByte(folder.path)).not.toContain(value);
  });

  test('is for administrators: neither callers nor operators set secrets, callers do not even see names', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const caller = await core.service('alice', 'caller');
    const operator = await core.service('olga', 'operator');
    for (const session of [caller, operator])
      await expect(core.operate('secrets.set', { name: 'x', value: 'y' }, session)).rejects.toMatchObject({
        code: 'PERMISSION_DENIED',
      });
    await expect(core.operate('secrets.list', {}, caller)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  });
});
