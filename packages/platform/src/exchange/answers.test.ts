import { claim } from '@aip/conformance';
import { afterEach, describe, expect, test } from 'vitest';
import { text } from '../kernel/body.ts';
import { errorBody, type ErrorBody } from '../kernel/error-body.ts';
import type { Crossing, GuardVerdict } from '../kernel/guard.ts';
import type { Session } from '../kernel/session.ts';
import { until } from '../kernel/testing.ts';
import { oneShot } from './sessions.ts';
import { createTestExchange, trusting } from './testing.ts';

const disposables: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of disposables.splice(0)) await item[Symbol.asyncDispose]();
});

/** A scout that asks its caller once and ends with the answer; `refuse` is what a guard says from then on. */
async function asked() {
  const refusals = new Map<string, ErrorBody>();
  const seen: string[] = [];
  const guard = (name: string) => ({
    name,
    admit(crossing: Pick<Crossing, 'principal' | 'plane'>): GuardVerdict {
      const error = refusals.get(name);
      if (refusals.size > 0) seen.push(`${name} ${crossing.principal.name}`);
      return error ? { verdict: 'deny', error } : { verdict: 'pass' };
    },
    weigh() {},
  });
  const slots = Object.fromEntries(
    ['limit', 'gate', 'trust', 'policy', 'approve', 'budget'].map((name) => [name, guard(name)]),
  );
  const made = await createTestExchange({ slots });
  disposables.push(made);
  const { exchange } = made;
  exchange.catalogue.put('scout', [
    {
      address: 'agent:scout',
      kind: 'agent',
      name: 'scout',
      owner: 'scout',
      ownerName: 'scout',
      description: '',
      effect: 'external',
      idempotent: false,
      price: 0,
      state: 'active',
    },
  ]);
  exchange.routes.bind('scout', {
    reach: 'remote',
    async *deliver(call) {
      yield { type: 'asked', ask: { id: 'q', of: 'caller', kind: 'input', body: { question: 'which?' } } };
      yield { type: 'done', body: await call.answer('q') };
    },
  });
  const alice: Session = oneShot({ principal: trusting({ kind: 'bearer', token: 'alice' }), edge: 'a2a' }, Date.now());
  const call = await exchange.send(alice, { to: 'agent:scout', action: 'invoke', body: text('go') });
  await until(() => call.last?.type === 'asked');
  return {
    exchange,
    alice,
    call,
    seen,
    refuse: (name: string) => refusals.set(name, errorBody('PERMISSION_DENIED', `not past ${name}`)),
    allow: () => refusals.clear(),
    answer: (words: string) => exchange.answer(alice, call.taskId, 'q', text(words)),
    entries: (kind: string) =>
      exchange.journal.read.entries('default', { from: 0, limit: 100 }).filter((entry) => entry.kind === kind),
  };
}

describe(`an answer ${claim('G-KILL.answers')}`, () => {
  test.for(['limit', 'gate', 'trust', 'policy'])(
    'is refused by the %s that would refuse its call now, and its task waits on',
    async (name) => {
      const { refuse, allow, answer, call, entries } = await asked();
      refuse(name);
      await expect(answer('smuggled')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
      expect(entries('deny').map(({ head }) => head)).toMatchObject([
        { guard: name, from: 'service:alice', to: 'agent:scout', edge: 'a2a' },
      ]);
      expect(call.last?.type).toBe('asked');
      allow();
      await answer('this one');
      expect(await call.ended).toMatchObject({ type: 'done', body: text('this one') });
    },
  );

  test('is neither paid for nor approved again', async () => {
    const { refuse, answer, call, seen } = await asked();
    refuse('budget');
    refuse('approve');
    await answer('this one');
    expect(await call.ended).toMatchObject({ type: 'done' });
    expect(seen).toEqual(['limit alice', 'gate alice', 'trust alice', 'policy alice']);
  });

  test('is on record with its content, which the head does not hold', async () => {
    const { answer, call, entries, exchange } = await asked();
    await answer('blue');
    await call.ended;
    const [entry] = entries('event').filter(({ head }) => head['type'] === 'answered');
    expect(entry?.head).toMatchObject({ ask: 'q', from: 'service:alice', edge: 'a2a' });
    expect(entry?.head['scopes']).toEqual(expect.arrayContaining(['agent:scout', 'agent:service:alice']));
    expect(entry?.text).not.toContain('blue');
    expect(exchange.journal.read.body(entry!)).toContain('blue');
  });

  test('is one of two that come at once', async () => {
    const { answer, call, entries } = await asked();
    const [first, second] = await Promise.allSettled([answer('one'), answer('two')]);
    expect([first.status, second.status]).toEqual(['fulfilled', 'rejected']);
    expect(await call.ended).toMatchObject({ type: 'done', body: text('one') });
    expect(entries('event').filter(({ head }) => head['type'] === 'answered')).toHaveLength(1);
  });

  test('does not reach a call that has been canceled', async () => {
    const { answer, call, entries } = await asked();
    call.cancel('kill');
    await expect(answer('late')).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
    expect(entries('event').some(({ head }) => head['type'] === 'answered')).toBe(false);
  });
});
