import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { describe, expect, test } from 'vitest';
import { data } from '../../kernel/body.ts';
import { rounds, until } from '../../kernel/testing.ts';
import { openTestCore, temporaryFolder, toolCall } from '../../main/testing.ts';
import { STARTER_FILE, STARTER_POLICY } from '../policy/index.ts';
import { asks, answer, expiring, parked } from './testing.ts';

describe('a call that a policy wants a person to see', () => {
  test(`waits, shows its arguments to operators, and runs once when approved ${claim('G-APPROVE.park')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const calls = core.tool('write');
    const alice = await core.service('alice', 'caller');
    const operator = await core.service('olga', 'operator');
    const { call, ask } = await parked(core, alice, { text: 'hello' });
    expect(calls).toHaveLength(0);
    expect(await asks(core)).toMatchObject([
      { id: ask, from: 'service:alice', to: 'tool:notes/write', approvers: 'operators', arguments: { text: 'hello' } },
    ]);
    await answer(core, ask, 'approve', operator);
    expect(await call.ended).toMatchObject({ type: 'done', state: 'completed', body: { value: { text: 'hello' } } });
    expect(calls).toHaveLength(1);
    const [accept] = core.entries(['accept']).filter((entry) => entry.task === call.taskId);
    expect(accept?.head).toMatchObject({ approval: ask });
    expect(await asks(core, 'all')).toMatchObject([{ id: ask, state: 'used', by: 'service:olga' }]);
  });

  test(`is rejected with the operator's reason when denied, and never runs ${claim('G-APPROVE.park')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const calls = core.tool('write');
    const { call, ask } = await parked(core, await core.service('alice', 'caller'));
    await answer(core, ask, 'deny', core.admin, 'not today');
    expect(await call.ended).toMatchObject({
      type: 'failed',
      state: 'rejected',
      effect: 'none',
      error: { code: 'APPROVAL_DENIED', message: expect.stringContaining('not today') },
    });
    expect(calls).toHaveLength(0);
  });

  test('cannot be approved by its own caller, who is no operator', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    core.tool('write');
    const alice = await core.service('alice', 'caller');
    const { ask } = await parked(core, alice);
    await expect(answer(core, ask, 'approve', alice)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    await expect(core.operate('asks.list', {}, alice)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  });

  test('is answered once, whoever comes first', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const calls = core.tool('write');
    const alice = await core.service('alice', 'caller');
    for (let round = 0; round < rounds(10); round++) {
      const { call, ask } = await parked(core, alice, { round });
      const answers = await Promise.allSettled([
        answer(core, ask, 'approve'),
        answer(core, ask, 'deny'),
        answer(core, ask, 'approve'),
      ]);
      expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(answers.filter((outcome) => outcome.status === 'rejected').map((outcome) => outcome.reason.code)).toEqual([
        'CONFLICT',
        'CONFLICT',
      ]);
      const approved = answers[1]?.status !== 'fulfilled';
      expect((await call.ended).type).toBe(approved ? 'done' : 'failed');
    }
    expect(core.entries(['answer'])).toHaveLength(rounds(10));
    expect(calls.length).toBe(core.entries(['answer']).filter((entry) => entry.head['verdict'] === 'approve').length);
  }, 60_000);

  test('is ended by its expiry; an answer that comes later is refused', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, expiring('150ms'));
    const calls = core.tool('write');
    const { call, ask } = await parked(core, await core.service('alice', 'caller'));
    expect(await call.ended).toMatchObject({ type: 'failed', effect: 'none', error: { code: 'APPROVAL_EXPIRED' } });
    await expect(answer(core, ask, 'approve')).rejects.toMatchObject({
      code: expect.stringMatching(/APPROVAL_EXPIRED|CONFLICT/),
    });
    expect(await asks(core)).toEqual([]);
    expect(calls).toHaveLength(0);
  });

  test('waits no longer than its own deadline', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const calls = core.tool('write');
    const alice = await core.service('alice', 'caller');
    const call = await core.exchange.send(alice, { ...toolCall('write'), deadline: Date.now() + 150 });
    expect(call.last).toMatchObject({ type: 'asked' });
    expect(await call.ended).toMatchObject({ type: 'failed', effect: 'none' });
    expect(calls).toHaveLength(0);
  });

  test('can be canceled while it waits; then nothing is left to approve', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const calls = core.tool('write');
    const alice = await core.service('alice', 'caller');
    const { call, ask } = await parked(core, alice);
    await core.operate('tasks.cancel', { task: call.taskId }, alice);
    expect(await call.ended).toMatchObject({ type: 'canceled', reason: 'caller', effect: 'none' });
    await expect(answer(core, ask, 'approve')).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await asks(core, 'all')).toMatchObject([{ id: ask, state: 'closed' }]);
    expect(calls).toHaveLength(0);
    // Whoever cancels and asks again means it anew.
    const next = await core.exchange.send(alice, toolCall('write'));
    expect(next.taskId).not.toBe(call.taskId);
    expect(next.last).toMatchObject({ type: 'asked' });
  });

  test('is stopped by a kill while it waits, and an approval that comes later cannot revive it', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const calls = core.tool('write');
    const { call, ask } = await parked(core, await core.service('alice', 'caller'));
    await core.operate('kills.kill', { scope: 'server:notes' });
    expect(await call.ended).toMatchObject({ type: 'canceled', reason: 'kill', effect: 'none' });
    await expect(answer(core, ask, 'approve')).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(calls).toHaveLength(0);
  });

  test('passes all guards again once approved: what has been forbidden meanwhile stays undone', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const calls = core.tool('write');
    const { call, ask } = await parked(core, await core.service('alice', 'caller'));
    await core.operate('policies.put', {
      name: 'freeze.cedar',
      text: '@id("freeze") forbid (principal, action == Action::"call", resource);',
    });
    await answer(core, ask, 'approve');
    expect(await call.ended).toMatchObject({ type: 'failed', effect: 'none', error: { code: 'PERMISSION_DENIED' } });
    expect(calls).toHaveLength(0);
  });

  test('reaches nobody when it is canceled between its approval and the return of its target', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    core.tool('write');
    const unbind = core.exchange.routes.bind('notes', { reach: 'remote', async *deliver() {} });
    const alice = await core.service('alice', 'caller');
    const { call, ask } = await parked(core, alice);
    unbind();
    await answer(core, ask, 'approve');
    call.cancel('caller');
    const calls = core.tool('write');
    expect(await call.ended).toMatchObject({ type: 'canceled', reason: 'caller', effect: 'none' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(calls).toHaveLength(0);
  });
});

describe('an approval', () => {
  test(`is for one call, with one content, once: the log takes it for no other ${claim('G-APPROVE.bound')}`, async () => {
    using folder = temporaryFolder();
    // Nothing acts on the answer, so that it stays unused.
    await using core = await openTestCore(folder.path, { recover: false });
    core.tool('write');
    const alice = await core.service('alice', 'caller');
    const { call, ask } = await parked(core, alice, { text: 'a' });
    const { ask: other } = await parked(core, alice, { text: 'b' });
    const [first, second] = core.entries(['park']).map(({ head }) => head);
    const accept = (task: string, head: JsonObject) =>
      core.exchange.journal.commit({
        tenant: 'default',
        entries: [{ kind: 'accept', task, n: task === call.taskId ? 2 : 1, head: { ...first, ...head } }],
      });
    const denied = { ok: false, error: { code: 'APPROVAL_DENIED' } };
    expect(await accept(call.taskId, { approval: ask }), 'unanswered').toMatchObject(denied);
    await answer(core, ask, 'approve');
    await answer(core, other, 'approve');
    expect(await accept('another', { approval: ask }), 'for another task').toMatchObject(denied);
    expect(await accept(call.taskId, { approval: other }), 'of another task').toMatchObject(denied);
    const content = { approval: ask, argumentsHash: second!['argumentsHash']! };
    expect(await accept(call.taskId, content), 'for another content').toMatchObject(denied);
    expect(await accept(call.taskId, { approval: ask }), 'as it was given').toMatchObject({ ok: true });
    expect(await accept(call.taskId, { approval: ask }), 'again').toMatchObject({ ok: false });
    expect(await asks(core, 'all')).toMatchObject([{ state: 'used' }, { state: 'approved' }]);
  });

  test.for([
    [5, 900_000, 'APPROVAL_REQUIRED'],
    [0, 1, 'APPROVAL_REQUIRED'],
    [5, 5, undefined],
    [5, 3, undefined],
  ] as const)(
    `is for the price that was shown, or a lower one ${claim('G-APPROVE.bound')}: of %i units, %i later`,
    async ([shown, later, refusal]) => {
      using folder = temporaryFolder();
      await using core = await openTestCore(folder.path, {
        policies: {
          'ask.cedar': '@id("ask") @approve("operators") permit (principal, action == Action::"invoke", resource);',
          'open.cedar': '@id("open") permit (principal, action == Action::"operate", resource);',
        },
      });
      const offer = (price: number) => ({ capabilities: [{ name: 'work', price }] });
      const { did, session } = await core.agent('bob', offer(shown));
      const alice = await core.service('alice', 'caller');
      await core.operate('budgets.set', { principal: 'service:alice' });
      const call = await core.exchange.send(alice, { to: `skill:${did}/work`, action: 'invoke', body: data({}) });
      const [ask] = await asks(core);
      expect(ask).toMatchObject({ price: shown });
      await core.operate('agents.connect', offer(later), session);
      await answer(core, ask!.id, 'approve');
      const end = await call.ended;
      expect(end).toMatchObject(
        refusal ? { type: 'failed', effect: 'none', error: { code: refusal } } : { type: 'done' },
      );
      const { spent_total: spent, held } = await core.operate<{ spent_total: number; held: number }>('budgets.get', {
        principal: 'service:alice',
      });
      expect({ spent, held }).toEqual({ spent: refusal ? 0 : later, held: 0 });
      expect(await asks(core, 'all')).toMatchObject([{ state: refusal ? 'closed' : 'used' }]);
    },
  );

  test('that comes too late is refused by the log itself', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    core.tool('write');
    await parked(core, await core.service('alice', 'caller'));
    const { head } = core.entries(['park'])[0]!;
    const late = { id: 'late', of: 'operators', kind: 'approval', body: {}, expires: Date.now() - 1 };
    const park = { kind: 'park', task: 'late', n: 1, head: { ...head, ask: late } };
    expect(await core.exchange.journal.commit({ tenant: 'default', entries: [park] })).toMatchObject({ ok: true });
    await expect(answer(core, 'late', 'approve')).rejects.toMatchObject({ code: 'APPROVAL_EXPIRED' });
    await expect(answer(core, 'unknown', 'approve')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('may be wanted for a control operation, too: two persons for a kill', async () => {
    using folder = temporaryFolder();
    const text =
      '@id("two-for-a-kill") @approve("operators") permit (principal in Role::"operator", action == Action::"operate", resource == Operation::"kills.kill");';
    await using core = await openTestCore(folder.path, {
      policies: { [STARTER_FILE]: STARTER_POLICY, 'two.cedar': text },
    });
    core.tool('write');
    const operator = await core.service('olga', 'operator');
    await expect(core.operate('kills.kill', { scope: 'server:notes' }, operator)).rejects.toMatchObject({
      code: 'APPROVAL_REQUIRED',
    });
    await expect(core.operate('kills.proof', { scope: 'server:notes' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const [ask] = await asks(core);
    await answer(core, ask!.id, 'approve');
    await until(() => core.entries(['kill']).length === 1);
    await expect(core.exchange.send(core.admin, toolCall('write'))).rejects.toMatchObject({ code: 'KILLED' });
    expect(await core.exchange.call('default', ask!.task)!.ended).toMatchObject({ type: 'done' });
  });

  test(`survives a restart: before its answer, and between its answer and its use ${claim('G-APPROVE.restart')}`, async () => {
    using folder = temporaryFolder();
    let waiting: string;
    let answered: string;
    {
      await using core = await openTestCore(folder.path);
      core.tool('write');
      const alice = await core.service('alice', 'caller');
      waiting = (await parked(core, alice, { text: 'one' })).call.taskId;
      const second = await parked(core, alice, { text: 'two' });
      answered = second.call.taskId;
      // The answer is in the log, but the process ends before it has been acted on.
      const { journal } = core.exchange;
      core.exchange.live.get(answered)!.settling = true;
      expect(
        await journal.commit({
          tenant: 'default',
          entries: [{ kind: 'answer', head: { ask: second.ask, verdict: 'approve', by: 'user:admin' } }],
        }),
      ).toMatchObject({ ok: true });
    }
    await using core = await openTestCore(folder.path, { recover: false });
    const calls = core.tool('write');
    core.core.recover();
    expect(await core.exchange.call('default', answered)!.ended).toMatchObject({
      type: 'done',
      body: { value: { text: 'two' } },
    });
    const open = await asks(core);
    expect(open.map((ask) => ask.task)).toEqual([waiting]);
    await answer(core, open[0]!.id, 'approve');
    expect(await core.exchange.call('default', waiting)!.ended).toMatchObject({
      type: 'done',
      body: { value: { text: 'one' } },
    });
    expect(calls).toHaveLength(2);
  });

  test('that expired while the platform was stopped is over when it starts again', async () => {
    using folder = temporaryFolder();
    let task: string;
    {
      await using core = await openTestCore(folder.path, expiring('100ms'));
      core.tool('write');
      task = (await parked(core, await core.service('alice', 'caller'))).call.taskId;
    }
    await new Promise((resolve) => setTimeout(resolve, 120));
    await using core = await openTestCore(folder.path, { recover: false });
    const calls = core.tool('write');
    core.core.recover();
    expect(await core.exchange.call('default', task)!.ended).toMatchObject({
      type: 'failed',
      error: { code: 'APPROVAL_EXPIRED' },
    });
    expect(await asks(core)).toEqual([]);
    expect(calls).toHaveLength(0);
  });

  test('that was approved but not begun is over, too, when its time has passed while the platform was stopped', async () => {
    using folder = temporaryFolder();
    let task: string;
    let expires: number;
    {
      await using core = await openTestCore(folder.path, expiring('2s'));
      core.tool('write');
      const { call, ask } = await parked(core, await core.service('alice', 'caller'));
      task = call.taskId;
      expires = Date.now() + 2_000;
      // The answer is in the log, but the process ends before it has been acted on.
      core.exchange.live.get(task)!.settling = true;
      const head = { ask, verdict: 'approve', by: 'user:admin' };
      expect(
        await core.exchange.journal.commit({ tenant: 'default', entries: [{ kind: 'answer', head }] }),
      ).toMatchObject({ ok: true });
    }
    await expect.poll(() => Date.now(), { timeout: 5_000 }).toBeGreaterThan(expires);
    await using core = await openTestCore(folder.path, { recover: false });
    const calls = core.tool('write');
    core.core.recover();
    expect(await core.exchange.call('default', task)!.ended).toMatchObject({
      type: 'failed',
      error: { code: 'APPROVAL_EXPIRED', message: expect.stringContaining('was approved') },
    });
    expect(calls).toHaveLength(0);
  });
});

describe('who answers', () => {
  const bySecurity = {
    policies: { [STARTER_FILE]: STARTER_POLICY.replaceAll('@approve("operators")', '@approve("security")') },
  };

  test('is one of those the policy names, or an administrator', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, bySecurity);
    core.tool('write');
    const { call, ask } = await parked(core, await core.service('alice', 'caller'));
    const operator = await core.service('olga', 'operator');
    await expect(answer(core, ask, 'approve', operator)).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      message: expect.stringContaining('waits for security'),
    });
    await answer(core, ask, 'approve');
    expect(await call.ended).toMatchObject({ type: 'done' });
  });

  test('is not the one who asks', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    core.tool('write');
    const olga = await core.service('olga', 'caller', 'operator');
    const { ask } = await parked(core, olga);
    await expect(answer(core, ask, 'approve', olga)).rejects.toMatchObject({
      message: expect.stringContaining('their own'),
    });
    await answer(core, ask, 'approve', await core.service('otto', 'operator'));
  });
});
