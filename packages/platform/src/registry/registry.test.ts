import { claim } from '@aip/conformance';
import { generateKeyPair, makeToken, parseToken, type JsonObject } from '@aip/wire';
import { describe, expect, test } from 'vitest';
import { oneShot } from '../exchange/index.ts';
import { data } from '../kernel/body.ts';
import { rounds, until } from '../kernel/testing.ts';
import { everyByte, openTestCore, temporaryFolder, toolCall, type TestCore } from '../main/testing.ts';
import { stranger, invite, connect, list } from './testing.ts';

describe('admission', () => {
  test(`takes more than a key: a stranger is turned away, and waits for an operator's word ${claim('P-REG.admission')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const scout = stranger(core);
    const { did } = { did: scout.principal.id };
    await expect(connect(core, scout, { name: 'scout' })).rejects.toMatchObject({
      code: 'NOT_ADMITTED',
      message: expect.stringContaining(did),
    });
    await expect(connect(core, scout, { name: 'scout' })).rejects.toMatchObject({ code: 'NOT_ADMITTED' });
    expect(core.entries(['agent.request'])).toHaveLength(1);
    expect(await list(core, { state: 'pending' })).toMatchObject([{ did, name: 'scout' }]);
    expect(await list(core)).toEqual([]);
    expect(await core.operate('agents.admit', { agent: did })).toEqual({ did, name: 'scout' });
    expect(await list(core, { state: 'pending' })).toEqual([]);
    expect(await connect(core, scout, { name: 'scout' })).toMatchObject({
      did,
      name: 'scout',
      state: 'connected',
      admitted_by: 'user:admin',
    });
  });

  test.for(['agent:scout', 'skill:scout/look'] as const)(
    `an agent that has just been admitted can be called at once: it is on its way ${claim('P-REG.admission')}: %s`,
    async (to) => {
      using folder = temporaryFolder();
      await using core = await openTestCore(folder.path);
      const scout = stranger(core);
      const { id: did } = scout.principal;
      await expect(connect(core, scout, { name: 'scout' })).rejects.toMatchObject({ code: 'NOT_ADMITTED' });
      await core.operate('agents.admit', { agent: did });
      const sent = core.exchange.send(core.admin, { to, action: 'invoke', body: data({}) });
      await connect(core, scout, { name: 'scout', capabilities: [{ name: 'look' }] });
      core.exchange.routes.bind(did, {
        reach: 'session',
        async *deliver() {
          yield { type: 'done', body: data('seen') };
        },
      });
      expect(await (await sent).ended).toMatchObject({ type: 'done', body: { value: 'seen' } });
    },
  );

  test(`lets nobody else do anything before it, and does not log each attempt ${claim('P-REG.admission')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    core.tool('read', { effect: 'read' });
    const before = core.entries().length;
    const scout = stranger(core);
    await expect(core.exchange.send(scout, toolCall('read'))).rejects.toMatchObject({ code: 'NOT_ADMITTED' });
    await expect(core.operate('agents.list', {}, scout)).rejects.toMatchObject({ code: 'NOT_ADMITTED' });
    expect(core.entries()).toHaveLength(before);
  });

  test(`by join token is for one agent, once, however many race for it ${claim('P-REG.join-token')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    for (let round = 0; round < rounds(10); round++) {
      const join_token = await invite(core);
      const racers = Array.from({ length: 4 }, () => stranger(core));
      const outcomes = await Promise.allSettled(
        racers.map((session, n) => connect(core, session, { name: `agent-${round}-${n}`, join_token })),
      );
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []))).toEqual(
        Array(3).fill('NOT_ADMITTED'),
      );
      await expect(connect(core, stranger(core), { join_token })).rejects.toMatchObject({ code: 'NOT_ADMITTED' });
    }
    // The losers are neither known nor here.
    expect(await list(core)).toHaveLength(rounds(10));
    expect(core.core.registry.present()).toHaveLength(rounds(10));
  }, 60_000);

  test(`by join token gives the name and the roles of the invitation ${claim('P-REG.join-token')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const session = stranger(core);
    const join_token = await invite(core, { name: 'scout', roles: ['caller'] });
    expect(await connect(core, session, { name: 'another', join_token })).toMatchObject({
      name: 'scout',
      roles: ['caller'],
      admitted_by: expect.stringMatching(/^join:/),
    });
    expect(await core.operate('agents.get', { agent: 'scout' })).toMatchObject({
      name: 'scout',
      roles: ['caller'],
      state: 'connected',
    });
    expect(core.as({ kind: 'signed', did: session.principal.id }).principal).toMatchObject({
      name: 'scout',
      roles: ['caller'],
    });
  });

  test.for([
    ['a made-up token', async () => 'aip_join_aaaaaaaaaaa_bbb', 'NOT_ADMITTED'],
    ['a token of another kind', (core: TestCore) => Promise.resolve(core.core.secrets.adminToken), 'NOT_ADMITTED'],
    [
      'an API token',
      async (core: TestCore) => (await core.operate<{ token: string }>('tokens.create', { name: 'x' })).token,
      'NOT_ADMITTED',
    ],
  ] as const)('by %s is refused', async ([, make, code]) => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    await expect(connect(core, stranger(core), { join_token: await make(core) })).rejects.toMatchObject({ code });
    expect(await list(core)).toEqual([]);
  });

  test('by an invitation that has expired is refused', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    await expect(core.operate('agents.invite', { expires_in: 59 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    const join_token = await invite(core, { expires_in: 60 });
    const { head } = core.entries(['agent.invite'])[0]!;
    // The commit itself looks at the clock: the invitation below is the same, but for its time.
    const id = `${head['id'] as string}x`;
    await core.exchange.journal.commit({
      tenant: 'default',
      entries: [{ kind: 'agent.invite', head: { ...head, id, expires: Date.now() - 1 } }],
    });
    const late = { kind: 'agent.admit', head: { did: 'did:key:late', name: 'late', roles: [], by: 'join', join: id } };
    expect(await core.exchange.journal.commit({ tenant: 'default', entries: [late] })).toMatchObject({
      ok: false,
      error: { code: 'NOT_ADMITTED' },
    });
    await connect(core, stranger(core), { join_token });
  });

  test('leaves no join token behind, in any file', async () => {
    using folder = temporaryFolder();
    const tokens: string[] = [];
    {
      await using core = await openTestCore(folder.path);
      tokens.push(await invite(core), await invite(core));
      await connect(core, stranger(core), { join_token: tokens[0] });
      await connect(core, stranger(core), { join_token: `${tokens[1]!.slice(0, -1)}x` }).catch(() => {});
    }
    const bytes = everyByte(folder.path);
    for (const token of tokens) expect(bytes).not.toContain(token.split('_')[3]);
  });
});

describe('a name', () => {
  test('belongs to one agent, whatever its case, until that agent is removed', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    await core.agent('scout');
    const second = stranger(core);
    const join_token = await invite(core);
    await expect(connect(core, second, { name: 'Scout', join_token })).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('Scout'),
    });
    expect(core.core.registry.present()).toHaveLength(1);
    // What was refused has not used up the token.
    expect(await connect(core, second, { name: 'other', join_token })).toMatchObject({ name: 'other' });
    await expect(connect(core, second, { name: 'SCOUT' })).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await core.operate('agents.get', { agent: 'other' })).toMatchObject({ did: second.principal.id });
    expect(await connect(core, second, { name: 'third' })).toMatchObject({ name: 'third' });
    await expect(core.operate('agents.get', { agent: 'other' })).rejects.toMatchObject({ code: 'UNKNOWN_AGENT' });
    await connect(core, stranger(core), { name: 'other', join_token: await invite(core) });
  });

  test(`of an agent that was removed is nobody’s until an operator says it ${claim('P-REG.names')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const scout = await core.agent('scout');
    await core.operate('agents.remove', { agent: 'scout' });
    const [heir, thief] = [stranger(core), stranger(core)];
    const join_token = await invite(core);
    const refused = { code: 'CONFLICT', message: expect.stringContaining('removed') };
    await expect(connect(core, thief, { name: 'Scout', join_token })).rejects.toMatchObject(refused);
    await connect(core, thief, { name: 'thief', join_token });
    await expect(connect(core, thief, { name: 'scout' })).rejects.toMatchObject(refused);
    // That it knocked under this name is its own word as well.
    await connect(core, heir, { name: 'scout' }).catch(() => {});
    await expect(core.operate('agents.admit', { agent: heir.principal.id })).rejects.toMatchObject(refused);
    await core.operate('agents.admit', { agent: heir.principal.id, name: 'scout' });
    expect(await core.operate('agents.get', { agent: 'scout' })).toMatchObject({ did: heir.principal.id });
    // With an operator's invitation it goes on, and back to whose it was it goes without.
    await core.operate('agents.remove', { agent: 'scout' });
    const invited = stranger(core);
    await connect(core, invited, { join_token: await invite(core, { name: 'scout' }) });
    await core.operate('agents.remove', { agent: invited.principal.id });
    expect(await core.operate('agents.admit', { agent: scout.did, name: 'scout' })).toMatchObject({ name: 'scout' });
  });

  test(`that an operator gave is not the agent’s to change; one that it chose itself is ${claim('P-REG.names')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const [invited, free] = [stranger(core), stranger(core)];
    await connect(core, invited, { name: 'anything', join_token: await invite(core, { name: 'scout' }) });
    await connect(core, free, { name: 'chosen', join_token: await invite(core) });
    expect(await connect(core, invited, { name: 'admin' })).toMatchObject({ name: 'scout' });
    expect(await connect(core, free, { name: 'changed' })).toMatchObject({ name: 'changed' });
    // The log decides, whatever the announcement says.
    const commit = (kind: string, head: JsonObject) =>
      core.exchange.journal.commit({
        tenant: 'default',
        entries: [{ kind, head: { ...head, did: invited.principal.id } }],
      });
    await commit('agent.connect', { name: 'admin', was: 'scout', card: {} });
    const { id: join } = parseToken(await invite(core, { name: 'ranger' }));
    expect(await commit('agent.admit', { name: 'boss', was: 'scout', roles: [], by: 'x', join })).toMatchObject({
      ok: false,
      error: { code: 'NOT_ADMITTED' },
    });
    expect((await list(core)).map(({ name }) => name).toSorted()).toEqual(['changed', 'scout']);
    await core.operate('agents.admit', { agent: free.principal.id, name: 'fixed' });
    expect(await connect(core, free, { name: 'changed' })).toMatchObject({ name: 'fixed' });
    // Admitted again without a name, it keeps the one it has.
    expect(await core.operate('agents.admit', { agent: free.principal.id })).toMatchObject({ name: 'fixed' });
    expect(await connect(core, free, { name: 'changed' })).toMatchObject({ name: 'fixed' });
  });

  test('is free again when an operator gives the agent another', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const scout = await core.agent('scout', { capabilities: [{ name: 'look' }] });
    await core.operate('agents.admit', { agent: scout.did, name: 'ranger', roles: ['caller'] });
    expect(await core.operate('agents.get', { agent: 'ranger' })).toMatchObject({
      did: scout.did,
      roles: ['caller'],
      capabilities: [{ name: 'look' }],
      state: 'connected',
    });
    await core.agent('scout');
  });
});

test(`a removed agent loses its sessions and its place, and has to be admitted again ${claim('P-REG.admission')}`, async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path);
  const scout = await core.agent('scout');
  const closed: string[] = [];
  core.exchange.sessions.attach({
    principal: scout.session.principal,
    edge: 'ioap',
    close: (code) => closed.push(code),
  });
  await core.operate('agents.remove', { agent: 'scout' });
  expect(closed).toEqual(['NOT_ADMITTED']);
  expect(await list(core)).toEqual([]);
  expect(core.core.registry.present()).toEqual([]);
  await expect(core.operate('agents.list', {}, scout.session)).rejects.toMatchObject({ code: 'NOT_ADMITTED' });
  await expect(
    core.exchange.send(core.admin, { to: `agent:${scout.did}`, action: 'invoke', body: data({}) }),
  ).rejects.toMatchObject({ code: 'UNKNOWN_AGENT' });
  await expect(connect(core, scout.session)).rejects.toMatchObject({ code: 'NOT_ADMITTED' });
  await core.operate('agents.admit', { agent: scout.did, name: 'scout' });
  expect(await list(core)).toMatchObject([{ name: 'scout', state: 'offline' }]);
  await expect(core.operate('agents.remove', { agent: 'nobody' })).rejects.toMatchObject({ code: 'UNKNOWN_AGENT' });
});

describe('a target', () => {
  test('that has changed since it was approved is not called', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const calls = core.tool('read', { effect: 'read', state: 'quarantined' });
    await expect(core.exchange.send(core.admin, toolCall('read'))).rejects.toMatchObject({ code: 'QUARANTINED' });
    expect(core.entries(['deny']).at(-1)?.head).toMatchObject({ guard: 'trust', code: 'QUARANTINED' });
    core.tool('read', { effect: 'read', state: 'gone' });
    await expect(core.exchange.send(core.admin, toolCall('read'))).rejects.toMatchObject({ code: 'UNKNOWN_TARGET' });
    expect(calls).toHaveLength(0);
  });
});

test('presence follows the last message, and ends with the connection', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path);
  core.tool('read', { effect: 'read' });
  const scout = await core.agent('scout', { roles: ['caller'] });
  const active = () => core.core.registry.present()[0]!.active;
  const before = active();
  await until(() => Date.now() > before + 5);
  await (
    await core.exchange.send(scout.session, toolCall('read'))
  ).ended;
  expect(active()).toBeGreaterThan(before);
  await core.operate('agents.disconnect', {}, scout.session);
  expect(core.core.registry.present()).toEqual([]);
});

test('strangers leave one entry each at most, however often they knock, and none with a token that does not fit', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path);
  const before = core.exchange.journal.read.size('default');
  const visitor = stranger(core);
  const knock = (input: object): Promise<unknown> => connect(core, visitor, input);
  for (let n = 0; n < 5; n++) await expect(knock({ name: 'visitor' })).rejects.toMatchObject({ code: 'NOT_ADMITTED' });
  for (let n = 0; n < 5; n++)
    await expect(knock({ join_token: makeToken('join').token })).rejects.toMatchObject({ code: 'NOT_ADMITTED' });
  expect(core.exchange.journal.read.size('default') - before).toBe(1);
  expect(core.entries(['agent.request'])).toHaveLength(1);
});

describe('knocks', () => {
  const knock = async (core: TestCore, address: string, did = generateKeyPair().did): Promise<string> => {
    const { principal } = core.as({ kind: 'signed', did });
    await connect(core, oneShot({ principal, edge: 'ioap', address }, 0), { name: 'x' }).catch(() => {});
    return did;
  };
  const waiting = async (core: TestCore): Promise<string[]> =>
    (await list(core, { state: 'pending' })).map(({ did }) => did);

  test(`of one network are so many that others are still heard ${claim('P-REG.admission')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, { flags: { rate: { per_second: 10_000, burst: 10_000 } } });
    await Promise.all(Array.from({ length: 60 }, (_, n) => knock(core, `2001:db8::${n}`)));
    expect(await waiting(core)).toHaveLength(50);
    const honest = [
      await knock(core, '192.0.2.1'),
      await knock(core, '::ffff:192.0.2.2'),
      await knock(core, '2001:db9::1'),
    ];
    expect((await waiting(core)).filter((did) => honest.includes(did))).toHaveLength(3);
    expect(everyByte(folder.path)).not.toContain('192.0.2.1');
  });

  test('are dismissed, one or all, and may come again', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const [first, second, third] = [await knock(core, 'a'), await knock(core, 'a'), await knock(core, 'b')];
    expect(await core.operate('agents.dismiss', { agent: first })).toEqual({ dismissed: 1 });
    await expect(core.operate('agents.dismiss', { agent: first })).rejects.toMatchObject({ code: 'UNKNOWN_AGENT' });
    expect((await waiting(core)).toSorted()).toEqual([second, third].toSorted());
    expect(await core.operate('agents.dismiss')).toEqual({ dismissed: 2 });
    expect(await waiting(core)).toEqual([]);
    await knock(core, 'a', first);
    expect(await waiting(core)).toEqual([first]);
  });
});

test(`the API tokens of a removed agent stay revoked when it comes back ${claim('P-REG.admission')}`, async () => {
  using folder = temporaryFolder();
  let token: string;
  {
    await using core = await openTestCore(folder.path);
    const { did } = await core.agent('scout', { roles: ['caller'] });
    ({ token } = await core.operate<{ token: string }>('tokens.create', { name: 'scout', agent: did }));
    await core.service('bystander', 'caller');
    core.as({ kind: 'bearer', token });
    await core.operate('agents.remove', { agent: did });
    await core.operate('agents.admit', { agent: did });
    expect(() => core.as({ kind: 'bearer', token })).toThrow(/revoked/);
    expect(await core.operate('tokens.list')).toMatchObject({ tokens: [{ name: 'bystander' }] });
  }
  await using core = await openTestCore(folder.path);
  expect(() => core.as({ kind: 'bearer', token })).toThrow(/revoked/);
});
