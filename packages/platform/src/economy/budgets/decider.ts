import type { Json } from '@aip/wire';
import { NO_WRITES, type Decider, type Entry, type Rows, type RowWrite } from '../../kernel/entry.ts';
import { errorBody, type ErrorBody } from '../../kernel/error-body.ts';
import type { Hold } from '../../kernel/task.ts';

/** What a principal may spend, in integer units. A limit that is not set does not limit. */
export interface BudgetRow {
  readonly principal: string;
  readonly per_call?: number;
  readonly per_day?: number;
  readonly total?: number;
}

/** What has been spent, and what is held for calls that have not ended; both count. */
export interface SpendRow {
  readonly spent: number;
  readonly held: number;
}

export const budgetKey = (principal: string): string => `budget:${principal}`;
export const spendKey = (principal: string): string => `spend:${principal}`;
export const daySpendKey = (principal: string, day: string): string => `spend:${principal}\n${day}`;

/** UTC day of a moment, `YYYY-MM-DD`. */
export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

const DAY = 86_400_000;
/** How long a day stays known after it has begun; what is resolved later changes no day that still counts. */
const DAY_KEPT = 9 * DAY;
/** A message may cross midnight between its guard and its commit, in milliseconds. */
const MIDNIGHT_SLACK = 60_000;

const NOTHING: SpendRow = { spent: 0, held: 0 };

/**
 * Hard budgets, decided in the commit of the accept: per call, per day, in total. Fails closed: who has no
 * budget pays for nothing.
 */
export const budgetDecider: Decider = {
  name: 'budgets',
  kinds: ['budget.set', 'budget.remove', 'accept', 'settle', 'ledger.reconcile'],
  keys(entry) {
    if (entry.kind === 'budget.set' || entry.kind === 'budget.remove')
      return [budgetKey(entry.head['principal'] as string)];
    const hold = entry.head['hold'] as unknown as Hold | undefined;
    return hold ? [budgetKey(hold.payer), spendKey(hold.payer), daySpendKey(hold.payer, hold.day)] : [];
  },
  decide(rows, entry) {
    if (entry.kind === 'budget.set')
      return [{ key: budgetKey(entry.head['principal'] as string), value: entry.head, open: true }];
    if (entry.kind === 'budget.remove') return removed(rows, entry.head['principal'] as string);
    const hold = entry.head['hold'] as unknown as Hold | undefined;
    if (!hold) return NO_WRITES;
    return entry.kind === 'accept' ? reserve(rows, entry, hold) : resolve(rows, entry, hold);
  },
};

/** Without a budget nothing more is paid for; what is spent and held already stays on record. */
function removed(rows: Rows, principal: string) {
  const key = budgetKey(principal);
  return rows(key) ? [{ key, value: null }] : { refuse: errorBody('NOT_FOUND', `${principal} has no budget.`) };
}

function reserve(rows: Rows, entry: Entry, hold: Hold) {
  if (hold.day !== dayOf(entry.at) && hold.day !== dayOf(entry.at - MIDNIGHT_SLACK))
    return {
      refuse: errorBody('CONFLICT', `The hold is for ${hold.day}, and it is ${dayOf(entry.at)}; send the call again.`),
    };
  const total = spend(rows, spendKey(hold.payer));
  const day = spend(rows, daySpendKey(hold.payer, hold.day));
  const refusal = overspent(rows(budgetKey(hold.payer)) as unknown as BudgetRow | undefined, hold, total, day);
  if (refusal) return { refuse: refusal };
  return writes(hold, entry.at, (row) => ({ ...row, held: row.held + hold.amount }), total, day);
}

/** Why a budget does not allow a call, if it does not. Also what the guard asks before the commit decides. */
export function overspent(
  budget: BudgetRow | undefined,
  hold: Hold,
  total: SpendRow,
  day: SpendRow,
): ErrorBody | undefined {
  if (!budget) return exceeded(hold, 'none', 0, NOTHING);
  const limits = [
    ['per_call', budget.per_call, NOTHING],
    ['per_day', budget.per_day, day],
    ['total', budget.total, total],
  ] as const;
  for (const [name, limit, used] of limits) {
    if (limit !== undefined && used.spent + used.held + hold.amount > limit) return exceeded(hold, name, limit, used);
  }
  return undefined;
}

/** Units a day that are proposed for who has no budget. */
const DAILY_PROPOSAL = 100;

const inUnits = (count: number): string => (count === 1 ? '1 unit' : `${count} units`);

function exceeded(hold: Hold, limit: string, units: number, used: SpendRow): ErrorBody {
  const why =
    limit === 'none'
      ? 'has no budget'
      : `may spend ${inUnits(units)} (${limit}), and ${used.spent} are spent, ${used.held} held`;
  // Of a budget that there is, only whoever has set it knows which limits are to stay: one left out limits no more.
  const limits = limit === 'none' ? `--per-day ${Math.max(DAILY_PROPOSAL, hold.amount)}` : '…';
  const remedy = `aip budget set ${hold.payer} ${limits}`;
  return errorBody(
    'BUDGET_EXCEEDED',
    `This call costs ${inUnits(hold.amount)}; ${hold.payer} ${why}. An operator can change that with "${remedy}".`,
    {
      payer: hold.payer,
      limit,
      units,
      spent: used.spent,
      held: used.held,
      price: hold.amount,
    },
  );
}

function resolve(rows: Rows, entry: Entry, hold: Hold) {
  const resolution = entry.head['resolution'];
  if (resolution === 'kept') return NO_WRITES;
  const posted = resolution === 'captured' ? hold.amount : 0;
  return writes(
    hold,
    entry.at,
    (row) => ({ spent: row.spent + posted, held: row.held - hold.amount }),
    spend(rows, spendKey(hold.payer)),
    spend(rows, daySpendKey(hold.payer, hold.day)),
  );
}

const spend = (rows: Rows, key: string): SpendRow => (rows(key) as unknown as SpendRow | undefined) ?? NOTHING;

function writes(
  hold: Hold,
  at: number,
  change: (row: SpendRow) => SpendRow,
  total: SpendRow,
  day: SpendRow,
): RowWrite[] {
  const rows: RowWrite[] = [{ key: spendKey(hold.payer), value: change(total) as unknown as Json }];
  const expires = Date.parse(hold.day) + DAY_KEPT;
  // A row that may have been swept is not written again: whether it has been must not show in the log's outcome.
  if (at <= expires)
    rows.push({ key: daySpendKey(hold.payer, hold.day), value: change(day) as unknown as Json, expires });
  return rows;
}
