import { common, type AddCommand } from '../cli.ts';
import { short, table } from '../table.ts';

const SCOPES = `
Scopes:
  global              everything
  agent:<name|DID>    one agent, and what acts on its behalf
  capability:<name>   one capability, whoever offers it
  server:<name>       one MCP server
  protocol:<name>     one protocol
  session:<id>        one connection
  tenant:<name>       one tenant`;

export const addKill: AddCommand = (program, bind) => {
  for (const [mode, description] of [
    ['kill', 'stop a scope now: close its sessions, cancel its tasks, refuse everything until it is released'],
    ['pause', 'refuse new calls under a scope; what runs may end'],
  ] as const) {
    common(
      program
        .command(mode)
        .description(description)
        .argument('<scope>')
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
              mode === 'kill' ? ` ${stop.sessions_closed} sessions closed, ${stop.tasks_stopped} tasks stopped.` : '';
            return `${scope} is ${mode === 'kill' ? 'stopped' : 'paused'} since ${stop.received_at}.${effect}\nTo let it go on: aip release ${scope} --reason "…"`;
          });
        }),
      );
  }
};

export const addRelease: AddCommand = (program, bind) => {
  common(
    program
      .command('release')
      .description('let a stopped or paused scope go on')
      .argument('<scope>')
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
        kills.length === 0
          ? 'Nothing is stopped.'
          : table(
              kills,
              [
                { title: 'SCOPE', of: ({ scope }) => short(scope) },
                { title: 'MODE', of: ({ mode }) => mode, look: ({ mode }) => (mode === 'kill' ? 'red' : 'yellow') },
                { title: 'SINCE', of: ({ at }) => at },
                { title: 'BY', of: ({ by }) => by },
                { title: 'ENTRY', of: ({ seq }) => seq, align: 'right' },
                { title: 'REASON', of: ({ reason }) => reason },
              ],
              cli.style,
            ),
      );
    }),
  );
};
