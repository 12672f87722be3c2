import type { Operations } from '@aip/sdk';
import { AipError } from '@aip/wire';
import { Argument, InvalidArgumentError } from 'commander';
import { common, type AddCommand, type Cli } from '../cli.ts';
import { cut, short, table } from '../table.ts';
import { when } from '../times.ts';

type BudgetView = Operations['budgets.set']['output'];
type TransferView = Operations['ledger.open']['output']['transfers'][number];

interface Limits {
  readonly perCall?: number;
  readonly perDay?: number;
  readonly total?: number;
}

function units(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number of units.');
}

export const addBudget: AddCommand = (program, bind) => {
  const budget = program.command('budget').description('hard limits on what agents may spend, in integer units');

  common(budget.command('list', { isDefault: true }).description('every budget, with what is spent and held')).action(
    bind(async (cli) => {
      const answer = await (await cli.client()).operate('budgets.list', {});
      cli.show(answer, ({ budgets }) =>
        budgets.length === 0
          ? 'No budgets. "aip budget set <agent> --per-day 1000" sets one.'
          : budgetTable(budgets, cli),
      );
    }),
  );

  common(
    budget
      .command('set')
      .description('set limits; one left out does not limit')
      .argument('<principal>', 'an agent’s name or DID, or service:<token name>')
      .option('--per-call <units>', 'at most this for one call', units)
      .option('--per-day <units>', 'at most this each day (UTC)', units)
      .option('--total <units>', 'at most this ever', units),
  )
    .addHelpText('after', '\nExample:\n  aip budget set planner --per-call 5 --per-day 100')
    .action(
      bind(async (cli, principal: string, { perCall, perDay, total }: Limits) => {
        if (perCall === undefined && perDay === undefined && total === undefined) {
          throw new AipError('CONFIG_INVALID', 'Give --per-call, --per-day, --total or several of them.');
        }
        const limits = {
          ...(perCall === undefined ? {} : { per_call: perCall }),
          ...(perDay === undefined ? {} : { per_day: perDay }),
          ...(total === undefined ? {} : { total }),
        };
        const set = await (await cli.client()).operate('budgets.set', { principal, ...limits });
        cli.show(set, (view) => {
          const advance = `Nobody has the id ${view.principal} now; the budget is for whoever comes under it. "aip budget remove ${view.principal}" takes it away.`;
          return [budgetTable([view], cli), ...(view.in_advance ? ['', cli.style('yellow', advance)] : [])].join('\n');
        });
      }),
    );

  common(
    budget
      .command('remove')
      .description('take a budget away: whoever has none can pay for nothing')
      .argument('<principal>', 'an agent’s name or DID, or service:<token name>'),
  ).action(
    bind(async (cli, principal: string) => {
      const removed = await (await cli.client()).operate('budgets.remove', { principal });
      cli.show(removed, () => `${principal} has no budget any more, and can pay for nothing.`);
    }),
  );

  common(budget.command('open').description('money held by calls that ended with their effect unknown')).action(
    bind(async (cli) => {
      const answer = await (await cli.client()).operate('ledger.open', {});
      cli.show(answer, ({ transfers }) =>
        transfers.length === 0 ? 'Nothing is held by calls that have ended.' : transferTable(transfers, cli),
      );
    }),
  );

  common(
    budget
      .command('reconcile')
      .description('pay such money, or give it back')
      .argument('<task>')
      .addArgument(
        new Argument('<resolution>', 'captured: it did, and is paid; released: it did not').choices([
          'captured',
          'released',
        ]),
      ),
  )
    .addHelpText('after', '\nDo it once you know whether the call took effect. "aip budget open" shows such calls.')
    .action(
      bind(async (cli, task: string, resolution: 'captured' | 'released') => {
        const answer = await (await cli.client()).operate('ledger.reconcile', { task, resolution });
        cli.show(answer, () => `The money held by task ${task} is ${resolution}.`);
      }),
    );
};

/** Characters of a name that leave room for the numbers. */
const WHO = 28;

const budgetTable = (budgets: readonly BudgetView[], cli: Cli): string =>
  table(
    budgets,
    [
      { title: 'WHO', of: ({ name }) => cut(short(name), WHO) },
      { title: 'PER CALL', of: (row) => row.per_call ?? '–', align: 'right' },
      { title: 'PER DAY', of: (row) => row.per_day ?? '–', align: 'right' },
      { title: 'TOTAL', of: ({ total }) => total ?? '–', align: 'right' },
      {
        title: 'SPENT TODAY',
        of: (row) => row.spent_today,
        align: 'right',
        look: (row) => (row.per_day !== undefined && row.spent_today >= row.per_day ? 'red' : undefined),
      },
      { title: 'SPENT', of: (row) => row.spent_total, align: 'right' },
      { title: 'HELD', of: ({ held }) => held, align: 'right' },
    ],
    cli.style,
  );

const transferTable = (transfers: readonly TransferView[], cli: Cli): string =>
  table(
    transfers,
    [
      { title: 'TASK', of: ({ task }) => task },
      { title: 'PAYER', of: ({ payer }) => short(payer) },
      { title: 'PAYEE', of: ({ payee }) => short(payee) },
      { title: 'AMOUNT', of: ({ amount }) => amount, align: 'right' },
      { title: 'STATE', of: ({ state }) => state },
      { title: 'SINCE', of: ({ at }) => when(at) },
    ],
    cli.style,
  );
