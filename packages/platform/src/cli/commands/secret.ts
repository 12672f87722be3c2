import { AipError } from '@aip/wire';
import { common, type AddCommand, type Cli } from '../cli.ts';
import { entryAt, settingsFile } from '../settings-file.ts';
import { printable } from '../table.ts';

export const addSecret: AddCommand = (program, bind) => {
  const secret = program.command('secret').description('keep secrets, encrypted, for settings to cite by name');

  common(
    secret
      .command('set')
      .description('keep a secret; it is read from standard input, or typed unseen, and never shown again')
      .argument('<name>', 'letters, digits, dot, dash and underscore'),
  )
    .addHelpText('after', '\nExamples:\n  aip secret set weather-key\n  pass show weather | aip secret set weather-key')
    .action(
      bind(async (cli, name: string) => {
        const value = await cli.world.secret(`${name}: `);
        if (value === '') throw new AipError('CONFIG_INVALID', 'No secret was given; type it, or pipe it in.');
        const kept = await (await cli.client()).operate('secrets.set', { name, value });
        cli.show(kept, () => `Kept ${name}.`);
      }),
    );

  common(secret.command('list').description('the names of the secrets that are kept')).action(
    bind(async (cli) => {
      const answer = await (await cli.client()).operate('secrets.list', {});
      const { names } = answer;
      cli.show(answer, () =>
        names.length === 0 ? 'No secrets. "aip secret set <name>" keeps one.' : names.join('\n'),
      );
    }),
  );

  common(secret.command('remove').description('forget a secret').argument('<name>')).action(
    bind(async (cli, name: string) => {
      const citing = serversCiting(cli, name);
      const removed = await (await cli.client()).operate('secrets.remove', { name });
      cli.show(removed, () => `Removed ${name}.`);
      for (const server of citing)
        cli.world.err(
          `The server ${printable(server)} of aip.yaml cites it, and cannot be reached anew until it is set again: aip secret set ${name}`,
        );
    }),
  );
};

/** Servers of the settings file of this folder that cite a secret, alone or in the middle of a text. */
function serversCiting(cli: Cli, secret: string): readonly string[] {
  const servers = entryAt(settingsFile(cli.world).text, ['mcp', 'servers']);
  if (typeof servers !== 'object' || servers === null) return [];
  const cites = (value: unknown): boolean => {
    if (typeof value === 'string') return value.includes(`{vault:${secret}}`);
    if (typeof value !== 'object' || value === null) return false;
    return Object.entries(value).some(([key, inner]) => (key === 'vault' && inner === secret) || cites(inner));
  };
  return Object.entries(servers)
    .filter(([, server]) => cites(server))
    .map(([name]) => name);
}
