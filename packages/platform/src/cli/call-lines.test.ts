import { claim } from '@aip/conformance';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { data } from '../kernel/body.ts';
import { openTestCore, temporaryFolder, toolCall, type TestCore } from '../main/testing.ts';
import { callLines } from './call-lines.ts';
import { styleFor } from './table.ts';

let core: TestCore;
let told: string[];
let folder: ReturnType<typeof temporaryFolder>;

beforeEach(async () => {
  folder = temporaryFolder();
  core = await openTestCore(folder.path);
  told = [];
  const lineOf = callLines(core.exchange, styleFor(false, {}));
  // Without the time of day, which is every line's first column, and how long it took.
  core.exchange.journal.follow('all', (entry) => {
    const line = lineOf(entry);
    if (line !== undefined) told.push(line.replace(/^\d\d:\d\d:\d\d {2}/, '').replace(/\d+ ms|\d\.\d s/, '… ms'));
  });
});
afterEach(async () => {
  await core[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

describe(`what aip dev tells of the messages ${claim('D-CLI.log')}`, () => {
  it('one line for a call: who calls whom over what, by which policy, how it ended, how long it took, for how much', async () => {
    await core.agent('hello', { capabilities: [{ name: 'greet', effect: 'read', price: 2 }] });
    await core.operate('budgets.set', { principal: 'user:admin', total: 10 });
    told.length = 0;
    await (
      await core.exchange.send(core.admin, { to: 'skill:hello/greet', action: 'invoke', body: data({}) })
    ).ended;
    await expect
      .poll(() => told)
      .toEqual(['call   admin → hello/greet over http  passed (admins-may-do-everything)  completed  … ms  2 units']);
    // What only reads the platform itself is no news.
    await core.operate('agents.list');
    expect(told).toHaveLength(1);
  });

  it('a denial with guard and reason, a call that waits with how to let it go on, and what operators do', async () => {
    core.tool('write');
    const carl = await core.service('carl', 'caller');
    told.length = 0;
    await core.operate('kills.kill', { scope: 'global' }, carl).catch(() => {});
    const parked = await core.exchange.send(carl, toolCall('write'));
    const { asks } = await core.operate<{ asks: { id: string }[] }>('asks.list');
    const [{ id }] = asks as [{ id: string }];
    await core.operate('asks.answer', { ask: id, verdict: 'approve' });
    await parked.ended;
    await core.operate('kills.kill', { scope: 'server:notes', reason: 'it\u001b[2J loops' });
    await core.exchange.send(carl, toolCall('write')).catch(() => {});
    await core.operate('kills.release', { scope: 'server:notes' });
    const policy = 'callers-call-other-tools-after-approval';
    await expect
      .poll(() => told)
      .toEqual([
        expect.stringMatching(
          /^call {3}carl → kills\.kill over http {2}denied by policy {2}PERMISSION_DENIED: No policy/,
        ),
        `call   carl → notes/write over http  waits for a person (${policy})  aip approve ${id}`,
        `info   admin has approved ${id}`,
        `call   carl → notes/write over http  passed (${policy})  completed  … ms`,
        'stop   admin has killed server:notes  it loops',
        expect.stringMatching(
          /^call {3}carl → notes\/write over http {2}denied by gate {2}KILLED: server:notes is stopped/,
        ),
        'stop   admin has released server:notes',
      ]);
  });

  it('nothing that moves the cursor, whoever is named', () => {
    const lineOf = callLines(core.exchange, styleFor(false, {}));
    const somebody = 'user:sso/a\u001b[2J\u009b31mb\r\nc';
    for (const [kind, head] of Object.entries({
      kill: { by: somebody, scope: 'global' },
      release: { by: somebody, scope: `agent:${somebody}` },
      answer: { by: somebody, ask: 'one', verdict: 'deny' },
      'agent.connect': { did: somebody },
      deny: { from: somebody, to: 'tool:a/b', edge: 'http', guard: 'policy', code: 'KILLED', reason: somebody },
    }))
      // oxlint-disable-next-line no-control-regex -- these
      expect(lineOf({ tenant: 'default', at: 0, kind, head } as never)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });

  it('agents that come and go', async () => {
    const { session, did } = await core.agent('hello');
    await core.operate('agents.disconnect', {}, session);
    await core.operate('agents.remove', { agent: did });
    await expect
      .poll(() => told.filter((line) => line.startsWith('info')))
      .toEqual([
        'info   hello is admitted by its join token',
        'info   hello is connected',
        'info   hello has left',
        'info   admin has removed hello',
      ]);
  });
});
