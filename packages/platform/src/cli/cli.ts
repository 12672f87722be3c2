import { readFileSync } from 'node:fs';
import { AipClient } from '@aip/sdk';
import { AipError } from '@aip/wire';
import type { Command } from 'commander';
import { isLoopbackHost } from '../exchange/origin.ts';
import { IdleFolderError, type ExitCode } from './exit-codes.ts';
import type { Local, Settings } from './local.ts';
import { printable, styleFor, type Style } from './table.ts';

/** The world around the command, given so that tests can be it. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Whether standard output is a terminal. */
  readonly terminal: boolean;
  /** How wide that terminal is, in characters; 80 unless it is one. */
  readonly columns?: number | undefined;
  /** Writes a text and the end of its line to standard output. */
  out(text: string): void;
  err(text: string): void;
  /** A secret from standard input, or typed unseen at a terminal. */
  secret(prompt: string): Promise<string>;
  /** Resolves when the process is asked to end. */
  stopped(): Promise<void>;
  local(): Promise<Local>;
}

/** Options that every command has. */
export interface CommonOptions {
  readonly output?: 'table' | 'json';
  readonly url?: string;
  readonly token?: string;
  readonly dataDir?: string;
}

/** What a command works with. */
export interface Cli {
  readonly world: World;
  readonly style: Style;
  readonly json: boolean;
  /** The platform, as the operator. Throws CONFIG_INVALID. */
  client(): Promise<AipClient>;
  local(): Promise<Local>;
  /** Where the platform is. Warns, once, of what is wrong with the rest of the settings. */
  settings(): Promise<Settings>;
  /** The same for who tells of their faults itself. */
  settingsUnwarned(): Promise<Settings>;
  /** Prints a value: as JSON with `-o json`, else as `render` shows it. */
  show<T>(value: T, render: (value: T) => string): void;
}

export function openCli(world: World, options: CommonOptions): Cli {
  const json = options.output === 'json';
  const style = styleFor(world.terminal, world.env);
  let isTold = false;
  const settingsUnwarned = async (): Promise<Settings> => {
    isTold = true;
    const local = await world.local();
    return local.settings({ data_dir: options.dataDir });
  };
  const settings = async (): Promise<Settings> => {
    const wasTold = isTold;
    const found = await settingsUnwarned();
    if (!wasTold && found.faults) world.err(`${style('yellow', 'aip:')} ${warningOf(found.faults)}`);
    return found;
  };
  return {
    world,
    json,
    style,
    settings,
    settingsUnwarned,
    local: () => world.local(),
    async client() {
      const url = options.url ?? world.env['AIP_URL'] ?? urlIn(await settings());
      const token = options.token ?? world.env['AIP_TOKEN'] ?? (await operatorToken(url, settings));
      return new AipClient({ url, ...(token === undefined ? {} : { token }) });
    },
    show(value, render) {
      world.out(json ? JSON.stringify(value, null, 2) : render(value));
    },
  };
}

/** One line: whoever has called for a kill is not to look for its answer. */
function warningOf([first = '', ...more]: readonly string[]): string {
  const rest = more.length === 0 ? '' : ` (and ${more.length} more: aip doctor)`;
  return `goes on without the settings that are wrong: ${printable(first.split('\n')[0])}${rest}`;
}

function urlIn({ url, dataDir, idle }: Settings): string {
  if (idle) throw new IdleFolderError(dataDir);
  return url;
}

/** The credential file in the data folder opens this machine's platform; it is sent nowhere else. */
async function operatorToken(url: string, settings: () => Promise<Settings>): Promise<string | undefined> {
  if (!isLoopbackHost(URL.parse(url)?.host)) return undefined;
  const { adminToken, tokenFile } = await settings();
  if (adminToken !== undefined) return adminToken;
  try {
    return readFileSync(tokenFile, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new AipError(
      'CONFIG_INVALID',
      `The credential file ${tokenFile} cannot be read: ${(error as Error).message}. Run as its owner, or give a token with --token.`,
      { cause: error },
    );
  }
}

/** Adds the options that every command has. */
export function common(command: Command): Command {
  return connection(output(command));
}

export const output = (command: Command): Command =>
  command
    .optionsGroup('Common options:')
    .addOption(command.createOption('-o, --output <format>', 'how to print').choices(['table', 'json']));

/** Where the platform is, and who asks. */
export const connection = (command: Command): Command =>
  command
    .option('--url <url>', 'where the platform is (AIP_URL; found by its data folder unless given)')
    .option('--token <token>', 'API token (AIP_TOKEN; the credential file of the data folder unless given)')
    .option('--data-dir <folder>', 'data folder of a platform on this machine (AIP_DATA_DIR, ./.aip)');

/** A handler for commander: gets what it works with first, then its arguments and its options. */
export type Handler<Args extends unknown[]> = (cli: Cli, ...args: Args) => Promise<ExitCode | void>;
export type Bind = <Args extends unknown[]>(handler: Handler<Args>) => (...args: unknown[]) => Promise<void>;
/** Adds one command, or one with its own subcommands. */
export type AddCommand = (program: Command, bind: Bind) => void;
