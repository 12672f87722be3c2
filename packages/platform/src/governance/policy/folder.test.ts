import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { rounds, until } from '../../kernel/testing.ts';
import { temporaryFolder } from '../../main/testing.ts';
import { openPolicyFolder } from './folder.ts';
import { STARTER_FILE, STARTER_POLICY } from './starter.ts';

const permit = (id: string): string => `@id("${id}") permit (principal, action, resource);`;

async function opened(path: string) {
  const changes: (string | undefined)[] = [];
  const folder = await openPolicyFolder({
    folder: join(path, 'policies'),
    onChange: (error) => changes.push(error?.code),
  });
  const ids = () => folder.set?.policies.map(({ reason }) => reason.id);
  return { folder, changes, ids, [Symbol.dispose]: () => folder.stop() };
}

test('the first start writes the starter policy; later ones never overwrite it', async () => {
  using temporary = temporaryFolder();
  const file = join(temporary.path, 'policies', STARTER_FILE);
  {
    using first = await opened(temporary.path);
    expect(first.folder.error).toBeUndefined();
    expect(readFileSync(file, 'utf8')).toBe(STARTER_POLICY);
  }
  rmSync(file);
  using again = await opened(temporary.path);
  expect(existsSync(file)).toBe(false);
  expect(again.ids()).toEqual([]);
});

describe('putting a file', () => {
  test('replaces it as a whole, at once', async () => {
    using temporary = temporaryFolder();
    using policies = await opened(temporary.path);
    await policies.folder.put('team.cedar', permit('one'));
    expect(policies.ids()).toContain('one');
    await policies.folder.put('team.cedar', permit('two'));
    expect(policies.ids()).toContain('two');
    expect(policies.ids()).not.toContain('one');
    expect(readdirSync(join(temporary.path, 'policies')).toSorted()).toEqual([STARTER_FILE, 'team.cedar']);
  });

  test.for([
    '../evil.cedar',
    'a/b.cedar',
    '.hidden.cedar',
    'team.txt',
    'team',
    '',
    'x'.repeat(80) + '.cedar',
    'team.cedar\0',
  ])('refuses the name "%s"', async (name) => {
    using temporary = temporaryFolder();
    using policies = await opened(temporary.path);
    await expect(policies.folder.put(name, permit('x'))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(readdirSync(temporary.path)).toEqual(['policies']);
    expect(readdirSync(join(temporary.path, 'policies'))).toEqual([STARTER_FILE]);
  });

  test('refuses what is not valid together with the rest, and changes nothing', async () => {
    using temporary = temporaryFolder();
    using policies = await opened(temporary.path);
    await policies.folder.put('a.cedar', permit('same'));
    const before = policies.ids();
    await expect(policies.folder.put('b.cedar', permit('same'))).rejects.toMatchObject({ code: 'POLICY_INVALID' });
    await expect(policies.folder.put('a.cedar', 'permit (')).rejects.toMatchObject({
      code: 'POLICY_INVALID',
      details: { errors: [{ file: 'a.cedar', line: 1 }] },
    });
    expect(policies.ids()).toEqual(before);
    expect(existsSync(join(temporary.path, 'policies', 'b.cedar'))).toBe(false);
  });

  test('at the same time as another is checked against it', async () => {
    using temporary = temporaryFolder();
    using policies = await opened(temporary.path);
    for (let round = 0; round < rounds(5); round++) {
      const puts = await Promise.allSettled(
        ['a.cedar', 'b.cedar', 'c.cedar'].map((name) => policies.folder.put(name, permit(`round-${round}`))),
      );
      expect(puts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(policies.folder.error).toBeUndefined();
      expect(policies.ids()?.filter((id) => id === `round-${round}`)).toHaveLength(1);
      for (const name of ['a.cedar', 'b.cedar', 'c.cedar'])
        rmSync(join(temporary.path, 'policies', name), { force: true });
      await policies.folder.reload();
    }
  }, 60_000);
});

test('what is edited, added and removed on disk is in force soon; what cannot be read leaves the last set in force', async () => {
  using temporary = temporaryFolder();
  using policies = await opened(temporary.path);
  const file = join(temporary.path, 'policies', 'team.cedar');
  writeFileSync(file, permit('added'));
  await until(() => policies.ids()?.includes('added') === true);
  writeFileSync(file, permit('edited'));
  await until(() => policies.ids()?.includes('edited') === true);
  rmSync(file);
  await until(() => policies.ids()?.includes('edited') === false);
  const seen = policies.changes.length;
  mkdirSync(file);
  await until(() => policies.changes.length > seen);
  expect(policies.changes.at(-1)).toBe('POLICY_INVALID');
  expect(policies.folder.error).toMatchObject({ code: 'POLICY_INVALID' });
  expect(policies.ids()).toContain('admins-may-do-everything');
  rmSync(file, { recursive: true });
  await until(() => policies.folder.error === undefined);
});
