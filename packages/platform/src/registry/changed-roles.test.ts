import { claim } from '@aip/conformance';
import { describe, expect, test } from 'vitest';
import type { Call } from '../exchange/index.ts';
import type { Session } from '../kernel/session.ts';
import { until } from '../kernel/testing.ts';
import { openTestCore, temporaryFolder, toolCall, type TestCore } from '../main/testing.ts';

/** A connection of the agent, and why it was closed. */
function connected(core: TestCore, { principal }: Session): { closed?: string } {
  const connection: { closed?: string } = {};
  core.exchange.sessions.attach({ principal, edge: 'ioap', close: (code) => (connection.closed = code) });
  return connection;
}

const admit = (core: TestCore, agent: string, input = {}) => core.operate('agents.admit', { agent, ...input });

const rolesOf = async (core: TestCore, agent: string) =>
  (await core.operate<{ roles: string[] }>('agents.get', { agent })).roles;

async function approve(core: TestCore, call: Call): Promise<void> {
  const { asks } = await core.operate<{ asks: { id: string; task: string }[] }>('asks.list');
  await core.operate('asks.answer', { ask: asks.find(({ task }) => task === call.taskId)!.id, verdict: 'approve' });
}

describe(`an agent whose roles change ${claim('P-REG.roles')}`, () => {
  test('loses the connections that it has opened with the old ones', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const [scout, other] = [await core.agent('scout', { roles: ['caller'] }), await core.agent('other')];
    const [old, bystander] = [connected(core, scout.session), connected(core, other.session)];
    await admit(core, scout.did, { roles: ['caller'] });
    await admit(core, scout.did, { name: 'ranger' });
    expect(old.closed).toBeUndefined();
    await admit(core, scout.did, { roles: [] });
    await until(() => old.closed !== undefined);
    expect(old.closed).toBe('PERMISSION_DENIED');
    expect(bystander.closed).toBeUndefined();
  });

  test('keeps its roles where an operator says nothing of them', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const { did } = await core.agent('scout', { roles: ['caller'] });
    await admit(core, did, { name: 'ranger' });
    expect(await rolesOf(core, did)).toEqual(['caller']);
    await admit(core, did, { roles: ['spender'] });
    expect(await rolesOf(core, did)).toEqual(['spender']);
  });

  test('has a call that waited for a person decided with those it has by then', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const calls = core.tool('write');
    const scout = await core.agent('scout', { roles: ['caller'] });
    const [first, second] = [
      await core.exchange.send(scout.session, toolCall('write', { n: 1 })),
      await core.exchange.send(scout.session, toolCall('write', { n: 2 })),
    ];
    await approve(core, first);
    expect(await first.ended).toMatchObject({ type: 'done' });
    await admit(core, scout.did, { roles: [] });
    await approve(core, second);
    expect(await second.ended).toMatchObject({ effect: 'none', error: { code: 'PERMISSION_DENIED' } });
    expect(calls).toHaveLength(1);
  });

  test('has it so after a restart, too, and what was under way is not delivered again', async () => {
    using folder = temporaryFolder();
    const policies = {
      'roles.cedar': `permit (principal in Role::"admin", action, resource);
        permit (principal, action, resource == Operation::"agents.connect");
        permit (principal in Role::"reader", action, resource == Tool::"notes/read");
        @approve("operators") permit (principal in Role::"reader", action, resource == Tool::"notes/write");`,
    };
    const tasks: string[] = [];
    {
      await using core = await openTestCore(folder.path, { policies });
      core.tool('write');
      core.tool('read', {
        effect: 'external',
        idempotent: true,
        async *deliver() {
          yield { type: 'working' };
          await new Promise(() => {});
        },
      });
      const { did, session } = await core.agent('scout', { roles: ['reader'] });
      const running = await core.exchange.send(session, toolCall('read'));
      const parked = await core.exchange.send(session, toolCall('write'));
      await until(() => running.last?.type === 'working');
      await admit(core, did, { roles: [] });
      tasks.push(running.taskId, parked.taskId);
    }
    await using core = await openTestCore(folder.path, { recover: false });
    const calls = [core.tool('write'), core.tool('read', { effect: 'external', idempotent: true })];
    core.core.recover();
    const [running, parked] = tasks.map((task) => core.exchange.call('default', task)!);
    expect(await running!.ended).toMatchObject({ error: { code: 'PERMISSION_DENIED' } });
    await approve(core, parked!);
    expect(await parked!.ended).toMatchObject({ error: { code: 'PERMISSION_DENIED' } });
    expect(calls.flat()).toHaveLength(0);
  });

  test.for(['admin', 'Admin'])('never becomes the administrator: %s is refused', async (role) => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const { did } = await core.agent('scout');
    const refused = { code: 'INVALID_ARGUMENT', message: expect.stringContaining('administrator') };
    await expect(core.operate('agents.invite', { roles: [role] })).rejects.toMatchObject(refused);
    await expect(admit(core, did, { roles: [role] })).rejects.toMatchObject(refused);
  });
});
