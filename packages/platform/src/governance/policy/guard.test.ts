import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { describe, expect, test } from 'vitest';
import type { Part } from '../../kernel/body.ts';
import type { Principal } from '../../kernel/principal.ts';
import { until } from '../../kernel/testing.ts';
import { openTestCore, temporaryFolder, toolCall } from '../../main/testing.ts';
import { ADMIN, withPolicy, outcome } from './governed.testing.ts';

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
