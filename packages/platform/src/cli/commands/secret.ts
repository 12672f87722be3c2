import { AipError } from '@aip/wire';
import { common, type AddCommand } from '../cli.ts';

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
    bind(async (cli, name: string) =>
      cli.show(await (await cli.client()).operate('secrets.remove', { name }), () => `Removed ${name}.`),
    ),
  );
};
