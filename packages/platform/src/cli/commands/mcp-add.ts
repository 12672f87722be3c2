import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { AipError } from '@aip/wire';
import { InvalidArgumentError } from 'commander';
import { parseDocument } from 'yaml';
import { openCli, output, type AddCommand, type Cli } from '../cli.ts';

interface McpFlags {
  readonly url?: string;
  readonly header?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

export const SERVER_NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/i;

export const pair = (text: string, known: Readonly<Record<string, string>> = {}): Record<string, string> => {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('Expected <name>=<value>.');
  return { ...known, [name]: value };
};

export const addAdd: AddCommand = (program, bind) => {
  const add = program.command('add').description('connect what others run');
  output(
    add
      .command('mcp')
      .description('put an MCP server behind the exchange: its tools are governed from then on')
      .argument('<name>', 'what it is called here; its tools are tool:<name>/<tool>')
      .argument('[command...]', 'the command that starts it, after --; goes into aip.yaml')
      .option('--url <url>', 'the server’s URL, for one that runs already; connected at once')
      .option('--header <name=value>', 'a header for that URL; may be given again', pair)
      .option('--env <name=value>', 'a variable for that command; may be given again', pair),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  aip add mcp files -- npx -y @modelcontextprotocol/server-filesystem ./notes\n  aip add mcp search --url https://mcp.example.com/mcp --header "Authorization=Bearer …"\n\nCommands are taken from aip.yaml only, so that nobody can start\na program through the platform’s interfaces.\nWhere the platform is comes from AIP_URL or the settings: --url is the server’s here.',
    )
    .action(bind(addMcp));
};

async function addMcp(cli: Cli, name: string, command: readonly string[], flags: McpFlags): Promise<void> {
  if (!SERVER_NAME.test(name))
    throw new AipError(
      'CONFIG_INVALID',
      `"${name}" is not a name for a server: letters, digits, dash and underscore, at most 32.`,
    );
  if ((flags.url === undefined) === (command.length === 0)) {
    throw new AipError('CONFIG_INVALID', 'Give either the command that starts the server, after --, or its --url.');
  }
  const [program, ...args] = command;
  if (flags.url === undefined) {
    const { env = {} } = flags;
    const server = {
      command: program,
      ...(args.length > 0 ? { args } : {}),
      ...(Object.keys(env).length > 0 ? { env } : {}),
    };
    return keepInSettings(cli, name, server);
  }
  // Not by its own --url, which is the server's.
  const platform = openCli(cli.world, {});
  const added = await (
    await platform.client()
  ).operate('mcp.add', { name, url: flags.url, headers: flags.header ?? {} });
  cli.show(
    added,
    () => `${name} is added, for every later start too; its URL and headers are kept encrypted.\n${whoMay(name)}`,
  );
}

/**
 * Writes the server into `aip.yaml`, whose other lines and comments stay as they are, and the secrets that it cites into
 * the vault.
 */
export async function keepInSettings(
  cli: Cli,
  name: string,
  server: Readonly<Record<string, unknown>>,
  secrets: Readonly<Record<string, string>> = {},
): Promise<void> {
  const file = path.resolve(cli.world.cwd, cli.world.env['AIP_CONFIG'] ?? 'aip.yaml');
  const document = parseDocument(existsSync(file) ? readFileSync(file, 'utf8') : '');
  if (document.errors.length > 0) throw new AipError('CONFIG_INVALID', `${file}: ${document.errors[0]?.message}`);
  const place = ['mcp', 'servers', name];
  if (document.hasIn(place))
    throw new AipError(
      'CONFLICT',
      `${file} has a server "${name}" already; take it out first, or choose another name.`,
    );
  const kept = Object.keys(secrets);
  if (kept.length > 0) await keepSecrets(cli, secrets);
  document.setIn(place, document.createNode(server));
  writeFileSync(file, document.toString(), { mode: 0o600 });
  cli.show(
    { name, file, ...server },
    () =>
      `Wrote ${name} to ${file}.\nIt is started with the platform ("aip dev" starts anew by itself).\n${kept.map((secret) => `Kept the secret ${secret}.\n`).join('')}${whoMay(name)}`,
  );
}

/** By the platform that runs on the data folder of these settings, else straight into that folder. */
async function keepSecrets(cli: Cli, secrets: Readonly<Record<string, string>>): Promise<void> {
  const [local, { dataDir }] = await Promise.all([cli.local(), cli.settings()]);
  if (await local.keepSecrets(dataDir, secrets)) return;
  const client = await cli.client();
  for (const [name, value] of Object.entries(secrets)) await client.operate('secrets.set', { name, value });
}

const whoMay = (name: string): string =>
  `"aip policy explain <agent> tool:${name}/<tool>" says who may call its tools.`;
