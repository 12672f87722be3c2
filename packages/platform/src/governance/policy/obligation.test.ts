import { claim } from '@aip/conformance';
import { describe, expect, test } from 'vitest';
import { data, text } from '../../kernel/body.ts';
import { until } from '../../kernel/testing.ts';
import { openTestCore, temporaryFolder, toolCall } from '../../main/testing.ts';
import { ADMIN, withPolicy, outcome } from './governed.testing.ts';

describe('an obligation', () => {
  test(`to keep a rate refuses what goes beyond it, for each principal ${claim('G-POLICY.obligations')}`, async () => {
    using folder = temporaryFolder();
    await using core = await withPolicy(
      folder.path,
      '@id("some") @rate("2/h") permit (principal, action == Action::"call", resource);',
    );
    const calls = core.tool('write');
    const [alice, bob] = [await core.service('alice', 'caller'), await core.service('bob', 'caller')];
    expect([
      await outcome(core, alice, { n: 1 }),
      await outcome(core, alice, { n: 2 }),
      await outcome(core, alice, { n: 3 }),
    ]).toMatchObject([{ type: 'done' }, { type: 'done' }, 'RATE_LIMITED']);
    await expect(core.exchange.send(alice, toolCall('write'))).rejects.toMatchObject({
      details: { policy: 'some', retry_after_ms: expect.any(Number) },
    });
    expect(await outcome(core, bob)).toMatchObject({ type: 'done' });
    expect(calls).toHaveLength(3);
    expect(core.entries(['deny']).at(-1)?.head).toMatchObject({ guard: 'policy', code: 'RATE_LIMITED' });
  });

  test(`to keep a rate counts a call that waits once, however often it is retried ${claim('G-POLICY.retries')}`, async () => {
    using folder = temporaryFolder();
    await using core = await withPolicy(
      folder.path,
      '@id("some") @rate("2/h") @approve("operators") permit (principal, action == Action::"call", resource);',
    );
    const calls = core.tool('write');
    const alice = await core.service('alice', 'caller');
    const first = await core.exchange.send(alice, toolCall('write', { n: 1 }));
    const second = await core.exchange.send(alice, toolCall('write', { n: 2 }));
    for (let retry = 0; retry < 5; retry++)
      expect((await core.exchange.send(alice, toolCall('write', { n: 1 }))).taskId).toBe(first.taskId);
    await expect(core.exchange.send(alice, toolCall('write', { n: 3 }))).rejects.toMatchObject({
      code: 'RATE_LIMITED',
    });
    const { asks } = await core.operate<{ asks: { id: string }[] }>('asks.list');
    for (const { id } of asks) await core.operate('asks.answer', { ask: id, verdict: 'approve' });
    for (const call of [first, second]) expect(await call.ended).toMatchObject({ type: 'done' });
    expect((await core.exchange.send(alice, toolCall('write', { n: 1 }))).taskId).toBe(first.taskId);
    expect(calls).toHaveLength(2);
  });

  test('to keep a rate counts a retry that nothing makes wait any more', async () => {
    using folder = temporaryFolder();
    await using core = await withPolicy(
      folder.path,
      '@id("some") @rate("2/h") @approve("operators") permit (principal, action == Action::"call", resource);',
    );
    core.tool('write');
    const alice = await core.service('alice', 'caller');
    await core.exchange.send(alice, toolCall('write'));
    await core.operate('policies.put', {
      name: 'test.cedar',
      text: '@id("some") @rate("2/h") permit (principal, action == Action::"call", resource);',
    });
    expect(await outcome(core, alice)).toMatchObject({ type: 'done' });
    expect(await outcome(core, alice)).toBe('RATE_LIMITED');
  });

  test(`to leave a note puts it into the record ${claim('G-POLICY.obligations')}`, async () => {
    using folder = temporaryFolder();
    await using core = await withPolicy(
      folder.path,
      '@id("noted") @log("looked at by audit") permit (principal, action == Action::"call", resource);',
    );
    core.tool('write');
    const alice = await core.service('alice', 'caller');
    await outcome(core, alice);
    const [accept] = core.entries(['accept']).filter(({ head }) => head['from'] === 'service:alice');
    expect(accept?.head).toMatchObject({ policies: ['noted'], notes: ['looked at by audit'] });
  });

  test(`to redact holds for all that a call says, in the log as well ${claim('G-POLICY.obligations')}`, async () => {
    using folder = temporaryFolder();
    await using core = await withPolicy(
      folder.path,
      '@id("clean") @redact("result.token") permit (principal, action == Action::"call", resource);',
    );
    core.tool('write', {
      async *deliver() {
        yield { type: 'output', body: data({ token: 's3cret', n: 1 }) };
        yield { type: 'log', level: 'info', data: text('the token is s3cret') };
        yield { type: 'done', body: data({ token: 's3cret', name: 'Ann' }) };
      },
    });
    const call = await core.exchange.send(await core.service('alice', 'caller'), toolCall('write'));
    expect(await call.ended).toMatchObject({ type: 'done', body: data({ name: 'Ann' }) });
    expect(JSON.stringify(await Array.fromAsync(call.events()))).not.toContain('s3cret');
    expect(
      core
        .entries()
        .map((entry) => entry.text + (entry.body ?? ''))
        .join(''),
    ).not.toContain('s3cret');
  });

  test(`to redact what has no fields ends the call, and shows nothing ${claim('G-POLICY.obligations')}`, async () => {
    using folder = temporaryFolder();
    await using core = await withPolicy(
      folder.path,
      '@id("clean") @redact("token") permit (principal, action == Action::"call", resource);',
    );
    core.tool('write', {
      async *deliver() {
        yield { type: 'done', body: text('the token is s3cret') };
      },
    });
    const end = await outcome(core, await core.service('alice', 'caller'));
    expect(end).toMatchObject({ type: 'failed', effect: 'unknown', error: { code: 'PERMISSION_DENIED' } });
    expect(JSON.stringify(end)).not.toContain('s3cret');
  });

  test('to redact holds for what the platform itself answers', async () => {
    using folder = temporaryFolder();
    await using core = await withPolicy(
      folder.path,
      '@id("clean") @redact("agents.did") permit (principal, action == Action::"operate", resource);',
    );
    await core.agent('scout');
    const { agents } = await core.operate<{ agents: object[] }>(
      'agents.list',
      {},
      await core.service('alice', 'caller'),
    );
    expect(agents).toMatchObject([{ name: 'scout' }]);
    expect(agents[0]).not.toHaveProperty('did');
  });

  test('to redact holds for a step that is delivered again after a restart', async () => {
    using folder = temporaryFolder();
    const policy = {
      policies: {
        'test.cedar': `${ADMIN}@id("clean") @redact("token") permit (principal, action == Action::"call", resource);`,
      },
    };
    let task: string;
    {
      await using core = await openTestCore(folder.path, policy);
      core.tool('read', {
        effect: 'read',
        async *deliver() {
          yield { type: 'working' };
          await new Promise(() => {});
        },
      });
      const call = await core.exchange.send(await core.service('alice', 'caller'), toolCall('read'));
      await until(() => call.last?.type === 'working');
      task = call.taskId;
    }
    await using core = await openTestCore(folder.path, { recover: false });
    core.tool('read', {
      effect: 'read',
      async *deliver() {
        yield { type: 'done', body: data({ token: 's3cret', n: 1 }) };
      },
    });
    core.core.recover();
    expect(await core.exchange.call('default', task)!.ended).toMatchObject({ type: 'done', body: data({ n: 1 }) });
  });

  test('adds up with those of all other permits', async () => {
    using folder = temporaryFolder();
    await using core = await withPolicy(
      folder.path,
      '@id("a") @log("one") permit (principal, action == Action::"call", resource);\n@id("b") @log("two") @approve("operators") permit (principal, action == Action::"call", resource);\n@id("c") permit (principal, action == Action::"call", resource);',
    );
    core.tool('write');
    const call = await core.exchange.send(await core.service('alice', 'caller'), toolCall('write'));
    expect(call.last).toMatchObject({ type: 'asked', ask: { body: { policy: 'b' } } });
    expect(core.entries(['park']).at(-1)?.head).toMatchObject({ notes: ['one', 'two'], policies: ['a', 'b', 'c'] });
    call.cancel('caller');
    await call.ended;
  });

  test('of the shortest approval counts when several permits want one', async () => {
    using folder = temporaryFolder();
    await using core = await withPolicy(
      folder.path,
      '@id("a") @approve("operators") @approve_expires("1h") permit (principal, action == Action::"call", resource);\n@id("b") @approve("operators") @approve_expires("5m") permit (principal, action == Action::"call", resource);',
    );
    core.tool('write');
    const call = await core.exchange.send(await core.service('alice', 'caller'), toolCall('write'));
    const asked = call.last;
    expect(asked?.type === 'asked' && asked.ask.expires! - asked.at).toBeLessThanOrEqual(300_000);
    call.cancel('caller');
    await call.ended;
  });
});
