import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { describe, expect, test } from 'vitest';
import { data, text, type Part } from '../../kernel/body.ts';
import type { Principal } from '../../kernel/principal.ts';
import { until } from '../../kernel/testing.ts';
import { openTestCore, temporaryFolder, toolCall, type TestCore } from '../../main/testing.ts';

const ADMIN = '@id("admin") permit (principal in Role::"admin", action, resource);\n';

/** A core whose callers may do what this text says. */
const withPolicy = (folder: string, text: string) => openTestCore(folder, { policies: { 'test.cedar': ADMIN + text } });

/** Sends and returns the end; a denial is returned as its code. */
async function outcome(core: TestCore, session: TestCore['admin'], input = {}): Promise<unknown> {
  try {
    const call = await core.exchange.send(session, toolCall('write', input));
    return await call.ended;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('a decision', () => {
  test(`denies by default, and says what would be needed ${claim('G-POLICY.deny')}`, async () => {
    using folder = temporaryFolder();
    await using core = await withPolicy(
      folder.path,
      '@id("bob") permit (principal == Service::"service:bob", action, resource);',
    );
    const calls = core.tool('write');
    const alice = await core.service('alice', 'caller');
    const sent = core.exchange.send(alice, toolCall('write'));
    await expect(sent).rejects.toMatchObject({ code: 'PERMISSION_DENIED', message: expect.stringContaining('permit') });
    expect(calls).toHaveLength(0);
    expect(core.entries(['deny']).at(-1)?.head).toMatchObject({
      guard: 'policy',
      code: 'PERMISSION_DENIED',
      from: 'service:alice',
      to: 'tool:notes/write',
      policies: [],
    });
    expect(await outcome(core, await core.service('bob'))).toMatchObject({ type: 'done' });
  });

  test(`lets a forbid win over every permit, and names it ${claim('G-POLICY.deny')}`, async () => {
    using folder = temporaryFolder();
    await using core = await withPolicy(
      folder.path,
      '@id("all") permit (principal, action, resource);\n@id("no-erasing") forbid (principal, action, resource) when { context.arguments has erase };',
    );
    core.tool('write');
    const alice = await core.service('alice', 'caller');
    expect(await outcome(core, alice)).toMatchObject({ type: 'done' });
    const refused = core.exchange.send(alice, toolCall('write', { erase: true }));
    await expect(refused).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      details: { policies: [{ id: 'no-erasing', file: 'test.cedar', line: 3 }] },
    });
    expect(core.entries(['deny']).at(-1)?.head).toMatchObject({ policies: ['no-erasing'] });
  });

  test(`denies when a policy cannot be evaluated ${claim('G-POLICY.deny')}`, async () => {
    using folder = temporaryFolder();
    await using core = await withPolicy(
      folder.path,
      '@id("all") permit (principal, action, resource);\n@id("large") forbid (principal, action, resource) when { context.arguments has amount && context.arguments.amount > 100 };',
    );
    core.tool('write');
    const alice = await core.service('alice', 'caller');
    expect(await outcome(core, alice, { amount: 100 })).toMatchObject({ type: 'done' });
    expect(await outcome(core, alice, { amount: 101 })).toBe('PERMISSION_DENIED');
    expect(await outcome(core, alice, { amount: 'a lot' })).toBe('PERMISSION_DENIED');
    expect(await outcome(core, alice, { amount: 0.5 })).toBe('PERMISSION_DENIED');
  });

  test(`sees every part and the metadata of a message, and so do those who approve ${claim('G-POLICY.content')}`, async () => {
    using folder = temporaryFolder();
    await using core = await withPolicy(
      folder.path,
      '@id("join") permit (principal is Agent, action == Action::"operate", resource);\n' +
        '@id("ask") @approve("operators") permit (principal in Role::"caller", action == Action::"invoke", resource);\n' +
        '@id("small") forbid (principal, action == Action::"invoke", resource) when { context.arguments has amount && context.arguments.amount > 100 };\n' +
        '@id("no-override") forbid (principal, action == Action::"invoke", resource) when { context.arguments has metadata && context.arguments.metadata has override && context.arguments.metadata.override == true };',
    );
    await core.agent('bob');
    const alice = await core.service('alice', 'caller');
    const send = (parts: readonly Part[], metadata?: JsonObject) =>
      core.exchange.send(alice, {
        to: 'agent:bob',
        action: 'invoke',
        body: { type: 'a2a', value: { parts, ...(metadata ? { metadata } : {}) } },
      });
    for (const sent of [
      send([{ data: { amount: 101 } }]),
      send([{ data: { amount: 101 } }, { data: {} }]),
      send([{ text: 'pay' }, { data: { amount: 101 } }, { raw: 'AAAA' }]),
      send([{ data: { amount: 1 } }], { override: true }),
    ])
      await expect(sent).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    await expect(send([{ data: { amount: 1 } }, { data: { amount: 101 } }])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    const parts = [{ data: { amount: 1 } }, { text: 'no, 101' }, { url: 'http://x/y' }];
    const waiting = await send(parts, { note: 'n' });
    const { asks } = await core.operate<{ asks: JsonObject[] }>('asks.list');
    expect(asks).toMatchObject([
      { arguments: { amount: 1, text: 'no, 101\nhttp://x/y', parts, metadata: { note: 'n' } } },
    ]);
    // Other metadata is another call, which nobody has agreed to.
    expect((await send(parts, { note: 'n' })).taskId).toBe(waiting.taskId);
    expect((await send(parts, { note: 'm' })).taskId).not.toBe(waiting.taskId);
  });

  test('is not asked about a message that gives one argument two values, whether it looks at that or not', async () => {
    using folder = temporaryFolder();
    await using core = await withPolicy(folder.path, '@id("all") permit (principal, action, resource);');
    await core.agent('bob');
    const parts = [{ data: { amount: 1 } }, { data: { amount: 2 } }];
    const alice = await core.service('alice', 'caller');
    await expect(
      core.exchange.send(alice, { to: 'agent:bob', action: 'invoke', body: { type: 'a2a', value: { parts } } }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test(`is made for everybody in a delegation: rights intersect ${claim('G-POLICY.chain')}`, async () => {
    using folder = temporaryFolder();
    const policy =
      '@id("agents") permit (principal is Agent, action, resource);\n@id("callers") permit (principal in Role::"caller", action, resource);\n@id("noted") @log("on behalf") permit (principal in Role::"caller", action, resource);';
    await using core = await withPolicy(folder.path, policy);
    core.tool('write');
    const scout = await core.agent('scout');
    const [alice, nobody] = [
      await core.service('alice', 'caller'),
      core.as({ ...(await core.service('nobody')).principal, roles: [] }),
    ];
    const onBehalf = (behind: Principal) => core.as({ ...scout.session.principal, onBehalfOf: behind });
    expect(await outcome(core, onBehalf(alice.principal))).toMatchObject({ type: 'done' });
    expect(core.entries(['accept']).at(-1)?.head).toMatchObject({
      policies: ['agents', 'callers', 'noted'],
      notes: ['on behalf'],
    });
    expect(await outcome(core, onBehalf(nobody.principal))).toBe('PERMISSION_DENIED');
    expect(await outcome(core, onBehalf({ ...alice.principal, onBehalfOf: nobody.principal }))).toBe(
      'PERMISSION_DENIED',
    );
  });

  test('asks strangers who they are, and does not log each of them', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    core.tool('read', { effect: 'read' });
    const before = core.entries().length;
    const stranger = core.as({ kind: 'none' });
    await expect(core.exchange.send(stranger, toolCall('read'))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await expect(core.operate('tasks.list', {}, stranger)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await expect(core.operate('kills.kill', { scope: 'global' }, stranger)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    expect(core.entries()).toHaveLength(before);
  });

  test('sees an operation as what it is, also after it has been explained', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const alice = await core.service('alice', 'caller');
    await core.operate('policies.explain', { principal: 'service:alice', to: 'operation:tokens.list' });
    await expect(core.operate('tokens.list', {}, alice)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  });
});

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

describe('the policy files', () => {
  test(`that are broken at the start let nothing pass but an administrator's steering ${claim('G-POLICY.broken')}`, async () => {
    using folder = temporaryFolder();
    const logged: string[] = [];
    await using core = await openTestCore(folder.path, {
      policies: { 'broken.cedar': 'permit (principal, action resource);' },
      log: (level, message) => logged.push(`${level} ${message}`),
    });
    core.tool('read', { effect: 'read' });
    expect(logged).toEqual([expect.stringMatching(/^error policies are invalid, so nothing is permitted/)]);
    await expect(core.exchange.send(core.admin, toolCall('read'))).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      message: expect.stringContaining('No valid policy'),
    });
    await expect(core.operate('agents.list')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    const operator = core.as({ ...core.admin.principal, id: 'user:olga', roles: ['operator'] });
    await expect(core.operate('kills.kill', { scope: 'global' }, operator)).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
    });
    await core.operate('kills.kill', { scope: 'server:notes' });
    await core.operate('kills.release', { scope: 'server:notes' });
    expect(await core.operate('policies.check')).toMatchObject({
      valid: false,
      errors: [{ file: 'broken.cedar', line: 1, column: expect.any(Number), message: expect.any(String) }],
    });
    await core.operate('policies.put', {
      name: 'broken.cedar',
      text: '@id("all") permit (principal, action, resource);',
    });
    expect(await (await core.exchange.send(core.admin, toolCall('read'))).ended).toMatchObject({ type: 'done' });
  });

  test(`take effect when they are edited; broken ones leave the last valid set in force and say where ${claim('G-POLICY.live')}`, async () => {
    using folder = temporaryFolder();
    const logged: { message: string; errors?: unknown }[] = [];
    await using core = await openTestCore(folder.path, {
      policies: { 'test.cedar': `${ADMIN}@id("all") permit (principal, action == Action::"call", resource);` },
      log: (_, message, fields) => logged.push({ message, errors: fields?.['errors'] }),
    });
    core.tool('write');
    const alice = await core.service('alice', 'caller');
    const edit = (content: string): void => writeFileSync(join(folder.path, 'policies', 'test.cedar'), content);
    expect(await outcome(core, alice)).toMatchObject({ type: 'done' });
    edit(ADMIN);
    await until(() => logged.length > 0);
    expect(logged[0]).toMatchObject({ message: 'policies reloaded' });
    expect(await outcome(core, alice)).toBe('PERMISSION_DENIED');
    edit(`${ADMIN}\n  permit (principal, action == Action::"cal", resource);`);
    await until(() => logged.length > 1);
    expect(logged[1]).toMatchObject({
      message: expect.stringContaining('policies on disk are invalid'),
      errors: [{ file: 'test.cedar', line: 3, column: expect.any(Number) }],
    });
    expect(await outcome(core, alice)).toBe('PERMISSION_DENIED');
    expect(await outcome(core, core.admin)).toMatchObject({ type: 'done' });
    expect(await core.operate('policies.list')).toMatchObject({
      error: { code: 'POLICY_INVALID' },
      policies: [{ id: 'admin' }],
    });
  });
});
