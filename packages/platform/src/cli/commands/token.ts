import { common, type AddCommand } from '../cli.ts';
import { secondsOf } from '../duration.ts';
import { table } from '../table.ts';
import { when } from '../times.ts';

const ROLES = ['caller', 'operator', 'viewer'] as const;
type Role = (typeof ROLES)[number];

export const addToken: AddCommand = (program, bind) => {
  const token = program.command('token').description('make, list and revoke API tokens');

  const create = common(
    token
      .command('create')
      .description('make an API token; it is shown this once')
      .argument('<name>', 'whose it is, for the record')
      .option('--agent <did>', 'the token speaks for this agent')
      .option('--expires <duration>', 'how long it is good, such as 12h or 30d', secondsOf),
  );
  create
    .addOption(
      create.createOption('--roles <roles...>', 'what its bearer is').choices(ROLES).default(['caller'], 'caller'),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  aip token create ci --roles caller --expires 30d\n  export AIP_TOKEN=$(aip token create me --roles operator -o json | jq -r .token)',
    )
    .action(
      bind(
        async (cli, name: string, { roles, agent, expires }: { roles: Role[]; agent?: string; expires?: number }) => {
          const input = {
            name,
            roles,
            ...(agent === undefined ? {} : { agent }),
            ...(expires === undefined ? {} : { expires_in: expires }),
          };
          const made = await (await cli.client()).operate('tokens.create', input);
          cli.show(
            made,
            () => `${made.token}\n\nKeep it now: it is not shown again. Revoke it with: aip token revoke ${made.id}`,
          );
        },
      ),
    );

  common(token.command('list').description('API tokens, without their secrets')).action(
    bind(async (cli) => {
      const answer = await (await cli.client()).operate('tokens.list', {});
      cli.show(answer, ({ tokens }) =>
        tokens.length === 0
          ? 'No tokens. "aip token create <name>" makes one.'
          : table(
              tokens,
              [
                { title: 'ID', of: ({ id }) => id },
                { title: 'NAME', of: ({ name }) => name },
                { title: 'ROLES', of: ({ roles }) => roles.join(', ') },
                { title: 'CREATED', of: (row) => when(row.created_at) },
                { title: 'EXPIRES', of: (row) => (row.expires_at === undefined ? 'never' : when(row.expires_at)) },
                { title: 'AGENT', of: ({ agent }) => agent },
              ],
              cli.style,
            ),
      );
    }),
  );

  common(token.command('revoke').description('revoke a token at once').argument('<id>')).action(
    bind(async (cli, id: string) =>
      cli.show(await (await cli.client()).operate('tokens.revoke', { id }), () => `Revoked ${id}.`),
    ),
  );
};
