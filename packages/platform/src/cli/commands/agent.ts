import { UnreachableError, type Operations } from '@aip/sdk';
import { aipErrorFromBody, parseJson, type JsonObject } from '@aip/wire';
import { Option } from 'commander';
import { common, type AddCommand, type Cli } from '../cli.ts';
import { secondsOf } from '../duration.ts';
import { clipped, fields, short, table, type Column } from '../table.ts';
import { addAgentCreate } from './agent-create.ts';

type AgentView = Operations['agents.get']['output'];

/** Who has knocked and was not admitted yet. */
interface Stranger {
  readonly did: string;
  readonly name: string;
  readonly asked: number;
}

const strangers: readonly Column<Stranger>[] = [
  { title: 'NAME', of: ({ name }) => name },
  { title: 'ASKED', of: ({ asked }) => new Date(asked).toISOString() },
  { title: 'DID', of: ({ did }) => did },
];

const columns: readonly Column<AgentView>[] = [
  { title: 'NAME', of: ({ name }) => name },
  { title: 'STATE', of: ({ state }) => state, look: ({ state }) => (state === 'connected' ? 'green' : 'dim') },
  { title: 'PROTOCOL', of: ({ protocol }) => protocol },
  { title: 'DID', of: ({ did }) => short(did) },
  { title: 'CAPABILITIES', of: ({ capabilities }) => capabilities.map(({ name }) => name).join(', ') },
];

export const addAgent: AddCommand = (program, bind) => {
  const agent = program.command('agent').description('create, find, call, admit and remove agents');
  addAgentCreate(agent, bind);

  common(
    agent
      .command('list')
      .description('agents, by name')
      .option('--query <words>', 'words in the card')
      .option('--capability <name>', 'what it can do')
      .addOption(new Option('--state <state>', 'in this state only').choices(['connected', 'offline', 'pending'])),
  ).action(
    bind(
      async (
        cli,
        {
          query,
          capability,
          state,
        }: { query?: string; capability?: string; state?: 'connected' | 'offline' | 'pending' },
      ) => {
        const filter = {
          ...(query === undefined ? {} : { query }),
          ...(capability === undefined ? {} : { capability }),
          ...(state === undefined ? {} : { state }),
        };
        const answer = await (await cli.client()).operate('agents.list', { ...filter, limit: 1_000 });
        cli.show(answer, ({ agents }) => {
          if (agents.length === 0) return NONE[state ?? 'known'];
          return state === 'pending'
            ? table(agents as unknown as Stranger[], strangers, cli.style)
            : clipped(agents as unknown as AgentView[], columns, cli.style);
        });
      },
    ),
  );

  common(agent.command('get').description('one agent, by name or DID').argument('<agent>')).action(
    bind(async (cli, name: string) =>
      cli.show(await (await cli.client()).operate('agents.get', { agent: name }), (view) => describeAgent(view, cli)),
    ),
  );

  common(
    agent
      .command('invoke')
      .description('call an agent, a skill, a capability or a tool, and wait for the result')
      .argument('<to>', 'an agent’s name or DID, or an address such as skill:echo/say or tool:files/read_file')
      .argument('[arguments]', 'a JSON object, or a text')
      .option('--skill <name>', 'the skill of that agent')
      .option('--key <key>', 'idempotency key: the same key with the same call is done once')
      .option('--timeout <duration>', 'cancel the call after this time, such as 30s or 5m', secondsOf),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  aip agent invoke echo "hello"\n  aip agent invoke echo --skill say \'{"text":"hello"}\'\n  aip agent invoke tool:files/read_file \'{"path":"notes.txt"}\'',
    )
    .action(bind(invoke));

  common(
    agent
      .command('admit')
      .description('admit an agent that knocks without a join token')
      .argument('<did>')
      .option('--name <name>', 'what it is called here'),
  ).action(
    bind(async (cli, did: string, { name }: { name?: string }) => {
      const admitted = await (
        await cli.client()
      ).operate('agents.admit', { agent: did, ...(name === undefined ? {} : { name }) });
      cli.show(admitted, (view) => `Admitted ${view.name}, ${view.did}.`);
    }),
  );

  common(
    agent
      .command('dismiss')
      .description('forget who knocks without a join token: one of them, or all; they may knock again')
      .argument('[did]'),
  ).action(
    bind(async (cli, did: string | undefined) =>
      cli.show(await (await cli.client()).operate('agents.dismiss', did === undefined ? {} : { agent: did }), () =>
        did === undefined ? 'Dismissed whoever waited.' : `Dismissed ${did}.`,
      ),
    ),
  );

  common(
    agent
      .command('remove')
      .description('remove an agent; to come back it has to be admitted again')
      .argument('<agent>'),
  ).action(
    bind(async (cli, name: string) =>
      cli.show(
        await (await cli.client()).operate('agents.remove', { agent: name }),
        ({ did }) => `Removed ${name}, ${did}.`,
      ),
    ),
  );
};

function describeAgent(view: AgentView, cli: Cli): string {
  const { capabilities } = view;
  const head = fields(
    {
      Name: view.name,
      DID: view.did,
      State: view.state,
      Protocol: view.protocol,
      Description: view.description || undefined,
      Version: view.version || undefined,
      Roles: view.roles.join(', ') || undefined,
      Admitted: `${view.admitted_at} by ${view.admitted_by}`,
      'Last activity': view.last_activity,
    },
    cli.style,
  );
  if (capabilities.length === 0) return head;
  const list = table(
    capabilities,
    [
      { title: 'CAPABILITY', of: ({ name }) => name },
      { title: 'EFFECT', of: ({ effect }) => effect },
      { title: 'PRICE', of: ({ price }) => price, align: 'right' },
      { title: 'DESCRIPTION', of: ({ description }) => description },
    ],
    cli.style,
  );
  return `${head}\n\n${list}`;
}

/** What there is to say where a list is empty. */
const NONE = {
  known: 'No agents. "aip agent create --name hello --capabilities greet" makes one.',
  connected: 'No agent is connected. "aip agent list" shows those that are known here.',
  offline: 'No agent is offline.',
  pending:
    'Nobody waits to join. An agent that connects without a join token waits here; "aip agent admit <did>" lets it in.',
} as const;

interface InvokeFlags {
  readonly skill?: string;
  readonly key?: string;
  readonly timeout?: number;
}

async function invoke(
  cli: Cli,
  to: string,
  text: string | undefined,
  { skill, key, timeout }: InvokeFlags,
): Promise<void> {
  const client = await cli.client();
  const options = {
    ...(key === undefined ? {} : { idempotencyKey: key }),
    ...(timeout === undefined ? {} : { timeout: timeout * 1000 }),
  };
  for await (const update of client.stream(addressOf(to, skill), argumentsOf(text), options)) {
    const { type, value, task, ask, error } = update;
    if (type === 'asked' && ask)
      cli.world.err(`Waiting for a person. In another terminal: aip approve ${ask.id}   (or: aip deny ${ask.id})`);
    else if (type === 'output' && !cli.json) cli.world.err(cli.style('dim', shown(value)));
    else if (type === 'done') return cli.show({ task, result: value ?? null }, () => shown(value));
    else if (type === 'failed' || type === 'canceled') {
      if (value !== undefined) cli.world.err(shown(value));
      throw aipErrorFromBody(error);
    }
  }
  throw new UnreachableError(client.url);
}

function addressOf(to: string, skill: string | undefined): string {
  const isAddress = /^(agent|skill|capability|tool|resource|prompt):/.test(to);
  if (skill === undefined) return isAddress ? to : `agent:${to}`;
  return `skill:${to.replace(/^agent:/, '')}/${skill}`;
}

function argumentsOf(text: string | undefined): JsonObject | string {
  if (text === undefined) return {};
  if (!text.trimStart().startsWith('{')) return text;
  return parseJson(text) as JsonObject;
}

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value ?? null, null, 2));
