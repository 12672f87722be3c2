import { claim } from '@aip/conformance';
import { describe, expect, test } from 'vitest';
import { data } from '../kernel/body.ts';
import { openTestCore, temporaryFolder } from '../main/testing.ts';
import type { AgentView } from './agent.ts';
import { stranger, invite, connect, list } from './testing.ts';

describe('a connected agent', () => {
  test('is found by what it can do, by its words and by its state, page by page', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const look = { name: 'look', description: 'Looks around in the woods', effect: 'read', price: 3 };
    const scout = await core.agent('scout', { capabilities: [look] });
    await core.agent('scribe', { capabilities: [{ name: 'write', description: 'Writes it down' }] });
    await core.agent('ranger', { capabilities: [look] });
    await core.operate('agents.disconnect', {}, scout.session);
    const names = async (input: object) => (await list(core, input)).map(({ name }) => name);
    expect(await names({})).toEqual(['ranger', 'scout', 'scribe']);
    expect(await names({ capability: 'look' })).toEqual(['ranger', 'scout']);
    expect(await names({ query: 'WOODS look' })).toEqual(['ranger', 'scout']);
    expect(await names({ query: 'woods write' })).toEqual([]);
    expect(await names({ state: 'offline' })).toEqual(['scout']);
    const first = await core.operate<{ agents: AgentView[]; next?: string }>('agents.list', { limit: 2 });
    expect(first.agents.map(({ name }) => name)).toEqual(['ranger', 'scout']);
    const second = await core.operate<{ agents: AgentView[]; next?: string }>('agents.list', {
      limit: 2,
      cursor: first.next!,
    });
    expect([second.agents.map(({ name }) => name), second.next]).toEqual([['scribe'], undefined]);
  });

  test('is called by DID, by name, by skill, and by capability in turn', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const served: string[] = [];
    const make = (name: string) =>
      core.agent(name, {
        capabilities: [{ name: 'look' }],
        async *deliver(call) {
          served.push(`${name} ${call.entry.kind}`);
          yield { type: 'done', body: call.message.body };
        },
      });
    const [scout] = [await make('scout'), await make('ranger')];
    const invoke = async (to: `${'agent' | 'skill' | 'capability'}:${string}`) =>
      (await core.exchange.send(core.admin, { to, action: 'invoke', body: data({}) })).ended;
    for (const to of [`agent:${scout.did}`, 'agent:scout', `skill:${scout.did}/look`, 'skill:scout/look'] as const)
      await invoke(to);
    // Who has one skill is asked for that, however it is addressed.
    expect(served.splice(0)).toEqual(Array.from({ length: 4 }, () => 'scout skill'));
    for (let n = 0; n < 4; n++) await invoke('capability:look');
    expect(served.toSorted()).toEqual(['ranger skill', 'ranger skill', 'scout skill', 'scout skill']);
    await core.operate('agents.disconnect', {}, scout.session);
    served.length = 0;
    for (let n = 0; n < 2; n++) await invoke('capability:look');
    expect(served).toEqual(['ranger skill', 'ranger skill']);
    await expect(invoke('capability:fly')).rejects.toMatchObject({ code: 'UNKNOWN_TARGET' });
  });

  test(`is known after a restart, but not here ${claim('P-REG.admission')}`, async () => {
    using folder = temporaryFolder();
    let did: string;
    {
      await using core = await openTestCore(folder.path);
      did = (await core.agent('scout', { capabilities: [{ name: 'look', description: 'Looks around' }] })).did;
    }
    await using core = await openTestCore(folder.path);
    expect(await list(core)).toMatchObject([
      { did, name: 'scout', state: 'offline', capabilities: [{ name: 'look', description: 'Looks around' }] },
    ]);
    await expect(
      core.exchange.send(core.admin, { to: 'agent:scout', action: 'invoke', body: data({}) }),
    ).rejects.toMatchObject({ code: 'AGENT_UNAVAILABLE' });
    expect(await connect(core, core.as({ kind: 'signed', did }, 'ioap'))).toMatchObject({
      name: 'scout',
      state: 'connected',
      capabilities: [],
    });
  });

  test('whose announcement the log could not take is not here', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const session = stranger(core);
    const join_token = await invite(core);
    const emptyDisk = core.fillDisk();
    await expect(connect(core, session, { join_token })).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(core.core.registry.present()).toEqual([]);
    emptyDisk();
    await connect(core, session, { join_token });
    expect(core.core.registry.present()).toMatchObject([{ did: session.principal.id }]);
  });

  test('cannot claim that it harms nothing: its own word on its effect is not believed', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const scout = await core.agent('scout', {
      capabilities: [{ name: 'look', effect: 'read', idempotent: true, price: 7 }],
    });
    expect(core.exchange.catalogue.get(`skill:${scout.did}/look`)).toMatchObject({
      effect: 'external',
      idempotent: true,
      price: 7,
    });
    expect(core.exchange.catalogue.get(`agent:${scout.did}`)).toMatchObject({ effect: 'external', price: 7 });
  });

  test.for([
    [{ name: 'two words' }, 'name'],
    [{ capabilities: [{ name: 'look', price: -1 }] }, 'capabilities.0.price'],
    [{ capabilities: [{ name: 'look', price: 0.5 }] }, 'capabilities.0.price'],
    [{ capabilities: Array.from({ length: 501 }, (_, n) => ({ name: `c${n}` })) }, 'capabilities'],
    [{ description: 'x'.repeat(2_001) }, 'description'],
  ] as const)('says nothing impossible: %j', async ([card, field]) => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const scout = await core.agent('scout');
    await expect(connect(core, scout.session, card as object)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(field),
    });
  });

  test('is one, not a service or a user', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    await expect(connect(core, core.admin)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  });
});
