import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { AipError } from '@aip/wire';
import type { Command } from 'commander';
import type { Need, Offer } from '../../edges/mcp/server-json/index.ts';
import { withoutSecrets } from '../../kernel/secret.ts';
import { SERVER_NAME, SERVER_NAME_RULE } from '../../kernel/server-name.ts';
import { VERSION } from '../../kernel/version.ts';
import { common, output, type Bind, type Cli } from '../cli.ts';
import { printable } from '../table.ts';
import { keepInSettings, pair, secretName } from './mcp-add.ts';

const MAX_FILE = 256 * 1024;

interface ImportFlags {
  readonly name?: string;
  readonly offer?: number;
  readonly set?: Readonly<Record<string, string>>;
  readonly print?: boolean;
}

/** `import`: from a server.json of the MCP Registry into aip.yaml. Nothing is fetched, and nothing is run. */
export function addMcpImport(mcp: Command, bind: Bind): void {
  output(
    mcp
      .command('import')
      .description('put a server into aip.yaml from its server.json of the MCP Registry')
      .argument('<file>', 'the server.json')
      .option('--name <name>', 'what it is called here; the end of its own name unless given')
      .option('--offer <number>', 'which of the ways to it that the file offers, from 1', Number)
      .option('--set <name=value>', 'a variable, header, flag or placeholder; may be given again', pair)
      .option('--print', 'print what would be written, and write nothing'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  aip mcp import server.json\n  aip mcp import server.json --set API_KEY=… --name weather\n  aip mcp import server.json --offer 2 --print\n\nSecrets go into the vault, and aip.yaml cites them. Nothing is downloaded or started now:\nthe platform does that at its next start.',
    )
    .action(bind(importServer));
}

async function importServer(
  cli: Cli,
  file: string,
  { name, offer: chosen, set = {}, print }: ImportFlags,
): Promise<void> {
  const { offersOf, parseServerJson } = await import('../../edges/mcp/server-json/index.ts');
  const document = parseServerJson(read(path.resolve(cli.world.cwd, file)));
  const offers = offersOf(document);
  const offer = offerOf(offers, chosen);
  const own =
    name ??
    document.name
      .slice(document.name.indexOf('/') + 1)
      .replaceAll(/[^a-z0-9_-]+/gi, '-')
      .slice(0, 32);
  if (!SERVER_NAME.test(own))
    throw new AipError(
      'CONFIG_INVALID',
      `"${own}" is not a name for a server (${SERVER_NAME_RULE}); choose one with --name.`,
    );
  const values = { ...set, ...(await secretsOf(cli, offer.needs, set)) };
  const unknown = Object.keys(set).find((key) => offer.needs.every((need) => need.key !== key));
  if (unknown !== undefined)
    throw new AipError(
      'CONFIG_INVALID',
      `--set ${unknown}: ${offer.label} asks for nothing of that name.${asked(offer.needs)}`,
    );
  const lacking = offer.needs.filter((need) => need.required && need.fallback === undefined && !(need.key in values));
  if (lacking.length > 0) throw new AipError('CONFIG_INVALID', `${offer.label} needs:${asked(lacking)}`);
  const secrets: Record<string, string> = {};
  const entry = offer.entry(values, (key, secret) => {
    const kept = secretName(own, key);
    secrets[kept] = secret;
    return { vault: kept };
  });
  for (const key of offer.exposed.filter((exposed) => exposed in values))
    cli.world.err(
      `${printable(key)} is a secret in the command line or URL of this server, where none can be cited: it is readable in aip.yaml.`,
    );
  if (!print) {
    await keepInSettings(cli, own, entry, secrets);
    // The document has chosen it: which folders a container sees, which address is spoken to.
    const shown = 'command' in entry ? [entry.command, ...entry.args].join(' ') : new URL(entry.url).origin;
    const given = offer.exposed.flatMap((key) => values[key] ?? []);
    cli.world.err(`Look at what you have let in: ${printable(withoutSecrets(shown, given))}`);
    return;
  }
  for (const kept of Object.keys(secrets))
    cli.world.err(`"aip secret set ${kept}" keeps what this cites: the whole value of its header or variable.`);
  const { stringify } = await import('yaml');
  cli.show({ mcp: { servers: { [own]: entry } } }, (settings) => stringify(settings).trimEnd());
}

function read(file: string): string {
  if (!existsSync(file)) throw new AipError('CONFIG_INVALID', `${file} does not exist.`);
  const text = readFileSync(file, 'utf8');
  if (text.length > MAX_FILE) throw new AipError('CONFIG_INVALID', `${file} is too large for a server.json.`);
  return text;
}

function offerOf(offers: readonly Offer[], chosen: number | undefined): Offer {
  const numbered = offers
    .map(({ label, unusable }, at) => `\n  ${at + 1}  ${label}${unusable ? ` – ${unusable}` : ''}`)
    .join('');
  const offer = chosen === undefined ? offers.find(({ unusable }) => unusable === undefined) : offers[chosen - 1];
  if (offer?.unusable === undefined && offer) return offer;
  const problem =
    offers.length === 0
      ? 'The file offers neither a package nor a remote server.'
      : chosen === undefined
        ? 'None of the ways to this server can be used here:'
        : offer
          ? `Offer ${chosen} cannot be used here:`
          : `There is no offer ${chosen}:`;
  throw new AipError('CONFIG_INVALID', `${problem}${numbered}`);
}

/** On a terminal, secrets are asked for, so that they do not stand in the shell's history. */
async function secretsOf(
  { world }: Cli,
  needs: readonly Need[],
  set: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const secrets: Record<string, string> = {};
  if (!world.terminal) return secrets;
  for (const { key, secret, required, description } of needs)
    if (secret && required && !(key in set))
      secrets[key] = await world.secret(printable(`${key}${description === undefined ? '' : ` (${description})`}: `));
  return secrets;
}

const asked = (needs: readonly Need[]): string =>
  needs
    .map(
      ({ key, description, choices, secret }) =>
        `\n  --set ${key}=…${secret ? '  (secret)' : ''}${description === undefined ? '' : `  ${description}`}${choices ? `  one of ${choices.join(', ')}` : ''}`,
    )
    .join('');

interface ExportFlags {
  readonly endpoint: string;
  readonly name: string;
  readonly at?: string;
  readonly description?: string;
  readonly release: string;
}

/** `export`: a server.json for one endpoint of this platform. */
export function addMcpExport(mcp: Command, bind: Bind): void {
  common(
    mcp
      .command('export')
      .description('print a server.json of the MCP Registry for an endpoint of this platform')
      .requiredOption('--name <name>', 'its name there, in reverse DNS: io.github.user/tools')
      .option('--endpoint <path>', '/mcp, /mcp/<server> or /mcp/v/<virtual server>', '/mcp')
      .option('--at <origin>', 'where others reach the platform, such as https://aip.example.org')
      .option('--description <text>', 'what it is for, in at most 100 characters')
      .option('--release <version>', 'its version there', VERSION),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  aip mcp export --name org.example/desk --endpoint /mcp/v/desk \\\n      --at https://aip.example.org > server.json',
    )
    .action(
      bind(async (cli, { endpoint: wanted, name, at, description, release }: ExportFlags) => {
        const { exportServerJson, parseServerJson } = await import('../../edges/mcp/server-json/index.ts');
        const client = await cli.client();
        const { endpoints } = await client.operate('mcp.list', {});
        const found = endpoints.find((known) => known.path === wanted);
        if (!found)
          throw new AipError(
            'CONFIG_INVALID',
            `There is no endpoint ${wanted}; there are ${endpoints.map((known) => known.path).join(', ')}.`,
          );
        const exported = exportServerJson({
          name,
          description: description ?? found.description ?? 'Tools, governed by an agent infrastructure platform.',
          version: release,
          url: new URL(found.path, at ?? client.url).href,
        });
        parseServerJson(JSON.stringify(exported));
        if (at === undefined)
          cli.world.err(`The URL is the one this command uses, ${client.url}; say with --at where others reach it.`);
        cli.world.out(JSON.stringify(exported, null, 2));
      }),
    );
}
