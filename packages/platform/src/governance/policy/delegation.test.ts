import { claim } from '@aip/conformance';
import { describe, expect, test } from 'vitest';
import { text } from '../../kernel/body.ts';
import type { Session } from '../../kernel/session.ts';
import { verifyFolder } from '../../main/audit.ts';
import { openTestCore, temporaryFolder, toolCall, type TestAgent } from '../../main/testing.ts';

/** Agents may call each other and write; callers may only call agents and read. */
const POLICIES = `
@id("admins") permit (principal in Role::"admin", action, resource);
@id("connecting") permit (principal is Agent, action == Action::"operate", resource == Operation::"agents.connect");
@id("agents") permit (principal is Agent, action in [Action::"invoke", Action::"call"], resource);
@id("callers") permit (principal in Role::"caller", action == Action::"invoke", resource);
@id("callers-read") permit (principal in Role::"caller", action == Action::"call", resource)
when { resource.effect == "read" };
@id("not-for-bob") forbid (principal is Agent, action == Action::"call", resource)
when { context has onBehalfOf && context.onBehalfOf.id == "service:bob" };
`;

/** What alice has to have agreed to by a person, whoever does it for her. */
const ASKED = `@id("asked") @approve("operators") permit (principal == Service::"service:alice", action, resource == Tool::"notes/ask");`;

async function opened(folder: string, policies: Readonly<Record<string, string>> = { 'starter.cedar': POLICIES }) {
  const core = await openTestCore(folder, { policies });
  core.tool('read', { effect: 'read' });
  core.tool('ask', { effect: 'read' });
  core.tool('write');
  const hold = Promise.withResolvers<void>();
  /** An agent that works on everything it is given until the end of the test. */
  const agent = (name: string): Promise<TestAgent> =>
    core.agent(name, {
      async *deliver() {
        await hold.promise;
        yield { type: 'done', body: text('done') };
      },
    });
  const ask = async (from: Session, name: string, parentId?: string): Promise<string> => {
    const parent = parentId === undefined ? {} : { parentId };
    return (await core.exchange.send(from, { to: `agent:${name}`, action: 'invoke', body: text('?'), ...parent }))
      .taskId;
  };
  const use = (from: Session, tool: string, parentId?: string): Promise<unknown> =>
    core.exchange
      .send(from, { ...toolCall(tool), ...(parentId === undefined ? {} : { parentId }) })
      .then((call) => call.ended);
  return { core, agent, ask, use, release: () => hold.resolve() };
}

describe(`an agent that works on a task ${claim('G-POLICY.chain')}`, () => {
  test('may do what it and everybody it acts for may, as the exchange knows and not as it says', async () => {
    using folder = temporaryFolder();
    const { core, agent, ask, use, release } = await opened(folder.path);
    await using _core = core;
    const [scout, alice] = [await agent('scout'), await core.service('alice', 'caller')];
    const forAlice = await ask(alice, 'scout');
    expect(await use(scout.session, 'read', forAlice)).toMatchObject({ type: 'done' });
    await expect(use(scout.session, 'write', forAlice)).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      message: expect.stringMatching(
        /on behalf of service:alice, who has to be permitted it as well\. No policy permits Service::"service:alice" to/,
      ),
    });
    // In its own name, and for somebody who may, it does.
    expect(await use(scout.session, 'write')).toMatchObject({ type: 'done' });
    expect(await use(scout.session, 'write', await ask(core.admin, 'scout'))).toMatchObject({ type: 'done' });

    expect(core.entries(['deny']).at(-1)?.head).toMatchObject({ from: scout.did, onBehalfOf: ['service:alice'] });
    const accepted = core.entries(['accept']).filter(({ head }) => head['action'] === 'call');
    expect(accepted.map(({ head }) => head['onBehalfOf'])).toEqual([['service:alice'], undefined, ['user:admin']]);
    release();
  });

  test('is seen by policies with whom it acts for, and with the whole chain behind on record', async () => {
    using folder = temporaryFolder();
    const { core, agent, ask, use, release } = await opened(folder.path);
    await using _core = core;
    const [scout, scribe] = [await agent('scout'), await agent('scribe')];
    const [alice, bob] = [await core.service('alice', 'caller'), await core.service('bob', 'caller')];
    await expect(use(scout.session, 'read', await ask(bob, 'scout'))).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      details: { policies: [expect.objectContaining({ id: 'not-for-bob' })] },
    });
    const second = await ask(scout.session, 'scribe', await ask(alice, 'scout'));
    expect(await use(scribe.session, 'read', second)).toMatchObject({ type: 'done' });
    await expect(use(scribe.session, 'write', second)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    expect(core.entries(['accept']).at(-1)?.head).toMatchObject({
      from: scribe.did,
      onBehalfOf: [scout.did, 'service:alice'],
    });
    release();
  });

  test('does nothing more for somebody whose token has been revoked, while its task is ending', async () => {
    using folder = temporaryFolder();
    const { core, agent, ask, use, release } = await opened(folder.path);
    await using _core = core;
    const scout = await agent('scout');
    const { token, id } = await core.operate<{ token: string; id: string }>('tokens.create', {
      name: 'alice',
      roles: ['caller'],
    });
    const forAlice = await ask(core.as({ kind: 'bearer', token }), 'scout');
    await core.operate('tokens.revoke', { id });
    // Who works on it may say what has been done until it has ended, and nothing else.
    await expect(use(scout.session, 'read', forAlice)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    release();
  });

  test.for([
    ['still may', 'done', undefined],
    ['has left', 'canceled', 'revoked'],
  ] as const)(
    'is decided with whom it acts for when a call has waited for a person, over a restart: alice %s',
    async ([, type, reason]) => {
      using folder = temporaryFolder();
      const policies = { 'asked.cedar': `${POLICIES}\n${ASKED}` };
      let [taskId, id] = ['', ''];
      {
        const { core, agent, ask, release } = await opened(folder.path, policies);
        await using _core = core;
        const scout = await agent('scout');
        const alice = await core.operate<{ token: string; id: string }>('tokens.create', {
          name: 'alice',
          roles: ['caller'],
        });
        ({ id } = alice);
        const parentId = await ask(core.as({ kind: 'bearer', token: alice.token }), 'scout');
        ({ taskId } = await core.exchange.send(scout.session, { ...toolCall('ask'), parentId }));
        release();
      }
      await using core = await openTestCore(folder.path);
      core.tool('ask', { effect: 'read' });
      const call = core.exchange.call('default', taskId)!;
      const { asks } = await core.operate<{ asks: { id: string }[] }>('asks.list');
      if (reason) await core.operate('tokens.revoke', { id });
      else await core.operate('asks.answer', { ask: asks[0]!.id, verdict: 'approve' });
      expect(await call.ended).toMatchObject({ type, ...(reason ? { reason } : {}) });
      if (!reason) expect(core.entries(['accept']).at(-1)?.head).toMatchObject({ onBehalfOf: ['service:alice'] });
      expect((await verifyFolder(folder.path))[0]!.problems).toEqual([]);
    },
  );
});

test('a refusal says whom it is about by name, and which connection is missing', async () => {
  using folder = temporaryFolder();
  const { core, agent, ask, release } = await opened(folder.path, {
    'starter.cedar': `
@id("admins") permit (principal in Role::"admin", action, resource);
@id("connecting") permit (principal is Agent, action == Action::"operate", resource == Operation::"agents.connect");
@id("alice") permit (principal == Service::"service:alice", action == Action::"invoke", resource);
@id("alice-not-c") forbid (principal == Service::"service:alice", action, resource)
when { resource has name && resource.name == "c" };`,
  });
  await using _core = core;
  const [a, b, c, alice] = [
    await agent('a'),
    await agent('b'),
    await agent('c'),
    await core.service('alice', 'caller'),
  ];
  for (const [from, to] of ['ab', 'bc'])
    await core.operate('policies.connect', { from: from!, to: to!, protocol: 'ioap' });
  await expect(ask(b.session, 'c', await ask(a.session, 'b'))).rejects.toMatchObject({
    code: 'PERMISSION_DENIED',
    message: `This would be done on behalf of a, who has to be permitted it as well. No policy permits a (Agent::"${a.did}") to invoke c (Agent::"${c.did}"). "aip connect a c" permits it.`,
  });
  await expect(ask(b.session, 'c', await ask(alice, 'b'))).rejects.toMatchObject({
    message: `This would be done on behalf of service:alice, who has to be permitted it as well. Policy "alice-not-c" (starter.cedar:5) forbids Service::"service:alice" to invoke c (Agent::"${c.did}").`,
  });
  await core.operate('policies.connect', { from: 'a', to: 'c', protocol: 'ioap' });
  expect(await ask(b.session, 'c', await ask(a.session, 'b'))).toEqual(expect.any(String));
  release();
});
