import { claim } from '@aip/conformance';
import { canonicalJson, type Json } from '@aip/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../engines/sqlite/store.ts';
import { createReplay } from '../../governance/audit/replay.ts';
import { createWriter } from '../../journal/writer.ts';
import type { Entry, EntryDraft, Verdict } from '../../kernel/entry.ts';
import type { Hold } from '../../kernel/task.ts';
import { rounds } from '../../kernel/testing.ts';
import { budgetDecider, type BudgetRow, type SpendRow } from '../budgets/index.ts';
import { ledgerDecider, type AccountRow, type HoldRow } from './index.ts';

const DECIDERS = [budgetDecider, ledgerDecider];
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOON = Date.parse('2026-11-20T12:00:00Z');
const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

/** The books alone: the deciders inside the real writer and engine, with a clock that the test turns. */
async function openBooks(start = NOON) {
  const store = openSqliteStore(':memory:');
  let at = start;
  const log: Entry[] = [];
  const writer = await createWriter({ store, deciders: DECIDERS, now: () => at, signCheckpoint: () => '' });
  const commit = async (draft: EntryDraft): Promise<Verdict> => {
    const { verdicts } = await writer.commit([{ tenant: 't', entries: [draft] }]);
    const [verdict] = verdicts;
    if (verdict?.ok) log.push({ ...draft, tenant: 't', seq: verdict.seq, at: verdict.at });
    return verdict as Verdict;
  };
  const today = (): string => dayOf(at);
  const hold = (amount: number, more: Partial<Hold> = {}): Hold => ({
    payer: 'buyer',
    payee: 'seller',
    day: today(),
    amount,
    ...more,
  });
  return {
    log,
    hold,
    today,
    sweep: () => writer.sweep(),
    pass: (ms: number) => void (at += ms),
    budget: (row: Omit<BudgetRow, 'principal'> & { principal?: string }) =>
      commit({ kind: 'budget.set', head: { principal: 'buyer', ...row } }),
    accept: (task: string, of: Hold) => commit({ kind: 'accept', task, head: { hold: { ...of } } }),
    settle: (task: string, of: Hold, resolution: string) =>
      commit({ kind: 'settle', task, head: { hold: { ...of }, resolution } }),
    reconcile: (task: string, of: Hold, resolution: string) =>
      commit({ kind: 'ledger.reconcile', head: { task, hold: { ...of }, resolution } }),
    async row<T>(key: string): Promise<T | undefined> {
      await writer.checkpoint();
      const [value] = await store.rows([{ tenant: 't', key }]);
      return value as T | undefined;
    },
  };
}

const code = (verdict: Verdict): string => (verdict.ok ? 'ok' : verdict.error.code);

describe(`a hold ${claim('E-LEDGER.holds')}`, () => {
  it.each([
    ['a fraction', 1.5],
    ['nothing', 0],
    ['less than nothing', -1],
    ['more than an account can count', 2 ** 53],
  ])('of %s is refused', async (_what, amount) => {
    const books = await openBooks();
    await books.budget({});
    expect(code(await books.accept('t1', books.hold(amount)))).toBe('INVALID_ARGUMENT');
    expect(await books.row('account:buyer')).toBeUndefined();
    expect(await books.row('spend:buyer')).toBeUndefined();
  });

  it('that would carry an account beyond what it can count is refused', async () => {
    const books = await openBooks();
    await books.budget({});
    expect(code(await books.accept('t1', books.hold(Number.MAX_SAFE_INTEGER)))).toBe('ok');
    expect(code(await books.accept('t2', books.hold(1)))).toBe('BUDGET_EXCEEDED');
  });

  it('is made once for a task, and not for oneself', async () => {
    const books = await openBooks();
    await books.budget({});
    await books.accept('t1', books.hold(3));
    expect(code(await books.accept('t1', books.hold(3)))).toBe('CONFLICT');
    expect(code(await books.accept('t2', books.hold(3, { payee: 'buyer' })))).toBe('INVALID_ARGUMENT');
    expect(await books.row<AccountRow>('account:buyer')).toMatchObject({ debitsPending: 3 });
  });

  it.each([
    ['amount', { amount: 2 }],
    ['payer', { payer: 'somebody' }],
    ['payee', { payee: 'somebody' }],
    ['day', { day: '2026-11-19' }],
  ])('is resolved as it was made: another %s is refused', async (_what, other) => {
    const books = await openBooks();
    await books.budget({});
    await books.budget({ principal: 'somebody' });
    await books.accept('t1', books.hold(3));
    expect(code(await books.settle('t1', books.hold(3, other), 'captured'))).toBe('CONFLICT');
    expect(await books.row<SpendRow>('spend:buyer')).toEqual({ spent: 0, held: 3 });
  });

  it('is captured, released or kept, and by a person only once it is kept', async () => {
    const books = await openBooks();
    await books.budget({});
    const hold = books.hold(3);
    await books.accept('t1', hold);
    expect(code(await books.settle('t1', hold, 'doubled'))).toBe('INVALID_ARGUMENT');
    expect(code(await books.reconcile('t1', hold, 'captured'))).toBe('CONFLICT');
    expect(code(await books.settle('t1', hold, 'kept'))).toBe('ok');
    expect(code(await books.settle('t1', hold, 'captured'))).toBe('CONFLICT');
    expect(code(await books.reconcile('t1', hold, 'released'))).toBe('ok');
    expect(code(await books.reconcile('t1', hold, 'released'))).toBe('CONFLICT');
    expect(await books.row<HoldRow>('hold:t1')).toMatchObject({ state: 'released' });
  });
});

describe(`the day of a budget ${claim('E-BUDGET.day')}`, () => {
  it('is the UTC day; the next one starts anew, and the total does not', async () => {
    const books = await openBooks();
    await books.budget({ per_day: 5, total: 9 });
    expect(code(await books.accept('t1', books.hold(5)))).toBe('ok');
    expect(code(await books.accept('t2', books.hold(1)))).toBe('BUDGET_EXCEEDED');
    books.pass(12 * HOUR);
    expect(code(await books.accept('t3', books.hold(4)))).toBe('ok');
    expect(code(await books.accept('t4', books.hold(1)))).toBe('BUDGET_EXCEEDED');
  });

  it('is not forgotten by a clock that was ahead for a while', async () => {
    const books = await openBooks();
    await books.budget({ per_day: 5 });
    const hold = books.hold(3);
    await books.accept('t1', hold);
    books.pass(20 * DAY);
    await books.sweep();
    books.pass(-20 * DAY);
    expect(code(await books.settle('t1', hold, 'captured'))).toBe('ok');
    expect(await books.row<SpendRow>(`spend:buyer\n${books.today()}`)).toEqual({ spent: 3, held: 0 });
    expect(code(await books.accept('t2', books.hold(3)))).toBe('BUDGET_EXCEEDED');
  });

  it('is that of the commit: a call from before midnight is taken for a minute, others are not', async () => {
    const books = await openBooks(Date.parse('2026-11-20T23:59:59.999Z'));
    await books.budget({ per_day: 5 });
    const before = books.hold(1);
    books.pass(30_000);
    expect(code(await books.accept('t1', before))).toBe('ok');
    expect(await books.row<SpendRow>('spend:buyer\n2026-11-20')).toEqual({ spent: 0, held: 1 });
    books.pass(31_000);
    expect(code(await books.accept('t2', before))).toBe('CONFLICT');
    expect(code(await books.accept('t3', books.hold(1, { day: '2026-11-22' })))).toBe('CONFLICT');
    expect(code(await books.accept('t4', books.hold(1, { day: 'never' })))).toBe('CONFLICT');
  });

  it('takes back what was held on it, and is forgotten after eight days; the total stays right', async () => {
    const books = await openBooks();
    await books.budget({ per_day: 5, total: 5 });
    const first = books.hold(3);
    const second = books.hold(2);
    const day = `spend:buyer\n${first.day}`;
    await books.accept('t1', first);
    await books.accept('t2', second);
    await books.settle('t1', first, 'kept');
    await books.settle('t2', second, 'kept');
    books.pass(DAY);
    await books.reconcile('t2', second, 'released');
    expect(await books.row<SpendRow>(day)).toEqual({ spent: 0, held: 3 });
    books.pass(8 * DAY);
    // The time that counts is that of the log.
    await books.budget({ principal: 'somebody' });
    await books.sweep();
    expect(await books.row(day)).toBeUndefined();
    await books.reconcile('t1', first, 'captured');
    expect(await books.row<SpendRow>('spend:buyer')).toEqual({ spent: 3, held: 0 });
    expect(await books.row(day)).toBeUndefined();
  });
});

/** A ledger by the book: every hold that was ever made, and sums over all of them. Knows nothing of rows. */
class Model {
  readonly holds = new Map<string, Hold & { state: string }>();
  readonly budgets = new Map<string, BudgetRow>();

  sum(of: (hold: Hold & { state: string }) => boolean): number {
    return [...this.holds.values()].filter(of).reduce((sum, { amount }) => sum + amount, 0);
  }

  /** Money counts as spent while it is held, kept, or once it is captured. */
  used(payer: string, day?: string): number {
    return this.sum(
      (hold) => hold.state !== 'released' && hold.payer === payer && (day === undefined || hold.day === day),
    );
  }

  accepts(task: string, hold: Hold, today: string): boolean {
    const budget = this.budgets.get(hold.payer);
    return (
      Number.isSafeInteger(hold.amount) &&
      hold.amount > 0 &&
      hold.payer !== hold.payee &&
      hold.day === today &&
      !this.holds.has(task) &&
      budget !== undefined &&
      hold.amount <= (budget.per_call ?? Infinity) &&
      this.used(hold.payer, hold.day) + hold.amount <= (budget.per_day ?? Infinity) &&
      this.used(hold.payer) + hold.amount <= (budget.total ?? Infinity)
    );
  }
}

const people = fc.constantFrom('ada', 'bob', 'eve');
const limit = fc.option(fc.nat({ max: 60 }), { nil: undefined });
const task = fc.nat({ max: 30 }).map((n) => `t${n}`);
const amount = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 20 }) },
  fc.constantFrom(0, -3, 0.5, 2 ** 53),
);
const resolution = fc.constantFrom('captured', 'released', 'kept');
const action = fc.oneof(
  fc.record({ do: fc.constant('budget' as const), who: people, per_call: limit, per_day: limit, total: limit }),
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('accept' as const), task, payer: people, payee: people, amount }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('settle' as const), task, resolution }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reconcile' as const), task, resolution }) },
  fc.record({ do: fc.constant('wait' as const), hours: fc.nat({ max: 60 }) }),
);

describe(`whatever happens, in any order ${claim('E-LEDGER.conservation', 'E-BUDGET.limits')}`, () => {
  it('exactly what the budgets allow is accepted, every hold ends once, and the accounts balance', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 120 }), async (actions) => {
        const books = await openBooks();
        const model = new Model();
        for (const step of actions) {
          if (step.do === 'wait') {
            books.pass(step.hours * HOUR);
            await books.sweep();
            continue;
          }
          if (step.do === 'budget') {
            const { who, per_call, per_day, total } = step;
            const row = JSON.parse(JSON.stringify({ principal: who, per_call, per_day, total })) as BudgetRow;
            expect(code(await books.budget(row))).toBe('ok');
            model.budgets.set(who, row);
            continue;
          }
          if (step.do === 'accept') {
            const hold = books.hold(step.amount, { payer: step.payer, payee: step.payee });
            const expected = model.accepts(step.task, hold, books.today());
            expect((await books.accept(step.task, hold)).ok).toBe(expected);
            if (expected) model.holds.set(step.task, { ...hold, state: 'held' });
            continue;
          }
          const known = model.holds.get(step.task);
          const expected = known?.state === (step.do === 'settle' ? 'held' : 'kept');
          const { state: _state, ...hold } = known ?? { ...books.hold(1), state: '' };
          expect((await books[step.do](step.task, hold, step.resolution)).ok).toBe(expected);
          if (known && expected) known.state = step.resolution;
        }
        await expectBalance(books, model);
        await expectReplay(books);
      }),
      { numRuns: rounds(60) },
    );
  }, 120_000);
});

type Books = Awaited<ReturnType<typeof openBooks>>;

async function expectBalance(books: Books, model: Model): Promise<void> {
  const sums: AccountRow = { debitsPosted: 0, creditsPosted: 0, debitsPending: 0, creditsPending: 0 };
  const open = (state: string): boolean => state === 'held' || state === 'kept';
  for (const who of ['ada', 'bob', 'eve']) {
    const account = await books.row<AccountRow>(`account:${who}`);
    const expected: AccountRow = {
      debitsPosted: model.sum(({ payer, state }) => payer === who && state === 'captured'),
      creditsPosted: model.sum(({ payee, state }) => payee === who && state === 'captured'),
      debitsPending: model.sum(({ payer, state }) => payer === who && open(state)),
      creditsPending: model.sum(({ payee, state }) => payee === who && open(state)),
    };
    expect(account ?? { debitsPosted: 0, creditsPosted: 0, debitsPending: 0, creditsPending: 0 }).toEqual(expected);
    expect((await books.row<SpendRow>(`spend:${who}`)) ?? { spent: 0, held: 0 }).toEqual({
      spent: expected.debitsPosted,
      held: expected.debitsPending,
    });
    const today = (await books.row<SpendRow>(`spend:${who}\n${books.today()}`)) ?? { spent: 0, held: 0 };
    expect(today.spent + today.held).toBe(model.used(who, books.today()));
    for (const side of Object.keys(sums) as (keyof AccountRow)[])
      Object.assign(sums, { [side]: sums[side] + expected[side] });
  }
  expect(sums.debitsPosted).toBe(sums.creditsPosted);
  expect(sums.debitsPending).toBe(sums.creditsPending);
  for (const [id, { state }] of model.holds) expect(await books.row<HoldRow>(`hold:${id}`)).toMatchObject({ state });
}

/** Deciding the log again refuses nothing, and comes to the same rows, character by character. */
async function expectReplay(books: Books): Promise<void> {
  const replay = createReplay(DECIDERS);
  for (const entry of books.log) expect(replay.next(entry)).toBeUndefined();
  for (const key of replay.keys(0)) {
    const kept = await books.row<Json>(key);
    // A day that is over may have been swept.
    if (kept === undefined) expect(key).toContain('\n');
    else expect(canonicalJson(kept)).toBe(canonicalJson(replay.row(key)?.value));
  }
}
