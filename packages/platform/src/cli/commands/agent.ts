import { UnreachableError, type AipClient, type Operations } from '@aip/sdk';
import { AipError, aipErrorFromBody, parseJson, type JsonObject } from '@aip/wire';
import { Option } from 'commander';
import { common, type AddCommand, type Cli } from '../cli.ts';
import { secondsOf } from '../duration.ts';
import { clipped, fields, short, table, type Column } from '../table.ts';
import { ago, whenAndAgo } from '../times.ts';
import { addAgentCreate } from './agent-create.ts';
import { whoWaits } from './who-waits.ts';

type AgentView = Operations['agents.get']['output'];

/** Who has knocked and was not admitted yet. */
interface Stranger {
  readonly did: string;
  readonly name: string;
  readonly asked: number;
}

const strangers: readonly Column<Stranger>[] = [
  { title: 'NAME', of: ({ name }) => name },
  { title: 'ASKED', of: ({ asked }) => ago(asked) },
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
      .addOption(
        new Option('--state <state>', 'in this state only; pending: asks to join').choices([
          'connected',
          'offline',
          'pending',
        ]),
      ),
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
        const client = await cli.client();
        const answer = await client.operate('agents.list', { ...filter, limit: 1_000 });
        const asking = state === undefined && !cli.json ? await howManyAsk(client) : 0;
        cli.show(answer, ({ agents }) => {
          if (state === 'pending' && agents.length > 0)
            return `${table(agents as unknown as Stranger[], strangers, cli.style)}\n\n"aip agent admit <did>" lets one in, "aip agent dismiss <did>" forgets it.`;
          const list =
            agents.length === 0
              ? NONE[state ?? 'known']
              : clipped(agents as unknown as AgentView[], columns, cli.style);
          const more = `${asking} ${asking === 1 ? 'agent asks' : 'agents ask'} to join: aip agent list --state pending`;
          return asking === 0 ? list : `${list}\n\n${cli.style('yellow', more)}`;
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
      .argument('<did>', 'as "aip agent list --state pending" lists it; or the name, where only one has it')
      .option('--name <name>', 'what it is called here, whatever it calls itself'),
  )
    .addHelpText(
      'after',
      '\nIt can be called at once: agents of the SDK knock again within five seconds, and a call waits\nfor that.',
    )
    .action(
      bind(async (cli, did: string, { name }: { name?: string }) => {
        const client = await cli.client();
        const meant = await whoWaits(client, did);
        const admitted = await client.operate('agents.admit', {
          agent: meant,
          ...(name === undefined ? {} : { name }),
        });
        cli.show(admitted, (view) => {
          const advance = 'Nobody with this DID has asked yet; it is let in when it connects.';
          return `Admitted ${view.name}, ${view.did}.${view.in_advance ? `\n${cli.style('yellow', advance)}` : ''}`;
        });
      }),
    );

  common(
    agent
      .command('dismiss')
      .description('forget who knocks without a join token: one of them, or all; they may knock again')
      .argument('[did]', 'or the name, where only one has it'),
  ).action(
    bind(async (cli, did: string | undefined) => {
      const client = await cli.client();
      const meant = did === undefined ? undefined : await whoWaits(client, did);
      cli.show(await client.operate('agents.dismiss', meant === undefined ? {} : { agent: meant }), () =>
        meant === undefined ? 'Dismissed whoever waited.' : `Dismissed ${meant}.`,
      );
    }),
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

async function howManyAsk(client: AipClient): Promise<number> {
  const { agents } = await client.operate('agents.list', { state: 'pending', limit: 1_000 });
  return agents.length;
}

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
      Admitted: `${whenAndAgo(view.admitted_at)} by ${view.admitted_by}`,
      'Last activity': view.last_activity && whenAndAgo(view.last_activity),
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
    onLost: () => cli.world.err(cli.style('yellow', 'Lost the platform; waiting for it to come back …')),
  };
  const address = addressOf(to, skill);
  const updates = client.stream(address, argumentsOf(text), options);
  for await (const update of orWaiting(client, address, updates)) {
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

async function whomOneMayAdmit(client: AipClient): Promise<readonly Pick<Stranger, 'did' | 'name'>[]> {
  try {
    const { operations } = await client.operate('platform.whoami', {});
    if (!operations.includes('agents.admit')) return [];
    return (await client.operate('agents.list', { state: 'pending', limit: 1_000 })).agents;
  } catch {
    // It is a hint; what went wrong is said anyway.
    return [];
  }
}

/** An agent that is called before it has been let in is not unknown to those who may let it in. */
async function* orWaiting<T>(client: AipClient, address: string, updates: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* updates;
  } catch (error) {
    if (!(error instanceof AipError) || error.code !== 'UNKNOWN_AGENT') throw error;
    const name = /^(?:agent|skill):([^/]+)/.exec(address)?.[1];
    const waits = (await whomOneMayAdmit(client)).filter((agent) => agent.name === name || agent.did === name);
    if (waits.length === 0) throw error;
    const ways = waits.map(({ did }) => `aip agent admit ${did}`).join('\n  ');
    throw new AipError('UNKNOWN_AGENT', `${name} waits to be admitted:\n  ${ways}`, { cause: error });
  }
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
