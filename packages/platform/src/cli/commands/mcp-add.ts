import { writeFileSync } from 'node:fs';
import type { AipClient, Operations } from '@aip/sdk';
import { AipError, toAipError } from '@aip/wire';
import { InvalidArgumentError } from 'commander';
import { SERVER_NAME, SERVER_NAME_RULE } from '../../kernel/server-name.ts';
import { openCli, output, type AddCommand, type Cli } from '../cli.ts';
import { settingsFile, withEntry } from '../settings-file.ts';
import { printable } from '../table.ts';

type Server = Operations['mcp.list']['output']['servers'][number];

interface McpFlags {
  readonly url?: string;
  readonly header?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly secret?: readonly string[];
}

export const pair = (text: string, known: Readonly<Record<string, string>> = {}): Record<string, string> => {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('Expected <name>=<value>.');
  return { ...known, [name]: value };
};

const listed = (name: string, known: readonly string[] = []): readonly string[] => [...known, name];

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
      .option('--env <name=value>', 'a variable for that command, kept in clear; may be given again', pair)
      .option('--secret <name>', 'a variable or header whose value is typed unseen or piped in', listed),
  )
    .addHelpText(
      'after',
      `
Examples:
  aip add mcp files -- npx -y @modelcontextprotocol/server-filesystem ./notes
  aip add mcp weather --secret API_KEY -- npx -y weather-mcp@1.0.2
  aip add mcp search --url https://mcp.example.com/mcp --secret Authorization

A --secret is kept encrypted in the vault, as "aip secret set" does, and aip.yaml only cites it.
It may be given again; it is the whole value: of Authorization, "Bearer …".
Commands are taken from aip.yaml only, so that nobody can start a program through the
platform’s interfaces. Where the platform is comes from AIP_URL or the settings: --url is
the server’s here.`,
    )
    .action(bind(addMcp));
};

async function addMcp(cli: Cli, name: string, command: readonly string[], flags: McpFlags): Promise<void> {
  if (!SERVER_NAME.test(name))
    throw new AipError('CONFIG_INVALID', `"${name}" is not a name for a server: ${SERVER_NAME_RULE}.`);
  if ((flags.url === undefined) === (command.length === 0)) {
    throw new AipError('CONFIG_INVALID', 'Give either the command that starts the server, after --, or its --url.');
  }
  const [stray, needed] = flags.url === undefined ? (['header', 'a --url'] as const) : (['env', 'a command'] as const);
  if (flags[stray] !== undefined)
    throw new AipError('CONFIG_INVALID', `--${stray} is for ${needed}, which is not given.`);
  if (flags.url === undefined) return addCommand(cli, name, command, flags);
  const headers = { ...flags.header, ...(await askedFor(cli, flags.secret)) };
  // Not by its own --url, which is the server's.
  const client = await openCli(cli.world, {}).client();
  const added = await client.operate('mcp.add', { name, url: flags.url, headers });
  const server = await standing(client, name);
  cli.show({ ...added, ...(server ? { server } : {}) }, () =>
    [
      `${name} is added, for every later start too; its URL and headers are kept encrypted.`,
      ...(server ? [howItStands(server, flags.url as string)] : []),
      whoMay(name),
    ].join('\n'),
  );
}

/** How a server is that was just added: it has been waited for. Undefined for who may not see it. */
async function standing(client: AipClient, name: string): Promise<Server | undefined> {
  const { servers } = await client.operate('mcp.list', {}).catch(() => ({ servers: [] }));
  return servers.find((server) => server.name === name);
}

function howItStands({ name, state, tools, error }: Server, url: string): string {
  if (state === 'active') return `It is connected, and has ${tools === 1 ? '1 tool' : `${tools} tools`}.`;
  if (state === 'starting') return `It has not answered yet; "aip mcp inspect ${name}" says how it goes on.`;
  if (state === 'login_needed') return `It wants a login: aip mcp login ${name}`;
  return `It is not connected, and is tried again at ${withoutSecrets(url)}: ${printable(error) || state}`;
}

/** A URL without user, password and query; its path is known to whoever has just typed it. */
function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

async function addCommand(
  cli: Cli,
  name: string,
  [program, ...args]: readonly string[],
  { env: plain = {}, secret: secretNames = [] }: McpFlags,
): Promise<void> {
  const cited = secretNames.map((key) => [key, { vault: secretName(name, key) }] as const);
  const env = { ...plain, ...Object.fromEntries(cited) };
  const server = {
    command: program,
    ...(args.length > 0 ? { args } : {}),
    ...(Object.keys(env).length > 0 ? { env } : {}),
  };
  // Before anything is asked for or kept: whether it can be written at all.
  settingsWith(cli, name, server);
  const values = await askedFor(cli, secretNames);
  const secrets = Object.entries(values).map(([key, value]) => [secretName(name, key), value] as const);
  await keepInSettings(cli, name, server, Object.fromEntries(secrets));
  for (const key of Object.keys(plain).filter((given) => looksSecret(given, plain[given] as string)))
    cli.world.err(
      `${key} looks like a secret, and now stands in aip.yaml in clear. To keep it encrypted:\n  "aip secret set ${secretName(name, key)}", and in aip.yaml "${key}: { vault: ${secretName(name, key)} }".`,
    );
}

async function askedFor({ world }: Cli, names: readonly string[] = []): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const name of names) {
    values[name] = await world.secret(`${name}: `);
    if (values[name] === '')
      throw new AipError('CONFIG_INVALID', `No value was given for ${name}; type it, or pipe it in.`);
  }
  return values;
}

/** Names that say it, and values that people recognise: keys of well-known services, passwords in URLs. Not what cites one. */
const looksSecret = (name: string, value: string): boolean =>
  !/\{(?:vault|env):/.test(value) &&
  (/(?:key|token|secret|password|passwd|credentials?)$/i.test(name) ||
    /^(?:sk-|gh[pousr]_|github_pat_|xox[abp]-|AKIA|eyJ|Bearer )|:\/\/[^/\s:]*:[^/\s@]+@/.test(value));

/** What the vault calls a secret of a server: letters, digits, dot, dash and underscore, at most 63. */
export const secretName = (server: string, key: string): string =>
  `${server}.${key.replaceAll(/[^a-z0-9._-]/gi, '-')}`.slice(0, 63);

/** The settings with the server in them, whose other lines and comments stay as they are. */
function settingsWith(cli: Cli, name: string, server: object): { readonly file: string; readonly text: string } {
  const { file, text } = settingsFile(cli.world);
  try {
    return { file, text: withEntry(text, ['mcp', 'servers', name], server) };
  } catch (error) {
    const { code, message } = toAipError(error);
    if (code !== 'CONFLICT') throw new AipError(code, `${file}: ${message}`, { cause: error });
    throw new AipError(code, `${file} has a server "${name}" already; take it out first, or choose another name.`);
  }
}

/** Writes the server into `aip.yaml`, and the secrets that it cites into the vault. */
export async function keepInSettings(
  cli: Cli,
  name: string,
  server: Readonly<Record<string, unknown>>,
  secrets: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { file, text } = settingsWith(cli, name, server);
  const kept = Object.keys(secrets);
  if (kept.length > 0) await keepSecrets(cli, secrets);
  writeFileSync(file, text, { mode: 0o600 });
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
