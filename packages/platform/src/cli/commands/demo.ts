import { connection, type AddCommand } from '../cli.ts';
import { EXIT } from '../exit-codes.ts';

export const addDemo: AddCommand = (program, bind) => {
  const demo = program.command('demo').description('see what the platform is for, with real agents and tools');

  connection(
    demo
      .command('runaway')
      .description('an agent runs away: budget, approval, kill, and the proof of it')
      .option('--auto', 'approve and kill without waiting for you'),
  )
    .addHelpText(
      'after',
      '\nWatch it in the dashboard ("aip dashboard" opens it). It needs a running platform on this machine ("aip up").',
    )
    .action(
      bind(async (cli, { auto = false }: { auto?: boolean }) => {
        const { demoRunaway } = await import('../demo/runaway.ts');
        const { dataDir } = await cli.settings();
        const proven = await demoRunaway({
          client: await cli.client(),
          dataDir,
          auto: auto || !cli.world.terminal,
          say: (line) => cli.world.out(line),
        });
        return proven ? EXIT.ok : EXIT.unverified;
      }),
    );

  demo
    .command('crash')
    .description('kill -9 in the middle of a task, and a new start: nothing is lost, nothing is repeated')
    .addHelpText('after', '\nIt starts a platform of its own in a temporary folder; a running one is not touched.')
    .action(
      bind(async (cli) => {
        const { demoCrash } = await import('../demo/crash.ts');
        return (await demoCrash({ say: (line) => cli.world.out(line) })) ? EXIT.ok : EXIT.unverified;
      }),
    );
};
