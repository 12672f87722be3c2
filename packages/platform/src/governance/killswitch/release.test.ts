import { expect, test } from 'vitest';
import { data } from '../../kernel/body.ts';
import type { Entry } from '../../kernel/entry.ts';
import { verifyFolder } from '../../main/audit.ts';
import { openTestCore, temporaryFolder, toolCall, type TestCore } from '../../main/testing.ts';

/** Everything is permitted, so that only the kill switch stands in the way. */
const OPEN = '@id("open") permit (principal, action, resource);';
/** A release needs a second person. */
const FOUR_EYES = `${OPEN}
@id("four-eyes") @approve("admins")
permit (principal, action == Action::"operate", resource == Operation::"kills.release");`;

const SCOPE = 'server:notes';
const kill = (core: TestCore, reason: string) => core.operate('kills.kill', { scope: SCOPE, reason });
const release = (core: TestCore) => core.operate('kills.release', { scope: SCOPE, reason: 'over' });

const isOf = ({ kind, head }: Entry, operation: string): boolean =>
  kind === 'accept' && head['to'] === `operation:${operation}`;

async function expectStopped(core: TestCore, folder: string): Promise<void> {
  expect(await core.operate('kills.list')).toMatchObject({ kills: [{ scope: SCOPE }] });
  await expect(core.exchange.send(core.admin, toolCall('read'))).rejects.toMatchObject({ code: 'KILLED' });
  expect((await verifyFolder(folder))[0]!.problems).toEqual([]);
}

test('a stop ordered while a release of its scope is on its way is in force, wherever that is', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path, { policies: { 'open.cedar': OPEN } });
  core.tool('read');
  // Every moment from its acceptance until it has ended: some 20 turns of the queue of promises.
  for (let turns = 0; turns < 40; turns++) {
    await kill(core, 'first');
    const accepted = Promise.withResolvers<void>();
    const unfollow = core.exchange.journal.follow(['accept'], (entry) => {
      if (isOf(entry, 'kills.release')) accepted.resolve();
    });
    const released = release(core).catch((error: unknown) => error);
    await accepted.promise;
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    expect(await kill(core, 'second'), `${turns} turns later`).toMatchObject({ scope: SCOPE, durable: true });
    unfollow();
    await released;
    await expectStopped(core, folder.path);
    await release(core);
  }
});

test('a release that has waited for a person does not end what was stopped meanwhile, after a restart neither', async () => {
  using folder = temporaryFolder();
  const parked = async (core: TestCore) =>
    core.exchange.send(core.admin, {
      to: 'operation:kills.release',
      action: 'operate',
      body: data({ scope: SCOPE, reason: 'over' }),
    });
  let taskId: string;
  {
    await using core = await openTestCore(folder.path, { policies: { 'open.cedar': FOUR_EYES } });
    await kill(core, 'first');
    ({ taskId } = await parked(core));
    await kill(core, 'second');
  }
  await using core = await openTestCore(folder.path);
  core.tool('read', { effect: 'read' });
  const call = core.exchange.call('default', taskId)!;
  const { asks } = await core.operate<{ asks: { id: string }[] }>('asks.list');
  await core.operate('asks.answer', { ask: asks[0]!.id, verdict: 'approve' });
  expect(await call.ended).toMatchObject({ type: 'failed', error: { code: 'CONFLICT' } });
  await expectStopped(core, folder.path);
});
