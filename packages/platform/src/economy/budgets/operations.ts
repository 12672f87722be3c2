import { AipError, toAipError } from '@aip/wire';
import { z } from 'zod';
import type { Exchange } from '../../exchange/index.ts';
import { operation, type Operation } from '../../kernel/operation.ts';
import { budgetKey, dayOf, daySpendKey, spendKey, type BudgetRow, type SpendRow } from './decider.ts';

const units = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional();

const budgetView = z.object({
  principal: z.string(),
  name: z.string(),
  per_call: z.number().optional(),
  per_day: z.number().optional(),
  total: z.number().optional(),
  spent_today: z.number(),
  spent_total: z.number(),
  held: z.number(),
  /** Who has set it. */
  by: z.string().optional(),
});

/** Budgets: set, and looked at with what has been spent. */
export function budgetOperations(exchange: () => Exchange, now: () => number): Operation[] {
  function view(tenant: string, budget: BudgetRow): z.infer<typeof budgetView> {
    const spend = (key: string): SpendRow =>
      (exchange().journal.read.row(tenant, key) as unknown as SpendRow | undefined) ?? { spent: 0, held: 0 };
    const total = spend(spendKey(budget.principal));
    const agent = exchange().catalogue.get(`agent:${budget.principal}`);
    return {
      ...budget,
      name: agent?.name ?? budget.principal,
      spent_today: spend(daySpendKey(budget.principal, dayOf(now()))).spent,
      spent_total: total.spent,
      held: total.held,
    };
  }

  /** Agents may be named; budgets know them by their DID. */
  function principalId(name: string): string {
    if (name.includes(':')) return name;
    try {
      return exchange().catalogue.resolve(`agent:${name}`).owner;
    } catch (error) {
      throw new AipError('UNKNOWN_AGENT', `${toAipError(error).message} Services are named service:<name>.`);
    }
  }

  return [
    operation({
      name: 'budgets.set',
      summary: 'Sets what a principal may spend: per call, per UTC day, in total. A limit left out does not limit.',
      effect: 'write',
      plane: 'control',
      input: z.object({ principal: z.string().min(1).max(256), per_call: units, per_day: units, total: units }),
      output: budgetView,
      handler({ principal }, input) {
        const budget: BudgetRow = {
          principal: principalId(input.principal),
          ...(input.per_call === undefined ? {} : { per_call: input.per_call }),
          ...(input.per_day === undefined ? {} : { per_day: input.per_day }),
          ...(input.total === undefined ? {} : { total: input.total }),
        };
        return {
          output: view(principal.tenant, budget),
          entries: [{ kind: 'budget.set', head: { ...budget, by: principal.id } }],
        };
      },
    }),
    operation({
      name: 'budgets.list',
      summary: 'All budgets with what has been spent and what is held.',
      effect: 'read',
      plane: 'control',
      input: z.object({}),
      output: z.object({ budgets: z.array(budgetView) }),
      handler({ principal }) {
        const rows = exchange().journal.read.open(principal.tenant, 'budget:');
        return { output: { budgets: rows.map(({ value }) => view(principal.tenant, value as unknown as BudgetRow)) } };
      },
    }),
    operation({
      name: 'budgets.get',
      summary: 'One budget with what has been spent and what is held.',
      effect: 'read',
      plane: 'control',
      input: z.object({ principal: z.string().min(1).max(256) }),
      output: budgetView,
      handler({ principal }, input) {
        const id = principalId(input.principal);
        const row = exchange().journal.read.row(principal.tenant, budgetKey(id));
        if (!row)
          throw new AipError(
            'NOT_FOUND',
            `${input.principal} has no budget, so it can pay for nothing; "aip budget set" gives one.`,
          );
        return { output: view(principal.tenant, row as unknown as BudgetRow) };
      },
    }),
  ];
}
