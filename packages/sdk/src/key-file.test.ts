import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadKey } from './key-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aip-key-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What a refusal says. */
function refusalOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was refused');
}

it('makes a key on first use, for its owner only, and keeps it', () => {
  const file = join(folder, 'deep', 'agent.key');
  const { did } = loadKey(file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(loadKey(file).did).toBe(did);
});

it('refuses a key that others can read, and says what to do', () => {
  const file = join(folder, 'agent.key');
  loadKey(file);
  chmodSync(file, 0o644);
  expect(() => loadKey(file)).toThrow(/chmod 600/);
});

it('refuses what is no key file, without showing what is in it', () => {
  const file = join(folder, 'agent.key');
  for (const content of ['hunter2', '{}', '{"did":"did:key:z6Mk","seed":"short"}']) {
    writeFileSync(file, content, { mode: 0o600 });
    const told = refusalOf(() => loadKey(file));
    expect(told).toMatch(/key file|seed|base64/i);
    expect(told).not.toContain('hunter2');
  }
});

it('refuses a DID that is not that of the key', () => {
  const [one, two] = [join(folder, 'one'), join(folder, 'two')];
  loadKey(one);
  const { seed } = JSON.parse(readFileSync(one, 'utf8')) as { seed: string };
  writeFileSync(two, JSON.stringify({ did: loadKey(join(folder, 'three')).did, seed }), { mode: 0o600 });
  expect(() => loadKey(two)).toThrow(/does not belong/);
});

it('says when it cannot be written', () => {
  writeFileSync(join(folder, 'file'), '');
  expect(() => loadKey(join(folder, 'file', 'agent.key'))).toThrow(/cannot be written/);
});
