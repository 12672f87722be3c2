import { expect, test } from 'vitest';
import { openTestCore, temporaryFolder, type TestCore } from './testing.ts';

interface Whoami {
  readonly id: string;
  readonly roles: readonly string[];
  readonly operations: readonly string[];
}

async function permitted(core: TestCore, ...roles: string[]): Promise<readonly string[]> {
  const session = await core.service(roles[0]!, ...roles);
  return (await core.operate<Whoami>('platform.whoami', {}, session)).operations;
}

test('whoami says what the policies permit, so that nobody is offered what they would be refused', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path);
  const all = core.exchange.catalogue.list({ kind: 'operation' }).map(({ name }) => name);
  expect(await core.operate<Whoami>('platform.whoami')).toMatchObject({
    id: 'user:admin',
    roles: ['admin'],
    operations: all,
  });

  const operator = await permitted(core, 'operator');
  expect(operator).toEqual(expect.arrayContaining(['kills.kill', 'asks.answer', 'logins.create', 'audit.entries']));
  expect(operator).not.toContain('kills.release');
  const viewer = await permitted(core, 'viewer');
  expect(viewer).toEqual(expect.arrayContaining(['kills.list', 'logins.create']));
  expect(viewer).not.toContain('kills.kill');
});

test('whoami answers while everything is stopped', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path);
  const operator = await core.service('olga', 'operator');
  await core.operate('kills.kill', { scope: 'global' });
  expect(await core.operate<Whoami>('platform.whoami', {}, operator)).toMatchObject({ id: 'service:olga' });
});
