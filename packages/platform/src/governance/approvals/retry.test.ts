import { claim } from '@aip/conformance';
import { describe, expect, test } from 'vitest';
import { rounds } from '../../kernel/testing.ts';
import { openTestCore, temporaryFolder, toolCall } from '../../main/testing.ts';
import { asks, answer, parked } from './testing.ts';

describe('an identical retry', () => {
  test(`re-attaches to the call that waits; several at once are one ask ${claim('G-APPROVE.reattach')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const calls = core.tool('write');
    const alice = await core.service('alice', 'caller');
    for (let round = 0; round < rounds(20); round++) {
      const retries = await Promise.all([1, 2, 3].map(() => core.exchange.send(alice, toolCall('write', { round }))));
      expect(new Set(retries.map((call) => call.taskId)).size).toBe(1);
      const open = await asks(core);
      expect(open).toHaveLength(1);
      await answer(core, open[0]!.id, 'approve');
      for (const call of retries) expect(await call.ended).toMatchObject({ type: 'done' });
      expect(calls).toHaveLength(round + 1);
    }
  }, 60_000);

  test('gets the result of the call that waited, once; the next one is a new call', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    core.tool('write');
    const alice = await core.service('alice', 'caller');
    const { call, ask } = await parked(core, alice);
    await answer(core, ask, 'approve');
    await call.ended;
    const retry = await core.exchange.send(alice, toolCall('write'));
    expect(retry.taskId).toBe(call.taskId);
    expect(await retry.ended).toMatchObject({ type: 'done' });
    retry.delivered(alice.principal);
    const next = await core.exchange.send(alice, toolCall('write'));
    expect(next.taskId).not.toBe(call.taskId);
    expect(next.last).toMatchObject({ type: 'asked' });
  });

  test(`is only what has the same sender, target and arguments, attachments included ${claim('G-APPROVE.bound')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    core.tool('write');
    core.tool('erase');
    const alice = await core.service('alice', 'caller');
    const bob = await core.service('bob', 'caller');
    const attachment = (raw: string) =>
      ({
        to: 'tool:notes/write',
        action: 'call',
        body: { type: 'a2a', value: { parts: [{ text: 'store this' }, { raw }] } },
      }) as const;
    const sent = [
      core.exchange.send(alice, toolCall('write', { text: 'a' })),
      core.exchange.send(alice, toolCall('write', { text: 'b' })),
      core.exchange.send(alice, toolCall('erase', { text: 'a' })),
      core.exchange.send(bob, toolCall('write', { text: 'a' })),
      core.exchange.send(alice, attachment('AAAA')),
      core.exchange.send(alice, attachment('BBBB')),
    ];
    const tasks = (await Promise.all(sent)).map((call) => call.taskId);
    expect(new Set(tasks).size).toBe(sent.length);
    expect(await asks(core)).toHaveLength(sent.length);
  });

  test('of a principal of the same name in another tenant is another call', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    core.tool('write');
    const alice = await core.service('alice', 'caller');
    const other = core.as({ ...alice.principal, tenant: 'other' });
    const first = await core.exchange.send(alice, toolCall('write'));
    const second = await core.exchange.send(other, toolCall('write'));
    expect(second.taskId).not.toBe(first.taskId);
  });
});

describe('calls that wait', () => {
  test(`are so many for each sender, counted in the log: the next is refused until one is answered ${claim('G-APPROVE.bounded')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    core.tool('write');
    const alice = await core.service('alice', 'caller');
    const sent = await Promise.allSettled(
      Array.from({ length: 110 }, (_, n) => core.exchange.send(alice, toolCall('write', { n }))),
    );
    const waiting = sent.filter(({ status }) => status === 'fulfilled');
    expect(waiting).toHaveLength(100);
    for (const outcome of sent)
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({ code: 'TOO_MANY_ASKS', retryable: true });
    expect(core.entries(['deny']).at(-1)?.head).toMatchObject({ code: 'TOO_MANY_ASKS' });
    // Others have room of their own, and an identical retry needs none.
    await core.exchange.send(await core.service('bob', 'caller'), toolCall('write'));
    await core.exchange.send(alice, toolCall('write', { n: 0 }));
    // Room is made by an approval, a denial and a cancellation alike, once each.
    const open = (await asks(core)).filter(({ task }) =>
      waiting.some((outcome) => outcome.status === 'fulfilled' && outcome.value.taskId === task),
    );
    await answer(core, open[0]!.id, 'approve');
    await answer(core, open[1]!.id, 'deny');
    await core.operate('tasks.cancel', { task: open[2]!.task }, alice);
    for (const { task } of open.slice(0, 3)) await core.exchange.call('default', task)!.ended;
    const next = await Promise.allSettled(
      Array.from({ length: 5 }, (_, n) => core.exchange.send(alice, toolCall('write', { again: n }))),
    );
    expect(next.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  }, 60_000);
});
