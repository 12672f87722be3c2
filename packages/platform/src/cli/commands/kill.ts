import { common, type AddCommand } from '../cli.ts';
import { stoppedScope, table, type Column } from '../table.ts';
import { when } from '../times.ts';

/** A scope that is stopped or paused. */
interface StopView {
  readonly scope: string;
  readonly name?: string;
  readonly mode: string;
  readonly reason: string;
  readonly by: string;
  readonly at: string;
  readonly seq: number;
}

const columns: readonly Column<StopView>[] = [
  { title: 'SCOPE', of: stoppedScope },
  { title: 'MODE', of: ({ mode }) => mode, look: ({ mode }) => (mode === 'kill' ? 'red' : 'yellow') },
  { title: 'SINCE', of: ({ at }) => when(at) },
  { title: 'BY', of: ({ by }) => by },
  { title: 'ENTRY', of: ({ seq }) => seq, align: 'right' },
  { title: 'REASON', of: ({ reason }) => reason },
];

const SCOPES = `
Scopes:
  global              everything
  agent:<name|DID>    one agent, and what acts on its behalf
  capability:<name>   one capability, whoever offers it
  server:<name>       one MCP server
  protocol:<name>     one protocol: mcp, a2a, ioap or http
  session:<id>        one connection; the log names it in the scopes of its messages
  tenant:<name>       one tenant

A scope may be stopped before anything is in it; the answer says when nothing is.`;

export const addKill: AddCommand = (program, bind) => {
  for (const [mode, description] of [
    ['kill', 'stop a scope now: close its sessions, cancel its tasks, refuse everything until it is released'],
    ['pause', 'refuse new calls under a scope; what runs may end'],
  ] as const) {
    common(
      program
        .command(mode)
        .description(description)
        .argument('<scope>', 'one of the scopes below')
        .option('--reason <text>', 'why, for whoever is refused and for the record'),
    )
      .addHelpText('after', `${SCOPES}\n\nExample:\n  aip ${mode} agent:echo --reason "it loops"`)
      .action(
        bind(async (cli, scope: string, { reason }: { reason?: string }) => {
          const stopped = await (
            await cli.client()
          ).operate(`kills.${mode}`, { scope, ...(reason === undefined ? {} : { reason }) });
          cli.show(stopped, (stop) => {
            const effect =
              mode === 'kill'
                ? ` ${counted(stop.sessions_closed, 'session')} closed, ${counted(stop.tasks_stopped, 'task')} stopped.`
                : '';
            const done = stop.mode === 'pause' ? 'paused' : 'stopped';
            return [
              stop.already
                ? `${scope} was ${done} already, since ${when(stop.received_at)}: ${stop.reason}. That stays in force.${effect}`
                : `${scope} is ${done} since ${when(stop.received_at)}.${effect}`,
              ...(!stop.matches
                ? [cli.style('yellow', `Nothing matches ${scope} now; whatever comes under that name will be ${done}.`)]
                : []),
              `To let it go on: aip release ${scope} --reason "…"`,
            ].join('\n');
          });
        }),
      );
  }
};

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

export const addRelease: AddCommand = (program, bind) => {
  common(
    program
      .command('release')
      .description('let a stopped or paused scope go on')
      .argument('<scope>', 'as "aip kills" lists it; agents by their name, too')
      .option('--reason <text>', 'why'),
  ).action(
    bind(async (cli, scope: string, { reason }: { reason?: string }) => {
      const released = await (
        await cli.client()
      ).operate('kills.release', { scope, ...(reason === undefined ? {} : { reason }) });
      cli.show(released, () => `${scope} is released.`);
    }),
  );
};

export const addKills: AddCommand = (program, bind) => {
  common(program.command('kills').description('what is stopped or paused now')).action(
    bind(async (cli) => {
      const answer = await (await cli.client()).operate('kills.list', {});
      cli.show(answer, ({ kills }) =>
        kills.length === 0 ? 'Nothing is stopped.' : table<StopView>(kills, columns, cli.style),
      );
    }),
  );
};
