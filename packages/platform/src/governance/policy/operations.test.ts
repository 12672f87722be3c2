import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { claim } from '@aip/conformance';
import { describe, expect, test } from 'vitest';
import { data } from '../../kernel/body.ts';
import { openTestCore, temporaryFolder } from '../../main/testing.ts';
import { CONNECTIONS_FILE } from './connection.ts';

describe('connecting two agents', () => {
  test(`permits one direction over one protocol, by a policy that anybody can read ${claim('G-POLICY.connect')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const [scout, scribe] = [await core.agent('scout'), await core.agent('scribe')];
    const ask = (from: typeof scout, to: string) =>
      core.exchange.send(from.session, { to: `agent:${to}`, action: 'invoke', body: data({}) });
    await expect(ask(scout, 'scribe')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    expect(await core.operate('policies.connect', { from: 'scout', to: 'scribe', protocol: 'ioap' })).toMatchObject({
      from: scout.did,
      to: scribe.did,
    });
    expect(await (await ask(scout, 'scribe')).ended).toMatchObject({ type: 'done' });
    await expect(ask(scribe, 'scout')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    const byMcp = core.as({ kind: 'signed', did: scout.did }, 'mcp');
    await expect(
      core.exchange.send(byMcp, { to: 'agent:scribe', action: 'invoke', body: data({}) }),
    ).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    expect(core.entries(['policy.connect'])).toHaveLength(1);
  });

  test('keeps every connection, however many are made at once, and each once', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) await core.agent(name);
    const pairs = names.flatMap((from) =>
      names.filter((to) => to !== from).map((to) => ({ from, to, protocol: 'a2a' })),
    );
    await Promise.all([...pairs, ...pairs].map((pair) => core.operate('policies.connect', pair)));
    const text = readFileSync(join(folder.path, 'policies', CONNECTIONS_FILE), 'utf8');
    expect(text.match(/^permit/gm)).toHaveLength(pairs.length);
    expect(await core.operate('policies.check')).toMatchObject({ valid: true });
  });

  test('of an agent that nobody knows is a mistake', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    await core.agent('scout');
    await expect(
      core.operate('policies.connect', { from: 'scout', to: 'nobody', protocol: 'a2a' }),
    ).rejects.toMatchObject({ code: 'UNKNOWN_AGENT' });
  });
});

test(`policies are listed, checked, explained and tested without a change to them ${claim('G-POLICY.operations')}`, async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path);
  core.tool('write');
  await core.service('alice', 'caller');
  const { policies, files } = await core.operate<{
    policies: { id: string; file: string; line: number }[];
    files: unknown[];
  }>('policies.list');
  expect(policies).toContainEqual(
    expect.objectContaining({
      id: 'admins-may-do-everything',
      effect: 'permit',
      file: 'starter.cedar',
      line: expect.any(Number),
    }),
  );
  expect(files).toHaveLength(1);
  expect(
    await core.operate('policies.check', { files: [{ name: 'x.cedar', text: 'permit (principal, action, resource' }] }),
  ).toMatchObject({ valid: false, errors: [{ file: 'x.cedar', line: 1 }] });
  const explained = JSON.stringify(
    await core.operate('policies.explain', { principal: 'service:alice', to: 'tool:notes/write' }),
  );
  expect(explained).toContain('callers-call-other-tools-after-approval');
  const cases = `
- name: alice writes
  principal: { entity: 'Service::"service:alice"', in: ['Role::"caller"'] }
  action: call
  resource: { entity: 'Tool::"notes/write"', attrs: { effect: write } }
  expect: permit`;
  expect(await core.operate('policies.test', { cases })).toMatchObject({ passed: 0, failed: 1 });
  expect(
    await core.operate('policies.test', { cases: cases.replace('expect: permit', 'expect: approve') }),
  ).toMatchObject({ passed: 1, failed: 0 });
  expect(core.entries().filter(({ kind }) => kind.startsWith('policy.'))).toEqual([]);
});

test('what is put in force is in the log: by whom, and word for word', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path);
  const text = '@id("new") forbid (principal, action == Action::"call", resource);';
  await core.operate('policies.put', { name: 'new.cedar', text });
  const [entry] = core.entries(['policy.put']);
  expect(entry?.head).toMatchObject({ name: 'new.cedar', by: 'user:admin' });
  expect(JSON.parse(core.exchange.journal.read.body(entry!)!)).toBe(text);
  await expect(core.operate('policies.put', { name: 'new.cedar', text: 'permit' })).rejects.toMatchObject({
    code: 'POLICY_INVALID',
  });
  expect(core.entries(['policy.put'])).toHaveLength(1);
});
