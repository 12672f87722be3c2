import type { JsonObject } from '@aip/wire';
import { common, type AddCommand, type Cli } from '../cli.ts';
import { short, table } from '../table.ts';

interface AskView {
  readonly id: string;
  readonly state: string;
  readonly from_name: string;
  readonly to: string;
  readonly arguments?: JsonObject;
  readonly asked_at: string;
  readonly expires_at?: string;
}

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
      const asks = answer.asks as unknown as AskView[];
      cli.show(answer, () => (asks.length === 0 ? 'Nothing waits for an approval.' : askTable(asks, cli)));
    }),
  );
};

const askTable = (asks: readonly AskView[], cli: Cli): string =>
  table(
    asks,
    [
      { title: 'ASK', of: ({ id }) => id },
      { title: 'STATE', of: ({ state }) => state, look: ({ state }) => (state === 'open' ? 'yellow' : 'dim') },
      { title: 'FROM', of: (ask) => short(ask.from_name) },
      { title: 'TO', of: ({ to }) => short(to) },
      { title: 'EXPIRES', of: (ask) => ask.expires_at },
      { title: 'ARGUMENTS', of: (ask) => (ask.arguments ? JSON.stringify(ask.arguments) : '') },
    ],
    cli.style,
  );

export const addApprove: AddCommand = (program, bind) => {
  common(
    program
      .command('approve')
      .description('let a waiting call go on, with exactly these arguments, once')
      .argument('<ask>')
      .option('--reason <text>', 'why'),
  ).action(bind((cli, ask: string, { reason }: { reason?: string }) => decide(cli, ask, 'approve', reason)));
};

export const addDeny: AddCommand = (program, bind) => {
  common(
    program.command('deny').description('refuse a waiting call').argument('<ask>').option('--reason <text>', 'why'),
  ).action(bind((cli, ask: string, { reason }: { reason?: string }) => decide(cli, ask, 'deny', reason)));
};

async function decide(cli: Cli, ask: string, verdict: 'approve' | 'deny', reason: string | undefined): Promise<void> {
  const client = await cli.client();
  const answered = await client.operate('asks.answer', { ask, verdict, ...(reason === undefined ? {} : { reason }) });
  cli.show(answered, () =>
    verdict === 'approve' ? `Approved ${ask}; the call goes on.` : `Denied ${ask}; the call is refused.`,
  );
}
