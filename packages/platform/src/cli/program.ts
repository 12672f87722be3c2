import { Command } from 'commander';
import { nearest } from '../kernel/nearest.ts';
import { VERSION } from '../kernel/version.ts';
import { openCli, type AddCommand, type CommonOptions, type Handler, type World } from './cli.ts';
import { addAgent } from './commands/agent.ts';
import { addApprovals, addApprove, addDeny } from './commands/approvals.ts';
import { addAudit } from './commands/audit.ts';
import { addBudget } from './commands/budget.ts';
import { addConnect } from './commands/connect.ts';
import { addDemo } from './commands/demo.ts';
import { addDoctor } from './commands/doctor.ts';
import { addKill, addKills, addRelease } from './commands/kill.ts';
import { addAdd } from './commands/mcp-add.ts';
import { addMcp } from './commands/mcp.ts';
import { addDashboard, addStatus } from './commands/platform.ts';
import { addPolicy } from './commands/policy.ts';
import { addSecret } from './commands/secret.ts';
import { addSource } from './commands/source.ts';
import { addDev, addServe, addUp } from './commands/start.ts';
import { addTasks } from './commands/tasks.ts';
import { addToken } from './commands/token.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** Every command, in the order and under the headings that the help shows. */
const COMMANDS: readonly (readonly [heading: string, ...commands: AddCommand[]])[] = [
  ['Run the platform:', addUp, addDev, addServe, addStatus, addDashboard, addDoctor, addDemo],
  ['Agents and tools:', addAgent, addConnect, addAdd, addMcp, addSource, addTasks],
  ['Keep control:', addApprovals, addApprove, addDeny, addKill, addRelease, addKills, addBudget],
  ['Rules and proof:', addPolicy, addAudit, addToken, addSecret],
];

const EPILOGUE = `
First steps:
  aip up                                                  in one terminal; then, in another:
  aip agent create --name hello --capabilities greet
  npx --no node hello.ts &                                (Node 24 or newer, as this brings)
  aip agent invoke hello --skill greet '{"text":"world"}'

Exit codes: ${EXIT.ok} ok, ${EXIT.failed} failed, ${EXIT.usage} wrong usage or settings, ${EXIT.unreachable} no platform, ${EXIT.denied} denied, ${EXIT.unverified} not verified.
Settings: flags, AIP_* variables and aip.yaml. "aip <command> --help" has examples.`;

/** The command line as a whole. `ended` is told what a command's exit code is to be. */
export function buildProgram(world: World, ended: (code: ExitCode) => void): Command {
  function bind<Args extends unknown[]>(handler: Handler<Args>) {
    return async (...given: unknown[]): Promise<void> => {
      const command = given.pop() as Command;
      const cli = openCli(world, command.optsWithGlobals<CommonOptions>());
      ended((await handler(cli, ...(given as Args))) ?? EXIT.ok);
    };
  }
  const program = new Command('aip')
    .description(
      'Agent Infrastructure Platform: every agent and tool behind one exchange, where it is known, permitted, paid for, stoppable and on record.',
    )
    .version(VERSION, '-V, --version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .addHelpText('after', EPILOGUE);
  for (const [heading, ...commands] of COMMANDS) {
    program.commandsGroup(heading);
    for (const add of commands) add(program, bind);
  }
  settle(program, world);
  return program;
}

/** What follows every complaint about the command line. */
export const FOR_HELP = '(add --help for what there is)';

/** Columns of help: those of the terminal, but lines longer than 100 characters are hard to read. */
const helpWidth = ({ columns = 80 }: World): number => Math.min(columns, 100);

/** A group whose list is what it does by itself takes a misspelt command for an argument of the list. */
function unknownSubcommand({ parent, args, registeredArguments }: Command): string | undefined {
  const [given] = args;
  if (!parent?.parent || given === undefined || registeredArguments.length > 0 || parent.args[0] !== given)
    return undefined;
  const meant = nearest(
    given,
    parent.commands.map((command) => command.name()),
  );
  const hint = meant === undefined ? '' : `(Did you mean ${meant}?)\n`;
  return `error: unknown command '${given}'\n${hint}`;
}

/** Errors are thrown instead of ending the process, and every command writes where the world says. */
function settle(command: Command, world: World): void {
  command
    .exitOverride()
    .configureOutput({
      writeOut: (text) => world.out(text.trimEnd()),
      writeErr: (text) => world.err(text.trimEnd()),
      getOutHelpWidth: () => helpWidth(world),
      getErrHelpWidth: () => helpWidth(world),
      outputError: (text, write) => write(unknownSubcommand(command) ?? text),
    })
    .showHelpAfterError(FOR_HELP);
  for (const child of command.commands) settle(child, world);
}
