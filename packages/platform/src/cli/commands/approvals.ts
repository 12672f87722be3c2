import type { Operations } from '@aip/sdk';
import { common, type AddCommand, type Cli } from '../cli.ts';
import { cut, folded, short, table, type Column } from '../table.ts';
import { ago } from '../times.ts';

/** An approval also says the price, in units. */
type AskView = Operations['asks.list']['output']['asks'][number] & { readonly price?: number };

export const addApprovals: AddCommand = (program, bind) => {
  const approvals = program.command('approvals').description('calls that wait for a person');
  common(
    approvals
      .command('list', { isDefault: true })
      .description('what waits now')
      .option('--all', 'what was answered too'),
  ).action(
    bind(async (cli, { all }: { all?: boolean }) => {
      const answer = await (await cli.client()).operate('asks.list', { state: all ? 'all' : 'open' });
      cli.show(answer, ({ asks }) => (asks.length === 0 ? 'Nothing waits for an approval.' : askTable(asks, cli)));
    }),
  );
};

const columns: readonly Column<AskView>[] = [
  { title: 'ASK', of: ({ id }) => id },
  { title: 'STATE', of: ({ state }) => state, look: ({ state }) => (state === 'open' ? 'yellow' : 'dim') },
  { title: 'EXPIRES', of: ({ expires_at: at }) => at && ago(at) },
  { title: 'CALL', of: (ask) => cut(callOf(ask), CALL_WIDTH) },
];

const CALL_WIDTH = 32;
const callOf = ({ from_name: from, to }: AskView): string => `${short(from)} → ${short(to)}`;

/** What waits; below it each call with its price and its arguments, whole: that is what is agreed to. */
const askTable = (asks: readonly AskView[], { style }: Cli): string =>
  [
    table(asks, columns, style),
    ...asks.map((ask) =>
      [
        style('dim', ask.id),
        folded(callOf(ask), 2),
        ...(ask.price ? [folded(`for ${ask.price} ${ask.price === 1 ? 'unit' : 'units'}`, 2)] : []),
        ...(ask.arguments ? [folded(JSON.stringify(ask.arguments), 2)] : []),
      ].join('\n'),
    ),
  ].join('\n\n');

const ASK = 'its id, as "aip approvals" lists it';

export const addApprove: AddCommand = (program, bind) => {
  common(
    program
      .command('approve')
      .description('let a waiting call go on, with exactly these arguments, once')
      .argument('<ask>', ASK)
      .option('--reason <text>', 'why'),
  ).action(bind((cli, ask: string, { reason }: { reason?: string }) => decide(cli, ask, 'approve', reason)));
};

export const addDeny: AddCommand = (program, bind) => {
  common(
    program
      .command('deny')
      .description('refuse a waiting call')
      .argument('<ask>', ASK)
      .option('--reason <text>', 'why'),
  ).action(bind((cli, ask: string, { reason }: { reason?: string }) => decide(cli, ask, 'deny', reason)));
};

async function decide(cli: Cli, ask: string, verdict: 'approve' | 'deny', reason: string | undefined): Promise<void> {
  const client = await cli.client();
  const answered = await client.operate('asks.answer', { ask, verdict, ...(reason === undefined ? {} : { reason }) });
  cli.show(answered, () =>
    verdict === 'approve' ? `Approved ${ask}; the call goes on.` : `Denied ${ask}; the call is refused.`,
  );
}
