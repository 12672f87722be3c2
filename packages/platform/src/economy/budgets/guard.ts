import { PASS, type Guard } from '../../kernel/guard.ts';
import type { JournalReader } from '../../kernel/journal.ts';
import { budgetKey, dayOf, daySpendKey, overspent, spendKey, type BudgetRow, type SpendRow } from './decider.ts';

const NOTHING: SpendRow = { spent: 0, held: 0 };

/**
 * Prepares the hold that the commit decides. A call that is over budget already is refused here, fast; that one
 * is within it here is not yet permission.
 */
export function budgetGuard(read: JournalReader, now: () => number): Guard {
  return {
    name: 'budget',
    admit(crossing) {
      const { target, principal } = crossing;
      // Whoever works for itself has nobody to pay.
      if (target.price === 0 || target.owner === principal.id) return PASS;
      const hold = { payer: principal.id, payee: target.owner, amount: target.price, day: dayOf(now()) };
      const row = <T>(key: string): T | undefined => read.row(principal.tenant, key) as unknown as T | undefined;
      const spent = row<SpendRow>(spendKey(hold.payer)) ?? NOTHING;
      const today = row<SpendRow>(daySpendKey(hold.payer, hold.day)) ?? NOTHING;
      const error = overspent(row<BudgetRow>(budgetKey(hold.payer)), hold, spent, today);
      if (error) return { verdict: 'deny', error };
      crossing.hold = hold;
      return PASS;
    },
  };
}
