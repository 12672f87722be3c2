import { describe, expect, test } from 'vitest';
import { data, text } from '../kernel/body.ts';
import { until } from '../kernel/testing.ts';
import { openTestCore, temporaryFolder, toolCall, type TestCore } from '../main/testing.ts';

interface Page {
  readonly tasks: { readonly id: string; readonly from: string; readonly state: string }[];
  readonly total: number;
  readonly next?: string;
}

const list = (core: TestCore, input = {}, session = core.admin) =>
  core.operate<Page & object>('tasks.list', input, session);

/** Every page of a list, one after the other. */
async function pages(core: TestCore, input: object, session = core.admin): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await list(core, { ...input, ...(cursor === undefined ? {} : { cursor }) }, session);
    ids.push(...page.tasks.map(({ id }) => id));
    if (page.next === undefined) return ids;
    cursor = page.next;
  }
}

describe('a list of tasks', () => {
  test('holds the caller’s own, or everybody’s for who oversees them; page by page, each once', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    core.tool('read', { effect: 'read' });
    const [alice, bob, operator] = [
      await core.service('alice', 'caller'),
      await core.service('bob', 'caller'),
      await core.service('olga', 'operator'),
    ];
    const sent: Record<string, string[]> = { alice: [], bob: [] };
    for (let n = 0; n < 7; n++) {
      for (const [name, session] of [
        ['alice', alice],
        ['bob', bob],
      ] as const) {
        const call = await core.exchange.send(session, {
          ...toolCall('read', { n }),
          conversationId: n < 3 ? 'early' : 'late',
        });
        await call.ended;
        sent[name]!.unshift(call.taskId);
      }
    }
    for (const limit of [1, 2, 3, 7, 8, 500]) {
      expect(await pages(core, { limit }, alice)).toEqual(sent['alice']);
      expect(await pages(core, { limit, from: 'service:bob' }, operator)).toEqual(sent['bob']);
      // Who oversees nothing cannot look into another's list by asking for it.
      expect(await pages(core, { limit, from: 'service:bob' }, alice)).toEqual(sent['alice']);
      expect(await pages(core, { limit, conversation: 'early' }, bob)).toEqual(sent['bob']!.slice(4));
      const everything = await pages(core, { limit, agent: 'notes' }, operator);
      expect(everything).toHaveLength(14);
      expect(new Set(everything)).toEqual(new Set([...sent['alice']!, ...sent['bob']!]));
    }
    expect((await list(core, { state: 'failed' }, alice)).tasks).toEqual([]);
  });

  test('of everybody is in the order of their own: latest change first, whoever sent them', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    core.tool('read', { effect: 'read' });
    const release = new Map<string, () => void>();
    core.tool('wait', {
      effect: 'read',
      async *deliver({ message }) {
        await new Promise<void>((resolve) => release.set(message.taskId, resolve));
        yield { type: 'done', body: data({}) };
      },
    });
    const senders = await Promise.all(['alice', 'bob', 'carol'].map((name) => core.service(name, 'caller')));
    const early = await core.exchange.send(senders[0]!, toolCall('wait'));
    await until(() => release.has(early.taskId));
    const ids: string[] = [];
    for (let n = 0; n < 9; n++) {
      const call = await core.exchange.send(senders[n % 3]!, toolCall('read', { n }));
      await call.ended;
      ids.unshift(call.taskId);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const order = async (limit: number): Promise<string[]> =>
      (await pages(core, { limit, agent: 'notes' })).filter((id) => id === early.taskId || ids.includes(id));
    for (const limit of [1, 2, 4, 500]) expect(await order(limit)).toEqual([...ids, early.taskId]);
    // A change brings a task to the front, and pages that have begun go on where they were.
    const first = await list(core, { limit: 4, agent: 'notes' });
    release.get(early.taskId)!();
    await early.ended;
    expect(await order(3)).toEqual([early.taskId, ...ids]);
    const rest: string[] = [];
    for (let cursor = first.next; cursor !== undefined;) {
      const page = await list(core, { limit: 4, agent: 'notes', cursor });
      rest.push(...page.tasks.map(({ id }) => id));
      cursor = page.next;
    }
    expect([...first.tasks.map(({ id }) => id), ...rest]).toEqual(ids);
  });

  test('says how many there are, on every page', async () => {
    using folder = temporaryFolder();
    {
      await using core = await openTestCore(folder.path);
      core.tool('read', { effect: 'read' });
      const [alice, bob] = [await core.service('alice', 'caller'), await core.service('bob', 'caller')];
      for (let n = 0; n < 5; n++) await (await core.exchange.send(alice, toolCall('read', { n }))).ended;
      await (
        await core.exchange.send(bob, { ...toolCall('read'), conversationId: 'b' })
      ).ended;
      const page = await list(core, { limit: 2 }, alice);
      expect(page).toMatchObject({ total: 5 });
      expect(await list(core, { limit: 2, cursor: page.next! }, alice)).toMatchObject({ total: 5 });
      expect(await list(core, { from: 'service:bob' })).toMatchObject({ total: 1 });
      expect(await list(core, { from: 'service:nobody' })).toMatchObject({ total: 0, tasks: [] });
      expect(await list(core, { conversation: 'b' })).toMatchObject({ total: 1 });
      expect(await list(core, { agent: 'notes', limit: 1 })).toMatchObject({ total: 6 });
      expect(await list(core, { state: 'failed' })).toMatchObject({ total: 0 });
    }
    await using core = await openTestCore(folder.path);
    // Everything that changes something is a task, what this test did as operator as well.
    const { total } = await list(core, {});
    expect(total).toBe((await pages(core, { limit: 3 })).length);
    expect(total).toBeGreaterThanOrEqual(6);
  });

  test('looks through so many tasks for one page and no more, and goes on from there', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const { journal } = core.exchange;
    const head = (n: number) => ({
      message: `m${n}`,
      from: 'service:many',
      fromName: 'many',
      to: 'tool:x/y',
      action: 'call',
      edge: 'http',
      assignee: n === 0 ? 'rare' : 'x',
      scopes: [],
      depth: 0,
      effect: 'read',
      idempotent: false,
    });
    const settled = { type: 'done', state: 'completed', effect: 'none' };
    await Promise.all(
      Array.from({ length: 10_050 }, (_, n) => {
        const task = `t${String(n).padStart(6, '0')}`;
        const entries = [
          { kind: 'accept', task, n: 1, head: head(n) },
          { kind: 'settle', task, n: 2, head: settled },
        ];
        return journal.commit({ tenant: 'default', entries });
      }),
    );
    const first = await list(core, { agent: 'rare', from: 'service:many' });
    expect(first).toMatchObject({ tasks: [], total: 0, at_least: true, next: expect.any(String) });
    const second = await list(core, { agent: 'rare', from: 'service:many', cursor: first.next! });
    expect(second.tasks).toMatchObject([{ id: 't000000' }]);
    expect(second.next).toBeUndefined();
    expect(await list(core, { from: 'service:many' })).toMatchObject({ total: 10_050 });
    expect(await list(core, { from: 'service:many' })).not.toHaveProperty('at_least');
  }, 60_000);

  test.for(['zzz', 'token:', 'task', '12:', '-', ':'])(
    'refuses a cursor that it has not handed out: "%s"',
    async (cursor) => {
      using folder = temporaryFolder();
      await using core = await openTestCore(folder.path);
      await core.service('alice', 'caller');
      await expect(list(core, { cursor })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('cursor'),
      });
    },
  );
});

describe('a task', () => {
  test('shows its events page by page, however many they are', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    core.tool('talk', {
      effect: 'read',
      async *deliver() {
        for (let progress = 1; progress <= 10_500; progress++) yield { type: 'progress', progress };
        yield { type: 'done', body: data({}) };
      },
    });
    const call = await core.exchange.send(core.admin, toolCall('talk'));
    await call.ended;
    const seen: number[] = [];
    for (let after: number | undefined = 0; after !== undefined;) {
      const page: { events: { n: number }[]; next?: number } = await core.operate('tasks.get', {
        task: call.taskId,
        after,
        limit: 4_000,
      });
      expect(page.events.length).toBeLessThanOrEqual(4_000);
      seen.push(...page.events.map(({ n }) => n));
      after = page.next;
    }
    expect(seen).toEqual(Array.from({ length: 10_502 }, (_, index) => index + 1));
    expect((await core.operate<{ events: object[] }>('tasks.get', { task: call.taskId })).events).toHaveLength(1_000);
    expect(await core.operate('tasks.get', { task: call.taskId, after: 10_502 })).toEqual(
      expect.not.objectContaining({ next: expect.anything() }),
    );
    // Whoever follows it is given all of them as well.
    let last = 0;
    for await (const { n } of core.exchange.call('default', call.taskId)!.events()) last = n;
    expect(last).toBe(10_502);
    await expect(core.operate('tasks.get', { task: call.taskId, limit: 10_001 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  }, 60_000);

  test('is seen and canceled by its caller, its assignee and operators, and does not exist for others', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const scout = await core.agent('scout', {
      async *deliver({ signal }) {
        yield { type: 'working' };
        if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    const other = await core.agent('other');
    const [alice, bob, operator] = [
      await core.service('alice', 'caller'),
      await core.service('bob', 'caller'),
      await core.service('olga', 'operator'),
    ];
    const reasons = { caller: alice, assignee: scout.session, operator };
    for (const [reason, who] of Object.entries(reasons)) {
      const call = await core.exchange.send(alice, { to: 'agent:scout', action: 'invoke', body: data({}) });
      await until(() => call.last?.type === 'working');
      const task = call.taskId;
      for (const stranger of [bob, other.session]) {
        await expect(core.operate('tasks.get', { task }, stranger)).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
        await expect(core.operate('tasks.cancel', { task }, stranger)).rejects.toMatchObject({
          code: 'TASK_NOT_FOUND',
        });
      }
      expect(await core.operate('tasks.get', { task, after: 1 }, who)).toMatchObject({
        task: { id: task, state: 'working', from: 'service:alice' },
        events: [{ n: 2, type: 'working' }],
      });
      expect(await core.operate('tasks.cancel', { task }, who)).toMatchObject({
        task: { id: task, state: 'canceled' },
      });
      expect(await call.ended).toMatchObject({ type: 'canceled', reason });
      await expect(core.operate('tasks.cancel', { task }, who)).rejects.toMatchObject({ code: 'TASK_NOT_CANCELABLE' });
    }
    await expect(core.operate('tasks.get', { task: 'unknown' })).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
  });
});

describe('an operation', () => {
  test('names the field of a wrong input', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    await expect(core.operate('tokens.create', { name: 'two words' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/^tokens\.create: name: /),
      details: { issues: [{ path: 'name' }] },
    });
    await expect(core.operate('agents.get', {})).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('agent'),
    });
    await expect(core.operate('no.such')).rejects.toMatchObject({ code: 'UNKNOWN_TARGET' });
  });

  test('that reads leaves one entry, and no task; one that writes is a task like any other', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const before = core.entries().length;
    await core.operate('agents.list');
    expect(
      core
        .entries()
        .slice(before)
        .map(({ kind, head }) => [kind, head['from'], head['to']]),
    ).toEqual([['read', 'user:admin', 'operation:agents.list']]);
    await core.operate('tokens.create', { name: 'bob' });
    expect(
      core
        .entries()
        .slice(before + 1)
        .map(({ kind }) => kind),
    ).toEqual(['accept', 'settle', 'token.create']);
  });
});

test('a signal crosses the guards, leaves an entry and makes no task', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path, {
    policies: {
      'open.cedar':
        '@id("open") permit (principal, action, resource);\n@id("never") forbid (principal, action == Action::"signal", resource) when { context.arguments has secret };',
    },
  });
  const heard: unknown[] = [];
  const scout = await core.agent('scout', {
    async *deliver(call) {
      heard.push(call.message.body);
      yield { type: 'done', body: text('') };
    },
  });
  const other = await core.agent('other');
  const signal = (input: { [name: string]: string }) =>
    core.exchange.signal(other.session, { to: 'agent:scout', action: 'signal', body: data(input) });
  await signal({ type: 'OFFER' });
  expect(heard).toEqual([data({ type: 'OFFER' })]);
  expect(core.entries(['signal'])).toMatchObject([
    { head: { from: other.did, to: `agent:${scout.did}`, action: 'signal' } },
  ]);
  expect(core.exchange.live.size).toBe(0);
  await expect(signal({ secret: 'x' })).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  await core.operate('kills.kill', { scope: 'agent:scout' });
  await expect(signal({ type: 'OFFER' })).rejects.toMatchObject({ code: 'KILLED' });
  expect(heard).toHaveLength(1);
  expect(core.entries(['signal'])).toHaveLength(1);
});
