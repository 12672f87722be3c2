import { PASS, type Guard } from '../../kernel/guard.ts';
import type { JournalReader } from '../../kernel/journal.ts';
import { budgetKey, dayOf, daySpendKey, overspent, spendKey, type BudgetRow, type SpendRow } from './decider.ts';

const NOTHING: SpendRow = { spent: 0, held: 0 };

/** The UTC day that a commit goes by, `YYYY-MM-DD`: the log's time stays ahead of a clock that has been set back. */
export const today = (read: JournalReader, tenant: string, now: number): string =>
  dayOf(Math.max(now, read.time(tenant)));

/**
 * Prepares the hold that the commit decides. A call that is over budget already is refused here, fast; that one
 * is within it here is not yet permission.
 */
export function budgetGuard(read: JournalReader, now: () => number): Guard {
  return {
    name: 'budget',
    admit(crossing) {
      const { target, principal, message } = crossing;
      // Only calls are paid for, and whoever works for itself has nobody to pay.
      if (target.price === 0 || message.kind !== 'request' || target.owner === principal.id) return PASS;
      const day = today(read, principal.tenant, now());
      const hold = { payer: principal.id, payee: target.owner, amount: target.price, day };
      const spend = (key: string): SpendRow =>
        (read.row(principal.tenant, key) as unknown as SpendRow | undefined) ?? NOTHING;
      const budget = read.row(principal.tenant, budgetKey(hold.payer)) as unknown as BudgetRow | undefined;
      const error = overspent(budget, hold, spend(spendKey(hold.payer)), spend(daySpendKey(hold.payer, hold.day)));
      if (error) return { verdict: 'deny', error };
      crossing.hold = hold;
      return PASS;
    },
  };
}
