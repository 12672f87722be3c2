import { AipError, type JsonObject } from '@aip/wire';
import { InvalidArgumentError } from 'commander';
import { common, type AddCommand } from '../cli.ts';
import { table } from '../table.ts';

interface BudgetView {
  readonly payer: string;
  readonly per_call?: number;
  readonly per_day?: number;
  readonly spent_today?: number;
  readonly held?: number;
}

function units(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number of units.');
}

export const addBudget: AddCommand = (program, bind) => {
  const budget = program.command('budget').description('hard limits on what agents may spend');

  common(budget.command('list', { isDefault: true }).description('every budget, with what is spent and held')).action(
    bind(async (cli) => {
      const answer = await (await cli.client()).operate('budgets.list', {});
      const budgets = (answer as JsonObject)['budgets'] as unknown as BudgetView[];
      cli.show(answer, () =>
        budgets.length === 0
          ? 'No budgets. "aip budget set <agent> --per-day 1000" sets one.'
          : table(
              budgets,
              [
                { title: 'PAYER', of: ({ payer }) => payer },
                { title: 'PER CALL', of: (row) => row.per_call, align: 'right' },
                { title: 'PER DAY', of: (row) => row.per_day, align: 'right' },
                { title: 'SPENT TODAY', of: (row) => row.spent_today, align: 'right' },
                { title: 'HELD', of: ({ held }) => held, align: 'right' },
              ],
              cli.style,
            ),
      );
    }),
  );

  common(
    budget
      .command('set')
      .description('set what an agent may spend, in units')
      .argument('<agent>', 'name or DID')
      .option('--per-call <units>', 'at most this for one call', units)
      .option('--per-day <units>', 'at most this each day (UTC)', units),
  )
    .addHelpText('after', '\nExample:\n  aip budget set planner --per-call 5 --per-day 100')
    .action(
      bind(async (cli, agent: string, { perCall, perDay }: { perCall?: number; perDay?: number }) => {
        if (perCall === undefined && perDay === undefined) throw new AipError('CONFIG_INVALID', 'Give --per-call, --per-day or both.');
        const limits = { ...(perCall === undefined ? {} : { per_call: perCall }), ...(perDay === undefined ? {} : { per_day: perDay }) };
        const answer = await (await cli.client()).operate('budgets.set', { agent, ...limits });
        cli.show(answer, () => `${agent} may spend ${[perCall === undefined ? [] : `${perCall} a call`, perDay === undefined ? [] : `${perDay} a day`].flat().join(' and ')}.`);
      }),
    );
};
