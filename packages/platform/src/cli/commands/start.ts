import { AipError } from '@aip/wire';
import { Option, type Command } from 'commander';
import type { AddCommand, Cli } from '../cli.ts';
import type { StartOptions } from '../local.ts';

interface StartFlags {
  readonly port?: number;
  readonly host?: string;
  readonly dataDir?: string;
  readonly adminToken?: string;
  readonly config?: string;
  readonly logLevel?: string;
}

interface ServeFlags extends StartFlags {
  readonly protocol: 'mcp' | 'a2a';
  readonly stdio?: boolean;
  readonly virtual?: string;
}

const portOption = new Option('--port <number>', 'port to listen on (AIP_PORT, 8000)').argParser(Number);

/** The settings that a start takes as flags; all of them stand in `aip.yaml` and `AIP_*` variables too. */
const settings = (command: Command): Command =>
  command
    .addOption(portOption)
    .option('--host <name>', 'address to listen on (AIP_HOST, 127.0.0.1)')
    .option('--data-dir <folder>', 'where everything is kept (AIP_DATA_DIR, ./.aip)')
    .option('--admin-token <token>', 'the operator’s token (AIP_ADMIN_TOKEN; made on the first start unless given)')
    .option('--log-level <level>', 'debug, info, warn, error or silent (AIP_LOG_LEVEL, info)');

const flagsOf = ({ port, host, dataDir, adminToken, logLevel }: StartFlags) => ({
  port,
  host,
  data_dir: dataDir,
  admin_token: adminToken,
  log_level: logLevel,
});

export const addUp: AddCommand = (program, bind) => {
  settings(program.command('up').description('start the platform and run it until it is stopped'))
    .addHelpText(
      'after',
      '\nExamples:\n  aip up\n  aip up --port 9000 --data-dir /var/lib/aip\n\nCtrl-C or SIGTERM lets calls in flight end, for at most three seconds.',
    )
    .action(bind((cli, flags: StartFlags) => run(cli, { flags: flagsOf(flags) })));
};

export const addDev: AddCommand = (program, bind) => {
  settings(
    program
      .command('dev')
      .description(
        'start the platform for trying things out: it tells of each call, and starts anew when aip.yaml changes',
      ),
  )
    .addHelpText(
      'after',
      '\nEach call is a line: who calls whom over what, whether it passed and by which policy, how it\nended, how long it took and what it cost. The first start writes a policy that lets agents\ncall each other. Policies are reloaded as you save them, here and with "aip up".',
    )
    .action(bind((cli, flags: StartFlags) => run(cli, { flags: flagsOf(flags), dev: true })));
};

export const addServe: AddCommand = (program, bind) => {
  settings(
    program
      .command('serve')
      .description('serve one protocol only; the dashboard and commands of this machine still reach it'),
  )
    .addOption(new Option('--protocol <name>', 'the protocol to serve').choices(['mcp', 'a2a']).makeOptionMandatory())
    .option('--stdio', 'speak MCP on standard input and output, for clients that start their servers')
    .option('--virtual <name>', 'with --stdio: the virtual server to serve; everything unless given')
    .addHelpText(
      'after',
      '\nExamples:\n  aip serve --protocol mcp --port 8000\n  aip serve --protocol a2a\n  aip serve --protocol mcp --stdio\n  aip serve --protocol mcp --stdio --virtual desk',
    )
    .action(
      bind(async (cli, { protocol, stdio, virtual, ...flags }: ServeFlags) => {
        if (virtual !== undefined && !stdio)
          throw new AipError('CONFIG_INVALID', `Without --stdio the virtual server is at /mcp/v/${virtual}.`);
        if (!stdio) return run(cli, { flags: flagsOf(flags), only: protocol });
        if (protocol !== 'mcp')
          throw new AipError('CONFIG_INVALID', 'Only MCP is spoken on standard input and output: use --protocol mcp.');
        await (await cli.local()).serveStdio(flagsOf(flags), cli.world.stopped(), virtual);
      }),
    );
};

/** Runs until the process is asked to end. The first line on standard output says that all is ready. */
async function run(cli: Cli, options: StartOptions): Promise<void> {
  const local = await cli.local();
  const running = await local.start(options);
  // Before it is said to be ready: whoever waits for that may stop it at once.
  const stopped = cli.world.stopped();
  cli.world.out(`AIP ready on ${running.url}`);
  cli.world.out(
    running.loginUrl === undefined
      ? 'Dashboard: not built. Run "npm run dashboard" in the checkout and start again; "npm start" does both.'
      : `Dashboard (this link works once): ${running.loginUrl}`,
  );
  await stopped;
  await running.stop();
}
