import { claim } from '@aip/conformance';
import { describe, expect, test } from 'vitest';
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

  expect(await core.operate('tasks.list', {}, other)).toEqual({ tasks: [], total: 0 });
  expect(await core.operate('tasks.list', { from: 'service:alice' }, other)).toEqual({ tasks: [], total: 0 });
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

describe(`a stop ${claim('G-KILL.tenants')}`, () => {
  /** Two tenants with everything alike: a task of the same tool, a session and an agent of the same principal. */
  async function openTwo(folder: string) {
    const core = await openTestCore(folder);
    core.tool('read', {
      effect: 'read',
      async *deliver({ signal }) {
        yield { type: 'working' };
        if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    const closed: string[] = [];
    const side = async (tenant: string) => {
      const session = core.as(inTenant(tenant, 'admin'));
      const { principal } = session;
      core.exchange.sessions.attach({ principal, edge: 'http', close: () => closed.push(tenant) });
      const running = await core.exchange.send(session, toolCall('read'));
      await until(() => running.last?.type === 'working');
      return { session, running, call: () => core.exchange.send(session, toolCall('read')) };
    };
    return { core, closed, own: await side('default'), other: await side('other') };
  }

  test.for(['tenant:other', 'protocol:http', 'agent:service:alice', 'server:notes', 'capability:read'])(
    'of %s by one tenant touches no other, in memory, in its log, and after a restart',
    async (scope) => {
      using folder = temporaryFolder();
      {
        const { core, closed, own, other } = await openTwo(folder.path);
        await using _ = core;
        await core.operate('kills.kill', { scope }, other.session);
        expect(await other.running.ended).toMatchObject({ type: 'canceled', reason: 'kill' });
        expect(closed.every((tenant) => tenant === 'other')).toBe(true);
        await expect(other.call()).rejects.toMatchObject({ code: 'KILLED' });
        expect(own.running.last?.type).toBe('working');
        const second = await own.call();
        second.cancel('caller');
        expect(core.entries(['kill'])).toEqual([]);
        own.running.cancel('caller');
        await Promise.all([second.ended, own.running.ended]);
      }
      await using core = await openTestCore(folder.path);
      core.tool('read', { effect: 'read' });
      await expect(core.exchange.send(core.as(inTenant('other', 'admin')), toolCall('read'))).rejects.toMatchObject({
        code: 'KILLED',
      });
      const call = await core.exchange.send(core.as(inTenant('default', 'admin')), toolCall('read'));
      expect((await call.ended).type).toBe('done');
    },
  );

  test('of another tenant, or of everything, is not a tenant’s to order or to release', async () => {
    using folder = temporaryFolder();
    const { core, closed, own, other } = await openTwo(folder.path);
    await using _ = core;
    for (const scope of ['global', 'tenant:default']) {
      for (const name of ['kills.kill', 'kills.pause', 'kills.release'])
        await expect(core.operate(name, { scope }, other.session), `${name} ${scope}`).rejects.toMatchObject({
          code: 'PERMISSION_DENIED',
        });
    }
    await expect(core.operate('kills.kill', { scope: 'tenant:other' })).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
    });
    expect(closed).toEqual([]);
    for (const { running } of [own, other]) {
      expect(running.last?.type).toBe('working');
      running.cancel('caller');
      await running.ended;
    }
  });

  test('of everything, by those who run the platform, is in force and on record in every tenant, until they release it', async () => {
    using folder = temporaryFolder();
    const { core, closed, own, other } = await openTwo(folder.path);
    await using _ = core;
    await core.operate('kills.kill', { scope: 'global' });
    for (const { running, call } of [own, other]) {
      expect(await running.ended).toMatchObject({ type: 'canceled', reason: 'kill' });
      await expect(call()).rejects.toMatchObject({ code: 'KILLED' });
    }
    expect(new Set(closed)).toEqual(new Set(['default', 'other']));
    const kinds = (): string[] =>
      core.exchange.journal.read.entries('other', { from: 0, limit: 1_000 }).map(({ kind }) => kind);
    await until(() => kinds().includes('kill'));
    await core.operate('kills.release', { scope: 'global' });
    await until(() => kinds().includes('release'));
    for (const { call } of [own, other]) {
      const next = await call();
      next.cancel('caller');
      await next.ended;
    }
  });
});

test('a stop of everything reaches every tenant, whatever is released and stopped again meanwhile', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path);
  const { journal } = core.exchange;
  const tenants = Array.from({ length: 12 }, (_, n) => `t${n}`);
  for (const tenant of tenants) await journal.commit({ tenant, entries: [{ kind: 'note', head: {} }] });
  const modes = (tenant: string) =>
    journal.read.open(tenant, 'kill:').map(({ value }) => (value as { mode: string }).mode);
  const all = (mode: string) => until(() => tenants.every((tenant) => modes(tenant).join() === mode));
  const order = (name: string) => core.operate(`kills.${name}`, { scope: 'global' });
  await order('pause');
  await order('kill');
  await all('kill');
  for (let turns = 0; turns < 40; turns++) {
    const accepted = Promise.withResolvers<void>();
    const unfollow = journal.follow(['accept'], ({ head }) => {
      if (head['to'] === 'operation:kills.release') accepted.resolve();
    });
    const released = order('release').catch(() => {});
    await accepted.promise;
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    await Promise.all([order('kill'), released]);
    unfollow();
    await all('kill');
  }
  await order('release');
  await all('');
});

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
