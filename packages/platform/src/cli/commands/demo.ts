import { connection, type AddCommand, type Cli } from '../cli.ts';
import type { Stage } from '../demo/stage.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { wrapped } from '../table.ts';

export const addDemo: AddCommand = (program, bind) => {
  const demo = program
    .command('demo')
    .description('see what the platform is for, with real agents and tools; it cleans up after itself');

  connection(
    demo
      .command('runaway')
      .description('an agent runs away: budget, approval, kill, and the proof of it')
      .option('--auto', 'approve and kill without waiting for you'),
  )
    .addHelpText(
      'after',
      '\nWatch it in the dashboard ("aip dashboard" opens it).\nIt needs a running platform on this machine ("aip up").',
    )
    .action(
      bind(async (cli, { auto = false }: { auto?: boolean }) => {
        const { demoRunaway } = await import('../demo/runaway.ts');
        const { dataDir } = await cli.settings();
        const client = await cli.client();
        return onStage(cli, (stage, say) =>
          demoRunaway({ stage, client, dataDir, auto: auto || !cli.world.terminal, say }),
        );
      }),
    );

  demo
    .command('crash')
    .description('kill -9 in the middle of a task, and a new start: nothing is lost, nothing is repeated')
    .addHelpText('after', '\nIt starts a platform of its own in a temporary folder; a running one is not touched.')
    .action(
      bind(async (cli) => {
        const { demoCrash } = await import('../demo/crash.ts');
        return onStage(cli, (stage, say) => demoCrash({ stage, say }));
      }),
    );
};

/** Runs a demonstration to its end, or until somebody presses Ctrl-C; either way nothing of it stays. */
async function onStage(
  cli: Cli,
  demonstrate: (stage: Stage, say: (line: string) => void) => Promise<boolean>,
): Promise<ExitCode> {
  const { openStage } = await import('../demo/stage.ts');
  await using stage = openStage();
  const say = (line: string): void => {
    const text = line.trimStart();
    cli.world.out(wrapped(text, line.length - text.length));
  };
  const shown = demonstrate(stage, say);
  const broken = cli.world.stopped().then(() => {
    cli.world.out('Broken off; cleaning up.');
    return undefined;
  });
  const proven = await Promise.race([shown, broken]);
  // What it still waits for ends with its processes.
  void shown.catch(() => {});
  if (proven === undefined) return EXIT.failed;
  return proven ? EXIT.ok : EXIT.unverified;
}
