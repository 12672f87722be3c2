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

  test('of an agent with itself, or with one that nobody knows, is a mistake', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const scout = await core.agent('scout');
    await expect(
      core.operate('policies.connect', { from: 'scout', to: scout.did, protocol: 'ioap' }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('are one agent') });
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

test('check warns of ids that nobody here has, and says which was meant', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path);
  const { did } = await core.agent('scout');
  await core.service('ci', 'caller');
  const text = `
// Service::"nobody" in a comment is nobody's business.
forbid (principal == Service::"ci", action, resource);
permit (principal, action, resource)
when { principal == User::"admin" || principal == Agent::"${did}" || principal == User::"user:https://a:ann" };
permit (principal == Agent::"scout", action, resource in Agent::"did:key:z6MkGone");
permit (principal == Service::"service:ci", action, resource);`;
  const { valid, warnings } = await core.operate<{ valid: boolean; warnings: unknown[] }>('policies.check', {
    files: [{ name: 'x.cedar', text }],
  });
  const warning = (line: number, column: number, id: string, meant?: string) => ({
    file: 'x.cedar',
    line,
    column,
    message: `nobody here has the id ${id}`,
    ...(meant === undefined ? {} : { hint: `did you mean ${meant}?` }),
  });
  expect(valid).toBe(true);
  expect(warnings).toEqual([
    warning(3, 22, 'Service::"ci"', 'Service::"service:ci"'),
    warning(5, 21, 'User::"admin"', 'User::"user:admin"'),
    warning(6, 22, 'Agent::"scout"', `Agent::"${did}"`),
    warning(6, 58, 'Agent::"did:key:z6MkGone"'),
  ]);
  expect(await core.operate('policies.check')).toMatchObject({ warnings: [] });
});

describe('an explanation', () => {
  interface Answer {
    readonly decision: { readonly effect: string; readonly message: string };
    readonly wouldPermit: string[];
  }

  test('is about whoever is meant, however it is put', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const [a, c] = [await core.agent('a'), await core.agent('c', { capabilities: [{ name: 'go' }] })];
    await core.service('ci', 'caller');
    const explain = (principal: string) => core.operate<Answer>('policies.explain', { principal, to: 'skill:c/go' });
    const denied = `No policy permits a (Agent::"${a.did}") to invoke c/go (Skill::"${c.did}/go"). "aip connect a c" permits it.`;
    for (const name of ['a', 'agent:a', a.did, `agent:${a.did}`]) {
      const { decision, wouldPermit } = await explain(name);
      expect(decision.message, name).toBe(denied);
      expect(wouldPermit[0], name).toBe('aip connect a c');
    }
    for (const name of ['service:ci', 'user:admin', 'admin'])
      expect((await explain(name)).decision.effect, name).toBe('permit');
    expect((await explain('user:https://login.example:ann')).decision.message).toContain('User::"user:https://');
    for (const [name, meant] of [
      ['agent:cii', 'service:ci'],
      ['service:a', 'a'],
      ['user:admi', 'admin'],
    ] as const)
      await expect(explain(name), name).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringContaining(`Did you mean ${meant}?`),
      });
    // What makes the call possible is what the next explanation goes by.
    await core.operate('policies.connect', { from: 'a', to: 'c', protocol: 'a2a' });
    expect((await explain('agent:a')).decision.effect).toBe('permit');
  });
});
