import { claim } from '@aip/conformance';
import { expect, test } from 'vitest';
import { data } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { Session } from '../kernel/session.ts';
import { openTestCore, temporaryFolder, type TestCore } from '../main/testing.ts';

const OPEN = '@id("open") permit (principal, action, resource);\n';
/** Everything is permitted, and this besides. */
const withPolicy = (folder: string, text: string) =>
  openTestCore(folder, { policies: { 'test.cedar': `${OPEN}${text}` } });

const call = (core: TestCore, session: Session, to: CatalogueEntry['address']) =>
  core.exchange.send(session, { to, action: 'invoke', body: data({}) });

const code = async (core: TestCore, session: Session, to: CatalogueEntry['address']): Promise<string> =>
  call(core, session, to).then(
    ({ last }) => last?.state ?? 'accepted',
    (error: { code: string }) => error.code,
  );

const ways = ['skill:bob/wipe', 'capability:wipe', 'agent:bob'] as const;

for (const [having, capabilities, recorded] of [
  ['its only skill', [{ name: 'wipe' }], 'skill'],
  ['one of several skills', [{ name: 'look' }, { name: 'wipe' }], 'agent'],
] as const) {
  test(`a kill of ${having} stops an agent that is addressed as a whole ${claim('G-KILL.skills')}`, async () => {
    using folder = temporaryFolder();
    await using core = await withPolicy(folder.path, '');
    const bob = await core.agent('bob', { capabilities });
    const alice = await core.service('alice', 'caller');
    await core.operate('kills.kill', { scope: 'capability:wipe', reason: 'test' });
    for (const to of ways) expect(await code(core, alice, to)).toBe('KILLED');
    const signal = core.exchange.signal(alice, { to: 'agent:bob', action: 'signal', body: data({}) });
    await expect(signal).resolves.not.toThrow();
    await core.operate('kills.release', { scope: 'capability:wipe', reason: 'test' });
    expect(await (await call(core, alice, 'agent:bob')).ended).toMatchObject({ type: 'done' });
    const address = recorded === 'skill' ? `skill:${bob.did}/wipe` : `agent:${bob.did}`;
    expect(core.entries(['accept']).at(-1)?.head).toMatchObject({
      to: address,
      scopes: expect.arrayContaining(['capability:wipe', `agent:${bob.did}`]),
    });
  });

  test(`a policy on ${having} decides on an agent that is addressed as a whole ${claim('G-POLICY.skills')}`, async () => {
    using folder = temporaryFolder();
    await using core = await withPolicy(
      folder.path,
      '@id("no-wipe") forbid (principal == Service::"service:mallory", action == Action::"invoke", resource is Skill) when { resource.name == "wipe" };\n' +
        '@id("asks") @approve("operators") @log("noted") permit (principal == Service::"service:careful", action == Action::"invoke", resource is Skill);\n',
    );
    let runs = 0;
    const deliver = async function* () {
      runs++;
      yield { type: 'done', body: data({}) } as const;
    };
    await core.agent('bob', { capabilities, deliver });
    const mallory = await core.service('mallory', 'caller');
    for (const to of ways) expect(await code(core, mallory, to)).toBe('PERMISSION_DENIED');
    expect(core.entries(['deny']).at(-1)?.head).toMatchObject({ guard: 'policy', policies: ['no-wipe'] });
    const careful = await core.service('careful', 'caller');
    for (const to of ways) expect(await code(core, careful, to)).toBe('auth_required');
    expect(core.entries(['park']).at(-1)?.head).toMatchObject({ policies: ['open', 'asks'], notes: ['noted'] });
    expect(runs).toBe(0);
    expect(await (await call(core, await core.service('alice', 'caller'), 'agent:bob')).ended).toMatchObject({
      type: 'done',
    });
  });
}

test('a rate is used once by a call to an agent, however many skills it has', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path, {
    policies: {
      'test.cedar':
        '@id("admin") permit (principal in Role::"admin", action, resource);\n@id("join") permit (principal is Agent, action == Action::"operate", resource);\n@id("some") @rate("2/h") permit (principal in Role::"caller", action == Action::"invoke", resource);',
    },
  });
  await core.agent('bob', { capabilities: [{ name: 'look' }, { name: 'wipe' }, { name: 'see' }] });
  const alice = await core.service('alice', 'caller');
  expect([
    await code(core, alice, 'agent:bob'),
    await code(core, alice, 'agent:bob'),
    await code(core, alice, 'agent:bob'),
  ]).toEqual([expect.not.stringMatching(/^[A-Z]/), expect.not.stringMatching(/^[A-Z]/), 'RATE_LIMITED']);
});
