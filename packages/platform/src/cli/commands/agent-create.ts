import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { loadKey } from '@aip/sdk';
import { AipError } from '@aip/wire';
import { InvalidArgumentError, type Command } from 'commander';
import { common, type Bind, type Cli } from '../cli.ts';
import { when } from '../times.ts';

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/i;

interface CreateFlags {
  readonly name: string;
  readonly capabilities: readonly string[];
  readonly out?: string;
}

export function addAgentCreate(agent: Command, bind: Bind): void {
  common(
    agent
      .command('create')
      .description('make a new agent: its key, a join token, and a file that runs')
      .requiredOption('--name <name>', 'what it is called', nameOf)
      .requiredOption('--capabilities <names>', 'what it can do, separated by commas', (text: string) =>
        text.split(',').map((name) => nameOf(name.trim())),
      )
      .option('--out <folder>', 'where the files go (the current folder unless given)'),
  )
    .addHelpText(
      'after',
      '\nExample:\n  aip agent create --name hello --capabilities greet\n  npx --no node hello.ts\n  aip agent invoke hello --skill greet \'{"text":"world"}\'',
    )
    .action(bind(create));
}

function nameOf(text: string): string {
  if (NAME.test(text)) return text;
  throw new InvalidArgumentError('Expected letters, digits, dash and underscore, at most 63.');
}

async function create(cli: Cli, { name, capabilities, out }: CreateFlags): Promise<void> {
  const folder = path.resolve(cli.world.cwd, out ?? '.');
  const source = path.join(folder, `${name}.ts`);
  const keyFile = path.join(folder, `${name}.key`);
  const tokenFile = path.join(folder, `${name}.token`);
  for (const file of [source, keyFile, tokenFile]) {
    if (existsSync(file))
      throw new AipError('CONFLICT', `${file} exists already; choose another name or another folder with --out.`);
  }
  const client = await cli.client();
  const invitation = await client.operate('agents.invite', { name });
  const { did } = loadKey(keyFile);
  const gateway = `${client.url.replace(/^http/, 'ws')}/ws`;
  writeFileSync(source, agentSource({ name, capabilities, gateway, sdk: sdkFrom(source) }), {
    mode: 0o600,
    flag: 'wx',
  });
  // Not in the source, which is shared: until the first contact, the join token admits whoever has it.
  writeFileSync(tokenFile, invitation.join_token, { mode: 0o600, flag: 'wx' });
  cli.show({ did, name, source, key: keyFile, token: tokenFile, ...invitation }, () =>
    [
      `Made ${path.relative(cli.world.cwd, source)}, its key ${path.relative(cli.world.cwd, keyFile)} and its join token ${path.relative(cli.world.cwd, tokenFile)}; keep these two to yourself.`,
      `  ${did}`,
      `Start it before ${when(invitation.expires_at)}, when its join token expires:`,
      `  npx --no node ${path.relative(cli.world.cwd, source)}     (or node, where that is Node 24 or newer)`,
    ].join('\n'),
  );
}

/** The SDK by its name where that can be found from the file, else by where it is. */
function sdkFrom(file: string): string {
  try {
    createRequire(file).resolve('@aip/sdk');
    return '@aip/sdk';
  } catch {
    return createRequire(import.meta.url).resolve('@aip/sdk');
  }
}

interface AgentSource {
  readonly name: string;
  readonly capabilities: readonly string[];
  readonly gateway: string;
  readonly sdk: string;
}

function agentSource({ name, capabilities, gateway, sdk }: AgentSource): string {
  const handlers = capabilities.map(
    (capability) => `    '${capability}': { description: 'Gives back what it is given.', handler: (args) => args },`,
  );
  return `import { readFileSync } from 'node:fs';
import { Agent } from ${quote(sdk)};

const agent = new Agent({
  name: ${quote(name)},
  gateway: ${quote(gateway)},
  keyFile: \`\${import.meta.dirname}/${name}.key\`,
  joinToken: readFileSync(\`\${import.meta.dirname}/${name}.token\`, 'utf8'), // For the first contact; then this line and the file can go.
  capabilities: {
${handlers.join('\n')}
  },
});
await agent.start();
`;
}

const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
