import { AipError, toAipError } from '@aip/wire';
import { z } from 'zod';
import type { Exchange } from '../../exchange/index.ts';
import { isDidKey, NOT_A_DID } from '../../kernel/did.ts';
import { operation, type Operation } from '../../kernel/operation.ts';
import { budgetKey, daySpendKey, spendKey, type BudgetRow, type SpendRow } from './decider.ts';
import { today } from './guard.ts';

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

/** Nobody can have a DID that has been cut off. */
const payer = z
  .string()
  .min(1)
  .max(256)
  .refine((id) => !id.startsWith('did:') || isDidKey(id), NOT_A_DID);

export interface BudgetFacts {
  /** Whether anybody who is known has this id. */
  knows(id: string): boolean;
}

/** Budgets: set, looked at with what has been spent, and taken away. */
export function budgetOperations(exchange: () => Exchange, facts: BudgetFacts, now: () => number): Operation[] {
  function view(tenant: string, budget: BudgetRow): z.infer<typeof budgetView> {
    const { read } = exchange().journal;
    const spend = (key: string): SpendRow =>
      (read.row(tenant, key) as unknown as SpendRow | undefined) ?? { spent: 0, held: 0 };
    const total = spend(spendKey(budget.principal));
    const agent = exchange().catalogue.get(`agent:${budget.principal}`);
    return {
      ...budget,
      name: agent?.name ?? budget.principal,
      spent_today: spend(daySpendKey(budget.principal, today(read, tenant, now()))).spent,
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

  const isKnown = (id: string): boolean => exchange().catalogue.get(`agent:${id}`) !== undefined || facts.knows(id);

  return [
    operation({
      name: 'budgets.set',
      summary: 'Sets what a principal may spend: per call, per UTC day, in total. A limit left out does not limit.',
      effect: 'write',
      plane: 'control',
      input: z.object({ principal: payer, per_call: units, per_day: units, total: units }),
      output: budgetView.extend({
        /** Nobody who is known has this id: it is for whoever comes under it. */
        in_advance: z.literal(true).optional(),
      }),
      handler({ principal }, input) {
        const budget: BudgetRow = {
          principal: principalId(input.principal),
          ...(input.per_call === undefined ? {} : { per_call: input.per_call }),
          ...(input.per_day === undefined ? {} : { per_day: input.per_day }),
          ...(input.total === undefined ? {} : { total: input.total }),
        };
        return {
          output: {
            ...view(principal.tenant, budget),
            ...(isKnown(budget.principal) ? {} : { in_advance: true as const }),
          },
          entries: [{ kind: 'budget.set', head: { ...budget, by: principal.id } }],
        };
      },
    }),
    operation({
      name: 'budgets.remove',
      summary:
        'Takes a budget away: from then on the principal can pay for nothing. What it has spent stays on record.',
      effect: 'write',
      plane: 'control',
      input: z.object({ principal: z.string().min(1).max(256) }),
      output: z.object({ principal: z.string() }),
      handler({ principal }, input) {
        const id = principalId(input.principal);
        return {
          output: { principal: id },
          entries: [{ kind: 'budget.remove', head: { principal: id, by: principal.id } }],
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
