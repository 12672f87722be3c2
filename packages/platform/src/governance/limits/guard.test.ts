import { claim } from '@aip/conformance';
import { describe, expect, test } from 'vitest';
import { text } from '../../kernel/body.ts';
import type { Crossing } from '../../kernel/guard.ts';
import { ANONYMOUS, type Principal } from '../../kernel/principal.ts';
import { openTestCore, temporaryFolder, toolCall } from '../../main/testing.ts';
import { limitGuard } from './guard.ts';

const service = (name: string, tenant = 'default', ...roles: string[]): Principal => ({
  id: `service:${name}`,
  kind: 'service',
  name,
  tenant,
  assurance: 'token',
  roles,
});

function guarded(perSecond: number, burst: number, bytes = { perSecond: 1e6, burst: 1e6 }) {
  let now = 0;
  const guard = limitGuard({ messages: { perSecond, burst }, bytes }, () => now);
  const send = (principal: Principal, plane: Crossing['plane'] = 'data') => guard.admit({ principal, plane });
  /** How many of `count` messages pass. */
  const passed = (count: number, principal: Principal): number =>
    Array.from({ length: count }, () => send(principal)).filter(({ verdict }) => verdict === 'pass').length;
  return { send, passed, weigh: guard.weigh, wait: (ms: number) => void (now += ms) };
}

describe(`a rate limit ${claim('G-GUARD.rates')}`, () => {
  test('lets a burst pass, then as many a second as it says, and says how long to wait', () => {
    const { send, passed, wait } = guarded(10, 5);
    expect(passed(20, service('a'))).toBe(5);
    expect(send(service('a'))).toMatchObject({
      verdict: 'deny',
      record: false,
      error: { code: 'RATE_LIMITED', retryable: true, details: { retry_after_ms: 100 } },
    });
    wait(99);
    expect(passed(1, service('a'))).toBe(0);
    wait(1);
    expect(passed(2, service('a'))).toBe(1);
    wait(250);
    expect(passed(10, service('a'))).toBe(2);
    wait(3_600_000);
    expect(passed(100, service('a'))).toBe(5);
  });

  test('is kept for each principal, also for those of one name in different tenants', () => {
    const { passed } = guarded(1, 3);
    expect([passed(9, service('a')), passed(9, service('b')), passed(9, service('a', 'other'))]).toEqual([3, 3, 3]);
  });

  test('never keeps an administrator from steering the platform, but counts its calls like any other', () => {
    const { send, passed } = guarded(1, 3);
    const admin = service('admin', 'default', 'admin');
    expect(passed(9, admin)).toBe(3);
    expect(send(admin, 'control').verdict).toBe('pass');
    const caller = service('caller');
    expect(passed(9, caller)).toBe(3);
    expect(send(caller, 'control').verdict).toBe('deny');
  });

  test('gives everybody unknown one small share together', () => {
    const { passed } = guarded(1_000, 200);
    expect(passed(500, ANONYMOUS)).toBe(20);
  });

  test('is not given back by a flood of other principals', () => {
    const { passed } = guarded(0.001, 2);
    expect(passed(2, service('busy'))).toBe(2);
    for (let n = 0; n < 40_000; n++) passed(1, service(`other-${n}`));
    expect(passed(1, service('busy'))).toBe(0);
    for (let n = 0; n < 40_000; n++) passed(1, service(`another-${n}`));
    expect(passed(1, service('busy'))).toBe(0);
  });

  test('stands before the log: what it refuses is not written', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, { flags: { rate: { per_second: 0.01, burst: 5 } } });
    const calls = core.tool('read', { effect: 'read' });
    const alice = await core.service('alice', 'caller');
    const before = core.entries().length;
    const sent = await Promise.allSettled(
      Array.from({ length: 50 }, (_, n) => core.exchange.send(alice, toolCall('read', { n }))),
    );
    expect(sent.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    expect(new Set(sent.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : [])))).toEqual(
      new Set(['RATE_LIMITED']),
    );
    expect(
      core
        .entries()
        .slice(before)
        .filter(({ kind }) => kind === 'deny'),
    ).toEqual([]);
    expect(calls).toHaveLength(5);
    // The administrator, whose own messages are used up as well, still presses kill.
    await Promise.allSettled(Array.from({ length: 10 }, () => core.operate('agents.list')));
    await expect(core.operate('agents.list')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    await core.operate('kills.kill', { scope: 'global' });
    await core.operate('kills.release', { scope: 'global' });
  });
});

describe(`a limit of bytes ${claim('G-GUARD.bytes')}`, () => {
  const bytes = { perSecond: 1_000, burst: 5_000 };

  test('lets messages pass until more than it has been recorded, then says how long to wait', () => {
    const { send, passed, weigh, wait } = guarded(1_000, 1_000, bytes);
    weigh(service('a'), 4_999);
    expect(passed(10, service('a'))).toBe(10);
    weigh(service('a'), 1_000);
    expect(send(service('a'))).toMatchObject({
      verdict: 'deny',
      record: false,
      error: { code: 'RATE_LIMITED', retryable: true, details: { retry_after_ms: 1_000 } },
    });
    wait(999);
    expect(passed(1, service('a'))).toBe(0);
    wait(1);
    expect(passed(1, service('a'))).toBe(1);
    wait(3_600_000);
    weigh(service('a'), 5_000);
    expect(passed(1, service('a'))).toBe(0);
  });

  test('is kept for each principal, and strangers share a tenth', () => {
    const { send, weigh } = guarded(1_000, 1_000, bytes);
    weigh(service('a'), 9_000);
    expect(send(service('a')).verdict).toBe('deny');
    expect(send(service('b')).verdict).toBe('pass');
    expect(send(service('a', 'other')).verdict).toBe('pass');
    weigh(ANONYMOUS, 500);
    expect(send(ANONYMOUS).verdict).toBe('deny');
  });

  test('never keeps an administrator from steering the platform', () => {
    const { send, weigh } = guarded(1_000, 1_000, bytes);
    const admin = service('admin', 'default', 'admin');
    weigh(admin, 1e9);
    expect(send(admin).verdict).toBe('deny');
    expect(send(admin, 'control').verdict).toBe('pass');
  });

  /** One caller at a time of 100,000 bytes at once, and none to speak of later. */
  const opened = (folder: string) =>
    openTestCore(folder, { flags: { rate: { bytes_per_second: 0.001, bytes_burst: 100_000 } } });
  const outcome = (sent: Promise<unknown>): Promise<string> =>
    sent.then(
      () => 'passed',
      (error: { code: string }) => error.code,
    );

  test('never keeps anybody from pressing kill for what others have answered', () => {
    const { send, weigh } = guarded(10, 2, { perSecond: 100, burst: 1_000 });
    const operator = service('olga', 'default', 'operator');
    weigh(operator, 1_000_000_000);
    expect(send(operator)).toMatchObject({ verdict: 'deny' });
    expect([1, 2, 3].map(() => send(operator, 'control').verdict)).toEqual(['pass', 'pass', 'deny']);
  });

  test('counts what messages weigh in the log, also of those that come at once', async () => {
    using folder = temporaryFolder();
    await using core = await opened(folder.path);
    const calls = core.tool('keep', { effect: 'read' });
    const [alice, bob] = [await core.service('alice', 'caller'), await core.service('bob', 'caller')];
    const before = core.entries().length;
    const large = 'x'.repeat(30_000);
    const sent = await Promise.all(
      Array.from({ length: 50 }, (_, n) => outcome(core.exchange.send(alice, toolCall('keep', { n, large })))),
    );
    expect(sent.filter((one) => one === 'passed')).toHaveLength(4);
    expect(new Set(sent.slice(4))).toEqual(new Set(['RATE_LIMITED']));
    expect(calls).toHaveLength(4);
    expect(core.entries(['deny']).filter(({ seq }) => seq >= before)).toEqual([]);
    expect(await outcome(core.exchange.send(bob, toolCall('keep', {})))).toBe('passed');
  });

  test('counts what comes back, pieces and results, at whoever has asked for it', async () => {
    using folder = temporaryFolder();
    await using core = await opened(folder.path);
    const large = text('y'.repeat(60_000));
    core.tool('read', {
      effect: 'read',
      async *deliver() {
        yield { type: 'output', body: large };
        yield { type: 'done', body: large };
      },
    });
    const [alice, bob] = [await core.service('alice', 'caller'), await core.service('bob', 'caller')];
    const call = await core.exchange.send(alice, toolCall('read', {}));
    expect(await call.ended).toMatchObject({ type: 'done', body: large });
    expect(await outcome(core.exchange.send(alice, toolCall('read', {})))).toBe('RATE_LIMITED');
    expect(await outcome(core.exchange.signal(alice, { ...toolCall('read', {}), kind: 'signal' }))).toBe(
      'RATE_LIMITED',
    );
    expect(await outcome(core.exchange.send(bob, toolCall('read', {})))).toBe('passed');
  });
});
