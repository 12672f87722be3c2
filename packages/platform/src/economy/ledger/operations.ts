import { AipError } from '@aip/wire';
import { z } from 'zod';
import type { Exchange } from '../../exchange/index.ts';
import { operation, type Operation } from '../../kernel/operation.ts';
import { accountKey, holdKey, holdsOf, type AccountRow, type HoldRow } from './decider.ts';

/** Amounts in integer units. */
const transferSchema = z.object({
  task: z.string(),
  payer: z.string(),
  payee: z.string(),
  amount: z.number(),
  state: z.string(),
  at: z.string(),
});

/** The ledger, read and mended: statements, and what to do with money whose call ended with its effect unknown. */
export function ledgerOperations(exchange: () => Exchange): Operation[] {
  const read = () => exchange().journal.read;

  return [
    operation({
      name: 'ledger.statement',
      summary: 'What a principal has paid and been paid, and its latest transfers.',
      effect: 'read',
      plane: 'control',
      input: z.object({
        principal: z.string().min(1).max(256),
        limit: z.coerce.number().int().min(1).max(500).default(50),
      }),
      output: z.object({
        principal: z.string(),
        paid: z.number(),
        paid_pending: z.number(),
        received: z.number(),
        received_pending: z.number(),
        transfers: z.array(transferSchema),
      }),
      handler({ principal }, input) {
        const account = read().row(principal.tenant, accountKey(input.principal)) as unknown as AccountRow | undefined;
        const transfers = read().list(principal.tenant, holdsOf(input.principal), { limit: input.limit });
        return {
          output: {
            principal: input.principal,
            paid: account?.debitsPosted ?? 0,
            paid_pending: account?.debitsPending ?? 0,
            received: account?.creditsPosted ?? 0,
            received_pending: account?.creditsPending ?? 0,
            transfers: transfers.map(({ value }) => transferView(value as unknown as HoldRow)),
          },
        };
      },
    }),
    operation({
      name: 'ledger.open',
      summary: 'Holds of calls that ended with their effect unknown: somebody has to look.',
      effect: 'read',
      plane: 'control',
      input: z.object({}),
      output: z.object({ transfers: z.array(transferSchema) }),
      handler: ({ principal }) => ({
        output: {
          transfers: read()
            .open(principal.tenant, 'hold:')
            .map(({ value }) => transferView(value as unknown as HoldRow)),
        },
      }),
    }),
    operation({
      name: 'ledger.reconcile',
      summary: 'Captures or releases the hold of a call whose effect was unknown.',
      effect: 'write',
      plane: 'control',
      input: z.object({ task: z.string().min(1).max(128), resolution: z.enum(['captured', 'released']) }),
      output: z.object({ task: z.string(), resolution: z.string(), amount: z.number() }),
      handler({ principal }, { task, resolution }) {
        const row = read().row(principal.tenant, holdKey(task)) as unknown as HoldRow | undefined;
        if (!row)
          throw new AipError('NOT_FOUND', `Task ${task} holds no money; "aip budget open" lists those that do.`);
        const { payer, payee, amount, day } = row;
        const head = { task, hold: { payer, payee, amount, day }, resolution, by: principal.id };
        return { output: { task, resolution, amount }, entries: [{ kind: 'ledger.reconcile', head }] };
      },
    }),
  ];
}

const transferView = (row: HoldRow) => ({
  task: row.task,
  payer: row.payer,
  payee: row.payee,
  amount: row.amount,
  state: row.state,
  at: new Date(row.at).toISOString(),
});
