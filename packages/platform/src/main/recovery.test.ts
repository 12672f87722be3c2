import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { claim } from '@aip/conformance';
import { describe, expect, test } from 'vitest';
import { data, text } from '../kernel/body.ts';
import type { Route } from '../kernel/route.ts';
import type { TaskEvent } from '../kernel/task.ts';
import { until } from '../kernel/testing.ts';
import { openTestCore, temporaryFolder, toolCall, type TestCore, type ToolOptions } from './testing.ts';

const OPEN = { policies: { 'open.cedar': '@id("open") permit (principal, action, resource);' } };

/** Says that it works, and then nothing any more. */
const stuck: Route['deliver'] = async function* () {
  yield { type: 'working' };
  await new Promise(() => {});
};

const done: Route['deliver'] = async function* (call) {
  yield { type: 'done', body: text(`after ${call.resumeFrom}`) };
};

/** A platform that is stopped while the tool `step` works; returns the task and what was seen of it. */
async function interrupted(
  folder: string,
  options: ToolOptions,
  before?: (core: TestCore) => Promise<unknown>,
): Promise<{ task: string; seen: TaskEvent[] }> {
  await using core = await openTestCore(folder, OPEN);
  core.tool('step', { ...options, deliver: stuck });
  const call = await core.exchange.send(await core.service('alice', 'caller'), {
    ...toolCall('step', { n: 1 }),
    idempotencyKey: 'key',
  });
  await until(() => call.last?.type === 'working');
  await before?.(core);
  return { task: call.taskId, seen: [call.last!] };
}

/** The platform as it starts again, with the tool back at once. */
async function restarted(folder: string, options: ToolOptions) {
  const core = await openTestCore(folder, { recover: false });
  const calls = core.tool('step', { ...options, deliver: done });
  core.core.recover();
  return { core, calls, [Symbol.asyncDispose]: () => core[Symbol.asyncDispose]() };
}

const events = (core: TestCore, task: string): Promise<TaskEvent[]> =>
  Array.fromAsync(core.exchange.call('default', task)!.events());

describe('a step that was under way when the platform stopped', () => {
  test.for<[string, ToolOptions]>([
    ['reads only', { effect: 'read' }],
    ['is declared idempotent', { effect: 'external', idempotent: true }],
  ])(
    `is delivered again under its key, from where it was, when it %s ${claim('O-EXEC.redelivery')}`,
    async ([, options]) => {
      using folder = temporaryFolder();
      const { task } = await interrupted(folder.path, options);
      await using again = await restarted(folder.path, options);
      expect(await again.core.exchange.call('default', task)!.ended).toMatchObject({
        type: 'done',
        body: text('after 2'),
      });
      expect((await events(again.core, task)).map(({ n, type }) => [n, type])).toEqual([
        [1, 'submitted'],
        [2, 'working'],
        [3, 'redelivered'],
        [4, 'done'],
      ]);
      expect(again.calls).toHaveLength(1);
      expect(again.calls[0]).toMatchObject({
        resumeFrom: 2,
        message: { taskId: task, idempotencyKey: 'key', body: data({ n: 1 }), from: { id: 'service:alice' } },
      });
    },
  );

  test(`ends with its effect unknown, and is not repeated, when it may have had one ${claim('O-EXEC.redelivery')}`, async () => {
    using folder = temporaryFolder();
    const { task } = await interrupted(folder.path, { effect: 'external' });
    await using again = await restarted(folder.path, { effect: 'external' });
    expect(await again.core.exchange.call('default', task)!.ended).toMatchObject({
      type: 'failed',
      effect: 'unknown',
      error: { code: 'EFFECT_UNKNOWN' },
    });
    expect(again.calls).toHaveLength(0);
    expect(again.core.entries(['settle']).filter((entry) => entry.task === task)).toHaveLength(1);
  });

  test(`is delivered five times at most, over however many restarts ${claim('O-EXEC.poison')}`, async () => {
    using folder = temporaryFolder();
    const { task } = await interrupted(folder.path, { effect: 'read' });
    const poison: ToolOptions = {
      effect: 'read',
      async *deliver() {
        await new Promise(() => {});
        yield { type: 'working' };
      },
    };
    for (let delivery = 2; delivery <= 5; delivery++) {
      await using core = await openTestCore(folder.path, { recover: false });
      const calls = core.tool('step', poison);
      core.core.recover();
      await expect.poll(() => calls.length).toBe(1);
      expect(calls[0]).toMatchObject({ delivery });
    }
    await using core = await openTestCore(folder.path, { recover: false });
    const calls = core.tool('step', poison);
    core.core.recover();
    expect(await core.exchange.call('default', task)!.ended).toMatchObject({
      type: 'failed',
      state: 'failed',
      error: { code: 'DELIVERED_TOO_OFTEN' },
    });
    expect(calls).toHaveLength(0);
  }, 30_000);

  test('is found again by its caller, under the same key', async () => {
    using folder = temporaryFolder();
    const { task } = await interrupted(folder.path, { effect: 'read' });
    await using again = await restarted(folder.path, { effect: 'read' });
    const alice = again.core.as({
      id: 'service:alice',
      kind: 'service',
      name: 'alice',
      tenant: 'default',
      assurance: 'token',
      roles: ['caller'],
    });
    const retry = await again.core.exchange.send(alice, { ...toolCall('step', { n: 1 }), idempotencyKey: 'key' });
    expect(retry.taskId).toBe(task);
    expect(await retry.ended).toMatchObject({ type: 'done' });
    expect(again.calls).toHaveLength(1);
  });

  test(`is not taken up again when it has been stopped meanwhile ${claim('G-KILL.durable')}`, async () => {
    using folder = temporaryFolder();
    // The stop comes so late that the end of the task is not in the log any more.
    const { task } = await interrupted(folder.path, { effect: 'read' }, (core) =>
      core.operate('kills.kill', { scope: 'server:notes' }),
    );
    await using again = await restarted(folder.path, { effect: 'read' });
    expect(await again.core.exchange.call('default', task)!.ended).toMatchObject({
      type: 'failed',
      error: { code: 'KILLED' },
    });
    expect(again.calls).toHaveLength(0);
  });

  test('is not taken up again when a policy forbids it by now', async () => {
    using folder = temporaryFolder();
    const { task } = await interrupted(folder.path, { effect: 'read' }, (core) =>
      core.operate('policies.put', {
        name: 'stop.cedar',
        text: '@id("stop") forbid (principal, action == Action::"call", resource);',
      }),
    );
    await using again = await restarted(folder.path, { effect: 'read' });
    expect(await again.core.exchange.call('default', task)!.ended).toMatchObject({
      type: 'failed',
      error: { code: 'PERMISSION_DENIED' },
    });
    expect(again.calls).toHaveLength(0);
  });

  test('waits for its target to come back, and can be canceled while it does', async () => {
    using folder = temporaryFolder();
    const { task } = await interrupted(folder.path, { effect: 'read' });
    await using core = await openTestCore(folder.path);
    expect(core.exchange.live.has(task)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const calls = core.tool('step', { effect: 'read', deliver: done });
    expect(await core.exchange.call('default', task)!.ended).toMatchObject({ type: 'done' });
    expect(calls).toHaveLength(1);
  });

  test('that is canceled before its target is back reaches nobody', async () => {
    using folder = temporaryFolder();
    const { task } = await interrupted(folder.path, { effect: 'read' });
    await using core = await openTestCore(folder.path);
    const ended = core.exchange.call('default', task)!.ended;
    core.exchange.cancel(task, 'caller');
    const calls = core.tool('step', { effect: 'read', deliver: done });
    expect(await ended).toMatchObject({ type: 'canceled', reason: 'caller' });
    expect(calls).toHaveLength(0);
  }, 10_000);

  test.for([
    ['erased', 'NULL, salt = NULL'],
    ['damaged', '\'{"id":\''],
  ])('whose message has been %s ends, because nobody can know any more what to repeat', async ([, body]) => {
    using folder = temporaryFolder();
    const { task } = await interrupted(folder.path, { effect: 'read' });
    const db = new DatabaseSync(join(folder.path, 'aip.db'));
    db.prepare(`UPDATE entry SET body = ${body} WHERE task = ? AND n = 1`).run(task);
    db.close();
    await using again = await restarted(folder.path, { effect: 'read' });
    await until(() => again.core.entries(['settle']).some((entry) => entry.task === task));
    expect((await events(again.core, task)).at(-1)).toMatchObject({
      type: 'failed',
      effect: 'unknown',
      error: { code: 'EFFECT_UNKNOWN' },
    });
    expect(again.calls).toHaveLength(0);
  });

  test('still belongs to the chain in which it was sent, though its parent has ended', async () => {
    using folder = temporaryFolder();
    let task: string;
    {
      await using core = await openTestCore(folder.path, OPEN);
      core.tool('step', { effect: 'read', deliver: stuck });
      const child = Promise.withResolvers<string>();
      const scout = await core.agent('scout', {
        async *deliver(call) {
          const sent = await core.exchange.send(scout.session, { ...toolCall('step'), parentId: call.message.taskId });
          await until(() => sent.last?.type === 'working');
          child.resolve(sent.taskId);
          yield { type: 'done', body: text('gone on') };
        },
      });
      const parent = await core.exchange.send(await core.service('alice', 'caller'), {
        to: 'agent:scout',
        action: 'invoke',
        body: data({}),
      });
      task = await child.promise;
      await parent.ended;
    }
    await using core = await openTestCore(folder.path);
    expect(core.exchange.live.get(task)).toMatchObject({ depth: 1 });
    expect(await core.operate('kills.kill', { scope: 'agent:service:alice' })).toMatchObject({ tasks_stopped: 1 });
    await core.exchange.call('default', task)!.ended;
  }, 10_000);
});

test(`what had ended before a stop is as it was: never run again, its events the same ${claim('O-EXEC.redelivery')}`, async () => {
  using folder = temporaryFolder();
  let before: TaskEvent[];
  let task: string;
  {
    await using core = await openTestCore(folder.path, OPEN);
    core.tool('step', {
      effect: 'read',
      async *deliver() {
        for (let n = 0; n < 20; n++) yield { type: 'output', body: text(`${n},`), artifactId: 'a', append: true };
        yield { type: 'progress', progress: 1, total: 2, message: 'half' };
        yield { type: 'log', level: 'info', data: data({ big: 'é'.repeat(100_000) }) };
        yield { type: 'done', body: data({ n: 20 }) };
      },
    });
    const call = await core.exchange.send(core.admin, toolCall('step'));
    before = await Array.fromAsync(call.events());
    task = call.taskId;
  }
  await using again = await restarted(folder.path, { effect: 'read' });
  expect(await events(again.core, task)).toEqual(before);
  for (let after = 0; after <= before.length; after++) {
    expect(await Array.fromAsync(again.core.exchange.call('default', task)!.events(after))).toEqual(
      before.slice(after),
    );
  }
  expect(again.core.exchange.live.size).toBe(0);
  expect(again.calls).toHaveLength(0);
});
