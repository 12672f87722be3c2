import { claim } from '@aip/conformance';
import { expect, test } from 'vitest';
import { data } from '../kernel/body.ts';
import type { Principal } from '../kernel/principal.ts';
import { until } from '../kernel/testing.ts';
import { openTestCore, temporaryFolder, toolCall } from './testing.ts';

const inTenant = (tenant: string, ...roles: string[]): Principal => ({
  id: 'service:alice',
  kind: 'service',
  name: 'alice',
  tenant,
  assurance: 'token',
  roles,
});

test(`nobody sees, calls or steers what belongs to another tenant, whatever roles it has ${claim('I-RBAC.tenants')}`, async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path);
  core.tool('read', {
    effect: 'read',
    async *deliver() {
      yield { type: 'working' };
      await new Promise(() => {});
    },
  });
  const scout = await core.agent('scout', { capabilities: [{ name: 'look', description: 'Looks around' }] });
  await core.operate('tokens.create', { name: 'secret-name' });
  const own = core.as(inTenant('default', 'admin'));
  const call = await core.exchange.send(own, toolCall('read'));
  await until(() => call.last?.type === 'working');
  // The same id, and every right there is, in another tenant.
  const other = core.as(inTenant('other', 'admin'));
  const before = core.entries().length;

  expect(await core.operate('tasks.list', {}, other)).toEqual({ tasks: [] });
  expect(await core.operate('tasks.list', { from: 'service:alice' }, other)).toEqual({ tasks: [] });
  expect(await core.operate('agents.list', {}, other)).toEqual({ agents: [] });
  expect(await core.operate('tokens.list', {}, other)).toEqual({ tokens: [] });
  expect(await core.operate('asks.list', { state: 'all' }, other)).toEqual({ asks: [] });
  const { entries } = await core.operate<{ entries: { kind: string }[] }>('catalogue.list', {}, other);
  expect(entries.filter(({ kind }) => kind === 'agent' || kind === 'skill')).toEqual([]);
  const refusals: [string, string, object][] = [
    ['TASK_NOT_FOUND', 'tasks.get', { task: call.taskId }],
    ['TASK_NOT_FOUND', 'tasks.cancel', { task: call.taskId }],
    ['UNKNOWN_AGENT', 'agents.get', { agent: 'scout' }],
    ['UNKNOWN_AGENT', 'agents.get', { agent: scout.did }],
    ['UNKNOWN_AGENT', 'agents.remove', { agent: 'scout' }],
    ['UNKNOWN_AGENT', 'kills.kill', { scope: 'agent:scout' }],
    [
      'NOT_FOUND',
      'tokens.revoke',
      { id: (await core.operate<{ tokens: { id: string }[] }>('tokens.list')).tokens[0]!.id },
    ],
  ];
  for (const [code, name, input] of refusals)
    await expect(core.operate(name, input as never, other), name).rejects.toMatchObject({ code });
  for (const to of [
    'agent:scout',
    `agent:${scout.did}`,
    `skill:${scout.did}/look`,
    'skill:scout/look',
    'capability:look',
  ] as const) {
    await expect(core.exchange.send(other, { to, action: 'invoke', body: data({}) }), to).rejects.toMatchObject({
      code: expect.stringMatching(/^UNKNOWN_/),
    });
  }
  expect(core.exchange.call('other', call.taskId)).toBeUndefined();
  // Whatever it did is in its own log.
  expect(
    core
      .entries()
      .slice(before)
      .filter((entry) => entry.kind !== 'read'),
  ).toEqual([]);
  expect(core.exchange.journal.read.size('other')).toBeGreaterThan(0);
  call.cancel('caller');
  await call.ended;
}, 10_000);

test('agents of one name in two tenants are each found in their own', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path);
  const scout = await core.agent('scout', { capabilities: [{ name: 'look' }] });
  const admit = { kind: 'agent.admit', head: { did: 'did:key:z6Mkother', name: 'scout', roles: [], by: 'test' } };
  expect(await core.exchange.journal.commit({ tenant: 'other', entries: [admit] })).toMatchObject({ ok: true });
  const other = core.as(inTenant('other', 'admin'));
  expect(await core.operate('agents.get', { agent: 'scout' })).toMatchObject({ did: scout.did });
  expect(await core.operate('agents.get', { agent: 'scout' }, other)).toMatchObject({ did: 'did:key:z6Mkother' });
  expect(core.as({ kind: 'signed', did: 'did:key:z6Mkother' }).principal.tenant).toBe('other');
});
