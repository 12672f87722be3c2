import { CommanderError } from 'commander';
import type { World } from './cli.ts';
import { EXIT, exitCodeOf, toShownError, wrongInputs, type ExitCode } from './exit-codes.ts';
import { buildProgram, FOR_HELP } from './program.ts';
import { printable, styleFor } from './table.ts';

/** Runs one command line, without the name of the command itself; returns the exit code. Never throws. */
export async function runCli(args: readonly string[], world: World): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = buildProgram(world, (ended) => {
    code = ended;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    // Commander has said already what is wrong with the command line.
    if (error instanceof CommanderError)
      return error.exitCode === 0 || error.code === 'commander.help' ? EXIT.ok : EXIT.usage;
    report(error, args, world);
    return exitCodeOf(error);
  }
}

function report(thrown: unknown, args: readonly string[], world: World): void {
  const error = toShownError(thrown);
  if (wantsJson(args)) return world.err(JSON.stringify({ error: error.toJSON() }, null, 2));
  const style = styleFor(world.terminal, world.env);
  const wrong = wrongInputs(error);
  const lines = [...(wrong ?? error.message.split('\n')).map(printable), ...(wrong ? [FOR_HELP] : [])];
  world.err(`${style('red', 'aip:')} ${lines.join('\n')}${hint(error.code, world)}`);
}

/** What the platform cannot know: how its answer comes about on this side. */
function hint(code: string, { env }: World): string {
  if (code === 'PERMISSION_DENIED' && env['AIP_TOKEN'] !== undefined)
    return '\nAIP_TOKEN says who you are here; without it you are the operator of this folder’s platform.';
  if (code !== 'UNAUTHENTICATED') return '';
  return '\nRun this where the platform’s data folder is (--data-dir), or give a token with --token or AIP_TOKEN.';
}

const wantsJson = (args: readonly string[]): boolean =>
  args.some(
    (arg, at) =>
      arg === '-ojson' || arg === '--output=json' || ((arg === '-o' || arg === '--output') && args[at + 1] === 'json'),
  );
