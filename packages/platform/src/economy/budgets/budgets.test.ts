import { claim } from '@aip/conformance';
import { AipError } from '@aip/wire';
import { afterEach, describe, expect, it } from 'vitest';
import { outcomeOf, type Exchange } from '../../exchange/index.ts';
import { oneShot } from '../../exchange/sessions.ts';
import { createTestExchange } from '../../exchange/testing.ts';
import { data } from '../../kernel/body.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { Route } from '../../kernel/route.ts';
import type { RouteEvent } from '../../kernel/task.ts';
import { rounds } from '../../kernel/testing.ts';
import { ledgerDecider, ledgerOperations, type AccountRow } from '../ledger/index.ts';
import { budgetDecider, budgetGuard, budgetOperations } from './index.ts';

const seller: CatalogueEntry = {
  address: 'agent:seller',
  kind: 'agent',
  name: 'seller',
  owner: 'seller',
  ownerName: 'seller',
  description: '',
  effect: 'external',
  idempotent: false,
  price: 3,
  state: 'active',
};

const made: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of made.splice(0)) await one[Symbol.asyncDispose]();
});

/** An exchange with money, and a seller whose effects are counted. */
async function market(deliver: Route['deliver'] = sold, now: () => number = Date.now): Promise<Exchange> {
  const held: { exchange?: Exchange } = {};
  const running = (): Exchange => held.exchange as Exchange;
  const operations = [...budgetOperations(running, { knows: () => true }, now), ...ledgerOperations(running)];
  const test = await createTestExchange({
    operations,
    deciders: [budgetDecider, ledgerDecider],
    clock: { ...systemClock, now },
    slots: {
      budget: { name: 'budget', admit: (crossing) => budgetGuard(running().journal.read, now).admit(crossing) },
    },
  });
  made.push(test);
  const { exchange } = test;
  held.exchange = exchange;
  exchange.catalogue.put('seller', [seller]);
  exchange.routes.bind('seller', { reach: 'remote', deliver });
  return exchange;
}

async function* sold(): AsyncIterable<RouteEvent> {
  await new Promise((resolve) => setImmediate(resolve));
  yield { type: 'done', body: data('sold') };
}

const buyer = (exchange: Exchange, name = 'buyer') =>
  oneShot({ principal: exchange.authenticate({ kind: 'bearer', token: name }), edge: 'http' }, Date.now());
const buy = (exchange: Exchange, n = 0, name?: string) =>
  exchange.send(buyer(exchange, name), { to: 'agent:seller', action: 'invoke', body: data({ n }) });
const budget = (exchange: Exchange, name = 'buyer') =>
  exchange.operate(buyer(exchange), 'budgets.get', { principal: `service:${name}` });
const account = (exchange: Exchange, id: string) =>
  exchange.journal.read.row('default', `account:${id}`) as unknown as AccountRow;

describe(`a hard budget ${claim('E-BUDGET', 'E-BUDGET.limits')}`, () => {
  it('pays for nothing when there is none', async () => {
    const exchange = await market();
    await expect(buy(exchange)).rejects.toMatchObject({
      code: 'BUDGET_EXCEEDED',
      details: { limit: 'none', price: 3 },
    });
  });

  it.each([
    ['per_call', { per_call: 2 }, 0],
    ['per_day', { per_day: 7 }, 2],
    ['total', { total: 9 }, 3],
  ])('stops at its limit: %s', async (limit, limits, paid) => {
    const exchange = await market();
    await exchange.operate(buyer(exchange), 'budgets.set', { principal: 'service:buyer', ...limits });
    for (let n = 0; n < paid; n++) await (await buy(exchange, n)).ended;
    await expect(buy(exchange, paid)).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED', details: { limit, price: 3 } });
    expect(await budget(exchange)).toMatchObject({ spent_total: paid * 3, spent_today: paid * 3, held: 0 });
  });

  it('that has been taken away pays for nothing more, and what was spent stays on record', async () => {
    const exchange = await market();
    const remove = () => exchange.operate(buyer(exchange), 'budgets.remove', { principal: 'service:buyer' });
    await expect(remove()).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await exchange.operate(buyer(exchange), 'budgets.set', { principal: 'service:buyer', total: 30 });
    await (
      await buy(exchange)
    ).ended;
    expect(await remove()).toEqual({ principal: 'service:buyer' });
    expect(await exchange.operate(buyer(exchange), 'budgets.list', {})).toEqual({ budgets: [] });
    await expect(buy(exchange, 1)).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED', details: { limit: 'none' } });
    await exchange.operate(buyer(exchange), 'budgets.set', { principal: 'service:buyer', total: 30 });
    expect(await budget(exchange)).toMatchObject({ spent_total: 3 });
  });

  it('is not asked by a call that comes again under its key: that one is paid for', async () => {
    const exchange = await market();
    await exchange.operate(buyer(exchange), 'budgets.set', { principal: 'service:buyer', total: 3 });
    const paid = { to: 'agent:seller', action: 'invoke', body: data({}), idempotencyKey: 'once' } as const;
    const first = await exchange.send(buyer(exchange), paid);
    await first.ended;
    const again = await exchange.send(buyer(exchange), paid);
    expect(again.taskId).toBe(first.taskId);
    await expect(exchange.send(buyer(exchange), { ...paid, body: data({ n: 2 }) })).rejects.toMatchObject({
      code: 'BUDGET_EXCEEDED',
    });
    await expect(buy(exchange)).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' });
    expect(await budget(exchange)).toMatchObject({ spent_total: 3, held: 0 });
  });

  it('pays on when the clock has been set back, on the day that the log has come to', async () => {
    let at = Date.parse('2026-11-22T01:00:00Z');
    const exchange = await market(sold, () => at);
    await exchange.operate(buyer(exchange), 'budgets.set', { principal: 'service:buyer', per_day: 7 });
    at = Date.parse('2026-11-20T12:00:00Z');
    for (const n of [1, 2]) expect(await (await buy(exchange, n)).ended).toMatchObject({ type: 'done' });
    await expect(buy(exchange, 3)).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED', details: { limit: 'per_day' } });
    expect(await budget(exchange)).toMatchObject({ spent_today: 6 });
  });

  it(`lets exactly as many of many concurrent calls through as it can pay ${claim('E-BUDGET.race')}`, async () => {
    let effects = 0;
    const exchange = await market(async function* () {
      effects++;
      yield* sold();
    });
    for (let round = 0; round < rounds(50); round++) {
      effects = 0;
      // Every limit in turn has to hold against the same race.
      const limits = round % 2 === 0 ? { total: 30 } : { per_day: 30 };
      const name = `buyer-${round}`;
      await exchange.operate(buyer(exchange), 'budgets.set', { principal: `service:${name}`, ...limits });
      const calls = await Promise.allSettled(Array.from({ length: 64 }, (_, n) => buy(exchange, n, name)));
      const accepted = calls.filter((call) => call.status === 'fulfilled');
      await Promise.all(accepted.map((call) => call.value.ended));
      expect(accepted).toHaveLength(10);
      expect(effects).toBe(10);
      for (const call of calls)
        if (call.status === 'rejected') expect(call.reason).toMatchObject({ code: 'BUDGET_EXCEEDED' });
      expect(await budget(exchange, name)).toMatchObject({ spent_total: 30, held: 0 });
    }
  }, 60_000);

  it(`is not charged for a tool that ran and says that it failed; its result is kept whole ${claim('E-BUDGET.failures')}`, async () => {
    const value = { content: [{ type: 'text', text: 'no such file' }], isError: true, _meta: { errno: 2 } };
    const exchange = await market(async function* () {
      yield { type: 'done', body: { type: 'mcp', value } };
    });
    await exchange.operate(buyer(exchange), 'budgets.set', { principal: 'service:buyer', total: 3 });
    for (let n = 0; n < 3; n++) {
      const call = await buy(exchange, n);
      expect(await call.ended).toMatchObject({
        type: 'failed',
        state: 'failed',
        error: { code: 'TOOL_FAILED' },
        body: { type: 'mcp', value },
      });
    }
    expect(await budget(exchange)).toMatchObject({ spent_total: 0, held: 0 });
    const settled = exchange.journal.read
      .entries('default', { from: 0, limit: 100 })
      .filter((entry) => entry.head['hold'] && entry.kind === 'settle');
    expect(settled.map(({ head }) => head['resolution'])).toEqual(['released', 'released', 'released']);
    // What it says of its failure is content: heads hold none of it.
    expect(settled.map(({ text }) => text).join()).not.toContain('no such file');
  });

  it('asks for nothing where nothing is paid: for a signal, and for what costs nothing', async () => {
    const exchange = await market();
    exchange.catalogue.put('giver', [{ ...seller, address: 'agent:giver', owner: 'giver', name: 'giver', price: 0 }]);
    exchange.routes.bind('giver', { reach: 'remote', deliver: sold });
    const signal = { to: 'agent:seller', action: 'signal', body: data({}) } as const;
    await exchange.signal(buyer(exchange), signal);
    const call = await exchange.send(buyer(exchange), { to: 'agent:giver', action: 'invoke', body: data({}) });
    await call.ended;
    const entries = exchange.journal.read.entries('default', { from: 0, limit: 10 });
    expect(entries.map(({ kind }) => kind)).toEqual(['signal', 'accept', 'settle']);
    expect(entries.every(({ head }) => head['hold'] === undefined)).toBe(true);
  });

  it.each([1.5, -3, Number.NaN])('is not spent at the price %d, which is none', async (price) => {
    const exchange = await market();
    exchange.catalogue.put('seller', [{ ...seller, price }]);
    await exchange.operate(buyer(exchange), 'budgets.set', { principal: 'service:buyer', total: 30 });
    await expect(buy(exchange)).rejects.toBeInstanceOf(AipError);
    expect(await budget(exchange)).toMatchObject({ spent_total: 0, held: 0 });
  });
});

it.each([null, '', true, '7', 1.5, -1, [7]])('a limit is a whole number, not %j', async (limit) => {
  const exchange = await market();
  await expect(
    exchange.operate(buyer(exchange), 'budgets.set', { principal: 'service:buyer', per_day: limit }),
  ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

describe(`a call without a result ${claim('E-BUDGET.failures')}`, () => {
  const error = { code: 'INTERNAL_ERROR', message: 'sorry', retryable: false } as const;
  it.each([
    ['applied', { spent_total: 0, held: 0 }],
    ['none', { spent_total: 0, held: 0 }],
    ['unknown', { spent_total: 0, held: 3 }],
  ] as const)('is not paid, whatever its payee says of its effect: %s', async (effect, spent) => {
    const exchange = await market(async function* () {
      yield { type: 'failed', error, effect };
    });
    await exchange.operate(buyer(exchange), 'budgets.set', { principal: 'service:buyer', total: 30 });
    expect(await (await buy(exchange)).ended).toMatchObject({ type: 'failed', effect });
    expect(await budget(exchange)).toMatchObject(spent);
    expect(account(exchange, 'seller')).toMatchObject({ creditsPosted: 0 });
  });

  it.each([
    ['fails', 'caller', { type: 'failed', error, effect: 'applied' }],
    ['has a result, which a kill keeps back', 'kill', { type: 'done', body: data('sold') }],
  ] as const)('waits for a person when it is canceled and %s', async (_what, reason, end) => {
    const exchange = await market(async function* ({ signal }) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      yield end;
    });
    await exchange.operate(buyer(exchange), 'budgets.set', { principal: 'service:buyer', total: 30 });
    const call = await buy(exchange);
    await new Promise((resolve) => setImmediate(resolve));
    call.cancel(reason);
    expect(await call.ended).toMatchObject({ type: 'canceled', effect: 'applied' });
    expect(await budget(exchange)).toMatchObject({ spent_total: 0, held: 3 });
    expect(await exchange.operate(buyer(exchange), 'ledger.open', {})).toMatchObject({
      transfers: [{ task: call.taskId, amount: 3, state: 'kept' }],
    });
  });
});

describe(`the ledger ${claim('E-LEDGER')}`, () => {
  it('credits what it debits, and a call without effect gives its hold back', async () => {
    const exchange = await market(async function* () {
      yield {
        type: 'failed',
        error: { code: 'UPSTREAM_FAILED', message: 'not today', retryable: false },
        effect: 'none',
      };
    });
    await exchange.operate(buyer(exchange), 'budgets.set', { principal: 'service:buyer', total: 30 });
    expect(outcomeOf(await (await buy(exchange)).ended)).toMatchObject({ ok: false });
    expect(await budget(exchange)).toMatchObject({ spent_total: 0, held: 0 });
    expect(account(exchange, 'seller')).toEqual({
      debitsPosted: 0,
      creditsPosted: 0,
      debitsPending: 0,
      creditsPending: 0,
    });
  });

  it('keeps the hold of a call whose effect is unknown until a person has decided, once', async () => {
    const exchange = await market(async function* () {
      yield { type: 'failed', error: { code: 'TIMEOUT', message: 'who knows', retryable: false }, effect: 'unknown' };
    });
    await exchange.operate(buyer(exchange), 'budgets.set', { principal: 'service:buyer', total: 30 });
    const call = await buy(exchange);
    await call.ended;
    expect(await budget(exchange)).toMatchObject({ spent_total: 0, held: 3 });
    await exchange.operate(buyer(exchange), 'ledger.reconcile', { task: call.taskId, resolution: 'captured' });
    expect(await budget(exchange)).toMatchObject({ spent_total: 3, held: 0 });
    expect(account(exchange, 'service:buyer')).toMatchObject({ debitsPosted: 3, debitsPending: 0 });
    expect(account(exchange, 'seller')).toMatchObject({ creditsPosted: 3, creditsPending: 0 });
    await expect(
      exchange.operate(buyer(exchange), 'ledger.reconcile', { task: call.taskId, resolution: 'released' }),
    ).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});
