import { claim } from '@aip/conformance';
import { describe, expect, test } from 'vitest';
import { data, text } from '../../kernel/body.ts';
import type { StoredEntry } from '../../kernel/journal.ts';
import type { RouteCall } from '../../kernel/route.ts';
import { rounds, until } from '../../kernel/testing.ts';
import { verifyFolder } from '../../main/audit.ts';
import { all, openTestCore, temporaryFolder, toolCall, type TestCore } from '../../main/testing.ts';
import type { KillProof } from './proof.ts';

/** Everything is permitted, so that only the kill switch stands in the way. */
const OPEN = { policies: { 'open.cedar': '@id("open") permit (principal, action, resource);' } };

interface StopView {
  readonly received_at: string;
}

const kill = (core: TestCore, scope: string, reason = 'test') =>
  core.operate<{ durable: boolean; sessions_closed: number; tasks_stopped: number }>('kills.kill', { scope, reason });
const release = (core: TestCore, scope: string) => core.operate('kills.release', { scope, reason: 'over' });

/** Works until it is canceled, then ends as most routes do: without a result. */
async function* untilAborted({ signal }: RouteCall): AsyncGenerator<{ type: 'working' }> {
  yield { type: 'working' };
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

/** Messages that entered a scope while it was stopped, by the order of the log alone. */
function slippedThrough(entries: readonly StoredEntry[]): StoredEntry[] {
  const stopped = new Set<string>();
  return entries.filter(({ kind, head }) => {
    if (kind === 'kill') stopped.add(head['scope'] as string);
    if (kind === 'release') stopped.delete(head['scope'] as string);
    const enters = kind === 'accept' || kind === 'park' || kind === 'signal';
    return enters && head['plane'] !== 'control' && (head['scopes'] as string[]).some((scope) => stopped.has(scope));
  });
}

describe('a kill', () => {
  test.for([
    'global',
    'tenant:default',
    'protocol:http',
    'agent:service:alice',
    'server:notes',
    'capability:write',
    'session',
  ])(`stops a scope and nothing beside it, until it is released ${claim('G-KILL.scopes')}: %s`, async (kind) => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, OPEN);
    core.tool('write');
    const alice = await core.service('alice', 'caller');
    const scope = kind === 'session' ? `session:${alice.id}` : kind;
    await kill(core, scope);
    await expect(core.exchange.send(alice, toolCall('write'))).rejects.toMatchObject({
      code: 'KILLED',
      details: { scope },
    });
    // Another caller, over another protocol, to another target.
    const [agent, bob] = [
      await core.service('agent', 'caller'),
      core.as({ ...alice.principal, id: 'service:bob' }, 'mcp'),
    ];
    expect(agent.id).not.toBe(bob.id);
    core.exchange.catalogue.put('other', [
      {
        ...core.exchange.catalogue.resolve('tool:notes/write'),
        address: 'tool:other/read',
        name: 'read',
        owner: 'other',
      },
    ]);
    core.exchange.routes.bind('other', {
      reach: 'remote',
      async *deliver() {
        yield { type: 'done', body: text('ok') };
      },
    });
    const beside = core.exchange.send(bob, { to: 'tool:other/read', action: 'call', body: data({}) });
    if (kind === 'global' || kind.startsWith('tenant')) await expect(beside).rejects.toMatchObject({ code: 'KILLED' });
    else expect(await (await beside).ended).toMatchObject({ type: 'done' });
    await release(core, scope);
    expect(await (await core.exchange.send(alice, toolCall('write'))).ended).toMatchObject({ type: 'done' });
  });

  test(`of an agent, by name, stops what it does and what it is asked to do ${claim('G-KILL.scopes')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, OPEN);
    core.tool('write');
    const scout = await core.agent('scout');
    await kill(core, 'agent:scout');
    await expect(
      core.exchange.send(core.admin, { to: 'agent:scout', action: 'invoke', body: data({}) }),
    ).rejects.toMatchObject({ code: 'KILLED' });
    await expect(core.exchange.send(scout.session, toolCall('write'))).rejects.toMatchObject({ code: 'KILLED' });
    await expect(core.operate('agents.connect', {}, scout.session)).rejects.toMatchObject({ code: 'KILLED' });
    expect(await core.operate('kills.list')).toMatchObject({
      kills: [{ scope: `agent:${scout.did}`, mode: 'kill', reason: 'test', by: 'user:admin' }],
    });
  });

  test(`closes the sessions in its scope and cancels the tasks, and lets no more of their output out ${claim('G-KILL.stop')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, OPEN);
    core.tool('write', {
      async *deliver(call) {
        yield* untilAborted(call);
        yield { type: 'output', body: text('too late') };
        yield { type: 'done', body: text('too late') };
      },
    });
    const alice = await core.service('alice', 'caller');
    const closed: string[] = [];
    const { sessions } = core.exchange;
    const own = sessions.attach({
      principal: alice.principal,
      edge: 'ioap',
      close: (code, why) => closed.push(`alice ${code} ${why}`),
    });
    sessions.attach({ principal: core.admin.principal, edge: 'ioap', close: (code) => closed.push(`admin ${code}`) });
    const call = await core.exchange.send(own, toolCall('write'));
    const other = await core.exchange.send(core.admin, toolCall('write', { other: true }));
    const working = { state: 'working' };
    await expect
      .poll(() => [call, other].map(({ taskId }) => core.exchange.journal.read.row('default', `task:${taskId}`)))
      .toMatchObject([working, working]);
    expect(await kill(core, 'agent:service:alice')).toMatchObject({
      sessions_closed: 1,
      tasks_stopped: 1,
      durable: true,
    });
    expect(closed).toEqual(['alice KILLED agent:service:alice is stopped: test. An operator can release it.']);
    const events = await all(call.events());
    expect(events.map((event) => event.type)).toEqual(['submitted', 'working', 'canceled']);
    expect(events.at(-1)).toMatchObject({ reason: 'kill', effect: 'applied' });
    expect(core.exchange.live.has(other.taskId)).toBe(true);
    other.cancel('caller');
    await other.ended;
  });

  test(`reaches what makes no task: signals on their way, for whoever sent them ${claim('G-KILL.stop')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, OPEN);
    const aborted: unknown[] = [];
    const scout = await core.agent('scout', {
      async *deliver(call) {
        yield* untilAborted(call);
        aborted.push(call.signal.reason);
      },
    });
    const [alice, bob] = [await core.service('alice', 'caller'), await core.service('bob', 'caller')];
    const [hers, his] = [alice, bob].map((session) =>
      core.exchange.signal(session, { to: `agent:${scout.did}`, action: 'signal', body: data({}) }),
    );
    hers!.catch(() => {});
    his!.catch(() => {});
    await until(() => core.entries(['signal']).length === 2);
    expect(await kill(core, 'agent:service:alice')).toMatchObject({ tasks_stopped: 0 });
    await expect(hers).rejects.toMatchObject({ code: 'KILLED' });
    expect(aborted).toEqual(['kill']);
    await kill(core, 'agent:scout');
    await expect(his).rejects.toMatchObject({ code: 'KILLED' });
    expect(aborted).toEqual(['kill', 'kill']);
  });

  test('ends what ends by itself as canceled, with its effect unknown', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, OPEN);
    core.tool('write', { deliver: untilAborted });
    const call = await core.exchange.send(core.admin, toolCall('write'));
    await kill(core, 'server:notes');
    expect(await call.ended).toMatchObject({ type: 'canceled', reason: 'kill', effect: 'unknown' });
  });

  test.for([
    ['agent:service:alice', 3],
    ['agent:scout', 3],
    ['agent:scribe', 2],
    ['session', 3],
  ] as const)(
    `reaches what is done on behalf of what it stops ${claim('G-KILL.delegation')}: %s`,
    async ([kind, reached]) => {
      using folder = temporaryFolder();
      await using core = await openTestCore(folder.path, OPEN);
      const deep = core.tool('write', { deliver: untilAborted });
      const delegate = (to: 'agent:scribe' | 'tool:notes/write', me: () => Awaited<ReturnType<TestCore['agent']>>) =>
        async function* (call: RouteCall) {
          const child = await core.exchange.send(me().session, {
            to,
            action: to.startsWith('agent') ? 'invoke' : 'call',
            body: data({}),
            parentId: call.message.taskId,
          });
          await child.ended;
          yield { type: 'done', body: text('done') } as const;
        };
      const scribe = await core.agent('scribe', { deliver: delegate('tool:notes/write', () => scribe) });
      const scout = await core.agent('scout', { deliver: delegate('agent:scribe', () => scout) });
      const alice = await core.service('alice', 'caller');
      const call = await core.exchange.send(alice, { to: 'agent:scout', action: 'invoke', body: data({}) });
      await until(() => deep.length === 1);
      expect(core.exchange.live.size).toBe(3);
      await kill(core, kind === 'session' ? `session:${alice.id}` : kind);
      await until(() => deep[0]!.signal.aborted);
      await until(() => core.exchange.live.size === 0);
      const ends = core.entries(['settle']).filter((entry) => entry.head['type'] === 'canceled');
      expect(ends.map((entry) => entry.head['reason'])).toEqual(Array(reached).fill('kill'));
      expect((await call.ended).type).toBe(reached === 3 ? 'canceled' : 'done');
    },
  );

  test(`lets control operations through, so that it can be released ${claim('G-KILL.scopes')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const caller = await core.service('alice', 'caller');
    await kill(core, 'global');
    await expect(core.operate('agents.list', {}, caller)).rejects.toMatchObject({ code: 'KILLED' });
    // Whoever decides on the release can look.
    await core.operate('agents.list');
    await core.operate('kills.list');
    await release(core, 'global');
    await core.operate('agents.list', {}, caller);
  });

  test('is pressed by whoever is on duty, and released by an admin', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const [operator, caller] = [await core.service('olga', 'operator'), await core.service('alice', 'caller')];
    await expect(core.operate('kills.kill', { scope: 'global' }, caller)).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
    });
    await expect(core.operate('agents.list', {}, caller)).resolves.toBeDefined();
    await core.operate('kills.kill', { scope: 'global' }, operator);
    await expect(core.operate('kills.release', { scope: 'global' }, operator)).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
    });
    await release(core, 'global');
  });

  test('of an agent names it: to whoever is refused, in the list, and once it has been removed', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, OPEN);
    const { did } = await core.agent('hello');
    await kill(core, 'agent:hello');
    await expect(
      core.exchange.send(core.admin, { to: `agent:${did}`, action: 'invoke', body: text('hi') }),
    ).rejects.toMatchObject({
      code: 'KILLED',
      message: `agent:${did} (hello) is stopped: test. An operator can release it.`,
    });
    const stop = { scope: `agent:${did}`, name: 'hello' };
    expect(await core.operate('kills.list')).toMatchObject({ kills: [stop] });
    await core.operate('agents.remove', { agent: 'hello' });
    expect(await core.operate('kills.list')).toMatchObject({ kills: [stop] });
    expect(await verifyFolder(folder.path)).toMatchObject([{ ok: true, kills: [stop] }]);
  });

  test('of something that does not exist, or that is not stopped, is a mistake that is named', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    await expect(kill(core, 'agent:nobody')).rejects.toMatchObject({ code: 'UNKNOWN_AGENT' });
    await expect(kill(core, 'everything')).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('expected global'),
    });
    await expect(release(core, 'server:notes')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(core.operate('kills.proof', { scope: 'server:notes' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(core.entries(['kill', 'release'])).toEqual([]);
  });

  test('of what is stopped as much already changes nothing: the first one’s time and reason stay, and one release ends both', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, OPEN);
    const first = await core.operate<StopView>('kills.kill', { scope: 'server:notes', reason: 'it loops' });
    expect(first).toMatchObject({ already: false, mode: 'kill', reason: 'it loops' });
    for (const mode of ['kill', 'pause'] as const)
      expect(await core.operate<StopView>(`kills.${mode}`, { scope: 'server:notes', reason: 'again' })).toMatchObject({
        already: true,
        mode: 'kill',
        reason: 'it loops',
        received_at: first.received_at,
      });
    expect(await core.operate<KillProof & object>('kills.proof', { scope: 'server:notes' })).toMatchObject({
      reason: 'it loops',
      kill: { received_at: Date.parse(first.received_at) },
    });
    expect(core.entries(['kill'])).toHaveLength(3);
    await release(core, 'server:notes');
    const alice = await core.service('alice', 'caller');
    core.tool('write');
    expect(await (await core.exchange.send(alice, toolCall('write'))).ended).toMatchObject({ type: 'done' });
  });

  test('takes the place of a pause', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, OPEN);
    await core.operate('kills.pause', { scope: 'server:notes', reason: 'wait' });
    expect(await core.operate('kills.kill', { scope: 'server:notes', reason: 'stop' })).toMatchObject({
      already: false,
      mode: 'kill',
      reason: 'stop',
    });
    core.tool('write');
    await expect(core.exchange.send(await core.service('alice', 'caller'), toolCall('write'))).rejects.toMatchObject({
      code: 'KILLED',
    });
  });

  test(`is in force after a restart ${claim('G-KILL.durable')}`, async () => {
    using folder = temporaryFolder();
    {
      await using core = await openTestCore(folder.path, OPEN);
      await kill(core, 'server:notes');
    }
    await using core = await openTestCore(folder.path);
    core.tool('write');
    await expect(core.exchange.send(core.admin, toolCall('write'))).rejects.toMatchObject({ code: 'KILLED' });
    await release(core, 'server:notes');
    expect(await (await core.exchange.send(core.admin, toolCall('write'))).ended).toMatchObject({ type: 'done' });
  });
});

test('one release ends every stop of its scope, in the proof as well', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path, OPEN);
  await core.operate('kills.pause', { scope: 'server:notes', reason: 'first' });
  await kill(core, 'server:notes');
  await release(core, 'server:notes');
  const { seq } = core.entries(['release'])[0]!;
  expect((await verifyFolder(folder.path))[0]!.kills.map(({ released }) => released)).toEqual([seq, seq]);
});

test('a pause refuses what is new and lets end what is under way', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path, OPEN);
  const go = Promise.withResolvers<void>();
  core.tool('write', {
    async *deliver() {
      await go.promise;
      yield { type: 'done', body: text('in time') };
    },
  });
  const call = await core.exchange.send(core.admin, toolCall('write'));
  await until(() => core.exchange.live.size === 1);
  await core.operate('kills.pause', { scope: 'server:notes' });
  await expect(core.exchange.send(core.admin, toolCall('write'))).rejects.toMatchObject({ code: 'PAUSED' });
  go.resolve();
  expect(await call.ended).toMatchObject({ type: 'done' });
});

describe('the log', () => {
  test(`itself refuses whatever slips past the gate into a stopped scope ${claim('G-KILL.proof')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, OPEN);
    core.tool('write');
    const call = await core.exchange.send(core.admin, toolCall('write'));
    await call.ended;
    const head = core.entries(['accept']).find((entry) => entry.task === call.taskId)!.head;
    await kill(core, 'server:notes');
    const ask = { id: 'ask', of: 'operators', kind: 'approval', body: {} };
    for (const entry of [
      { kind: 'accept', task: 'slipped', n: 1, head },
      { kind: 'park', task: 'slipped', n: 1, head: { ...head, ask, argumentsHash: '' } },
      { kind: 'signal', head },
    ]) {
      expect(await core.exchange.journal.commit({ tenant: 'default', entries: [entry] })).toMatchObject({
        ok: false,
        error: { code: 'KILLED' },
      });
    }
    await release(core, 'server:notes');
    expect(
      await core.exchange.journal.commit({ tenant: 'default', entries: [{ kind: 'signal', head }] }),
    ).toMatchObject({ ok: true });
  });

  test(`proves the last message before a kill, and that none followed ${claim('G-KILL.proof')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, OPEN);
    core.tool('write');
    const first = await core.exchange.send(core.admin, toolCall('write', { n: 1 }));
    const last = await core.exchange.send(core.admin, toolCall('write', { n: 2 }));
    await core.operate('tokens.create', { name: 'beside' });
    await kill(core, 'server:notes');
    for (let i = 0; i < 3; i++) await core.exchange.send(core.admin, toolCall('write')).catch(() => {});
    const proof = await core.operate<KillProof & object>('kills.proof', { scope: 'server:notes' });
    expect(proof).toMatchObject({ accepted_since: 0, refused_since: 3, last_accept: { message: last.message!.id } });
    expect(proof.last_accept!.message).not.toBe(first.message!.id);
    expect(proof.last_accept!.at - proof.kill.received_at).toBe(proof.last_accept!.after_ms);
    expect(proof.kill.seq).toBeGreaterThan(proof.last_accept!.seq);
  });

  test(`holds no message between a kill and its release, however they race ${claim('G-KILL.proof')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, {
      policies: {
        'race.cedar':
          '@id("open") permit (principal, action, resource);\n@id("ask") @approve("operators") permit (principal, action, resource) when { context.arguments has park };',
      },
    });
    let stopped = false;
    const strayed: string[] = [];
    core.tool('write', {
      async *deliver(call) {
        if (stopped) strayed.push(call.message.id);
        yield { type: 'done', body: text('ok') };
      },
    });
    core.exchange.catalogue.put('peer', [
      {
        ...core.exchange.catalogue.resolve('tool:notes/write'),
        kind: 'agent',
        address: 'agent:peer',
        name: 'peer',
        owner: 'peer',
      },
    ]);
    core.exchange.routes.bind('peer', { reach: 'local', async *deliver() {} });
    const alice = await core.service('alice', 'caller');
    const scopes = ['global', 'agent:service:alice', `session:${alice.id}`];
    for (let round = 0; round < rounds(50); round++) {
      const scope = scopes[round % scopes.length] as string;
      const send = async (i: number): Promise<unknown> => {
        // Spread over several turns of the event loop, so that they fall on every step of the kill.
        for (let turn = 0; turn < i % 7; turn++) await new Promise((resolve) => setImmediate(resolve));
        if (i % 5 === 0) return core.exchange.send(alice, toolCall('write', { park: `${round}-${i}` }));
        if (i % 5 === 1) return core.exchange.signal(alice, { to: 'agent:peer', action: 'signal', body: data({}) });
        return core.exchange.send(alice, toolCall('write', { round, i }));
      };
      const sends = Promise.allSettled(Array.from({ length: 20 }, (_, i) => send(i)));
      await new Promise((resolve) => setTimeout(resolve, round % 3));
      await kill(core, scope);
      stopped = true;
      const late = await Promise.allSettled(Array.from({ length: 5 }, (_, i) => send(i)));
      expect(late.map((outcome) => outcome.status)).toEqual(Array(5).fill('rejected'));
      await sends;
      stopped = false;
      await release(core, scope);
    }
    expect(slippedThrough(core.entries())).toEqual([]);
    expect(strayed).toEqual([]);
    // The race was one: some got in before the kill, some were refused by it.
    expect(core.entries(['accept', 'signal', 'park']).length).toBeGreaterThan(rounds(50) * 3);
    expect(core.entries(['deny']).length).toBeGreaterThan(rounds(50) * 3);
  }, 60_000);
});

describe('when the log cannot be written', () => {
  test(`nothing is executed, and refusals are refusals still ${claim('G-KILL.disk-full')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const calls = core.tool('read', { effect: 'read' });
    const [alice, nobody] = [await core.service('alice', 'caller'), await core.service('nobody')];
    const roleless = core.as({ ...nobody.principal, roles: [] });
    const emptyDisk = core.fillDisk();
    await expect(core.exchange.send(alice, toolCall('read'))).rejects.toMatchObject({ code: 'DISK_FULL' });
    await expect(core.exchange.send(roleless, toolCall('read'))).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    await expect(core.operate('agents.list')).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(calls).toHaveLength(0);
    emptyDisk();
    expect(await (await core.exchange.send(alice, toolCall('read'))).ended).toMatchObject({ type: 'done' });
  });

  test(`a kill is in force, says that it is not durable, and becomes so ${claim('G-KILL.disk-full')}`, async () => {
    using folder = temporaryFolder();
    {
      await using core = await openTestCore(folder.path, OPEN);
      const calls = core.tool('write', { deliver: untilAborted });
      const alice = await core.service('alice', 'caller');
      const closed: string[] = [];
      const session = core.exchange.sessions.attach({
        principal: alice.principal,
        edge: 'ioap',
        close: (code) => closed.push(code),
      });
      const call = await core.exchange.send(session, toolCall('write'));
      await until(() => calls.length === 1);
      const emptyDisk = core.fillDisk();
      expect(await kill(core, 'agent:service:alice', 'first')).toMatchObject({
        durable: false,
        sessions_closed: 1,
        tasks_stopped: 1,
      });
      expect(await kill(core, 'agent:service:alice', 'second')).toMatchObject({ durable: false });
      expect(closed[0]).toBe('KILLED');
      expect(calls[0]!.signal.aborted).toBe(true);
      expect((await call.ended).state).toMatch(/failed|canceled/);
      await expect(core.exchange.send(alice, toolCall('write'))).rejects.toMatchObject({ code: 'KILLED' });
      expect(core.entries(['kill'])).toEqual([]);
      emptyDisk();
      await until(() => core.entries(['kill']).length === 2, 10_000);
      expect(core.entries(['kill']).map((entry) => entry.head['reason'])).toEqual(['first', 'second']);
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      expect(core.entries(['kill'])).toHaveLength(2);
    }
    await using core = await openTestCore(folder.path);
    const alice = core.as({
      id: 'service:alice',
      kind: 'service',
      name: 'alice',
      tenant: 'default',
      assurance: 'token',
      roles: ['caller'],
    });
    core.tool('write');
    await expect(core.exchange.send(alice, toolCall('write'))).rejects.toMatchObject({ code: 'KILLED' });
    await release(core, 'agent:service:alice');
    expect(await (await core.exchange.send(alice, toolCall('write'))).ended).toMatchObject({ type: 'done' });
  }, 20_000);

  test('what was accepted just before, but not yet under way, is not begun', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, OPEN);
    const calls = core.tool('write');
    const alice = await core.service('alice', 'caller');
    // The kill is ordered while the accept is on its way to the disk.
    const sending = core.exchange.send(alice, toolCall('write'));
    const killing = kill(core, 'server:notes');
    const call = await sending;
    await killing;
    expect(await call.ended).toMatchObject({ type: 'failed', effect: 'none', error: { code: 'KILLED' } });
    expect(calls).toHaveLength(0);
  });
});

test('a stop of a protocol that does not exist, which would stop nothing, is refused', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path, OPEN);
  await expect(kill(core, 'protocol:http2')).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('there are http, mcp'),
  });
  expect(await kill(core, 'protocol:a2a')).toMatchObject({ durable: true });
});

describe(`an answer to a task under a stop ${claim('G-KILL.answers')}`, () => {
  const question = { type: 'asked', ask: { id: 'q', of: 'caller', kind: 'input', body: {} } } as const;
  async function asked(core: TestCore) {
    core.tool('write', {
      async *deliver(call) {
        yield question;
        yield { type: 'done', body: await call.answer('q') };
      },
    });
    const alice = await core.service('alice', 'caller');
    const call = await core.exchange.send(alice, toolCall('write'));
    await until(() => call.last?.type === 'asked');
    return { call, answer: () => core.exchange.answer(alice, call.taskId, 'q', text('blue')) };
  }

  test('waits for the release of a pause, and the refusal is on record', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, OPEN);
    const { call, answer } = await asked(core);
    await core.operate('kills.pause', { scope: 'server:notes', reason: 'test' });
    await expect(answer()).rejects.toMatchObject({ code: 'PAUSED', details: { scope: 'server:notes' } });
    expect(core.entries(['deny']).at(-1)?.head).toMatchObject({ guard: 'gate', code: 'PAUSED' });
    await release(core, 'server:notes');
    await answer();
    expect(await call.ended).toMatchObject({ type: 'done', body: text('blue') });
  });

  test(`is a message like any other for the proof of a stop ${claim('G-KILL.proof')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, OPEN);
    const { call, answer } = await asked(core);
    await answer();
    await call.ended;
    await kill(core, 'server:notes');
    const proof = await core.operate<KillProof & object>('kills.proof', { scope: 'server:notes' });
    const { seq } = core.entries(['event']).find(({ head }) => head['type'] === 'answered')!;
    expect(proof.last_accept).toMatchObject({ seq });
    expect((await verifyFolder(folder.path))[0]!.kills.at(-1)!.last_accept).toMatchObject({ seq });
  });

  test('does not follow the stop in the log, whatever stands in memory', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, OPEN);
    const { call, answer } = await asked(core);
    const head = { scope: 'server:notes', mode: 'pause', reason: 'test', by: 'op', received_at: 0, message: 'm' };
    await core.exchange.journal.commit({ tenant: 'default', entries: [{ kind: 'kill', head }] });
    await expect(answer()).rejects.toMatchObject({ code: 'PAUSED' });
    expect(call.last).toMatchObject({ type: 'asked' });
    await release(core, 'server:notes');
    await answer();
    expect(await call.ended).toMatchObject({ type: 'done', body: text('blue') });
  });
});
