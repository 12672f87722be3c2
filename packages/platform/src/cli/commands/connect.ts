import { AipError, isJsonObject, parseJson, verifyCard } from '@aip/wire';
import { Option } from 'commander';
import { common, type AddCommand, type Cli } from '../cli.ts';
import { short } from '../table.ts';

const PROTOCOLS = ['a2a', 'mcp', 'ioap', 'http'] as const;

interface ConnectFlags {
  readonly protocol: (typeof PROTOCOLS)[number];
}

export const addConnect: AddCommand = (program, bind) => {
  common(
    program
      .command('connect')
      .description('permit one agent to call another over a protocol, and check that it works')
      .argument('<from>', 'who calls, by name or DID')
      .argument('<to>', 'who is called')
      .addOption(new Option('--protocol <name>', 'over which protocol').choices(PROTOCOLS).default('ioap')),
  )
    .addHelpText(
      'after',
      '\nExample:\n  aip connect planner researcher --protocol ioap\n\nAgents that use the SDK call over ioap; others over the protocol they speak to the platform.',
    )
    .action(bind(connect));
};

async function connect(cli: Cli, from: string, to: string, { protocol }: ConnectFlags): Promise<void> {
  const client = await cli.client();
  const connection = await client.operate('policies.connect', { from, to, protocol });
  const { decision } = await client.operate('policies.explain', {
    principal: connection.from,
    to: `agent:${connection.to}`,
    protocol,
  });
  if (decision.effect !== 'permit') {
    throw new AipError(
      'PERMISSION_DENIED',
      `The permission is written, but another policy stands in the way: ${decision.message} "aip policy explain ${from} agent:${to} --protocol ${protocol}" says which.`,
    );
  }
  const handshake =
    protocol === 'a2a' ? await cardHandshake(client.url, connection.to) : await presence(cli, connection.to);
  cli.show({ ...connection, handshake }, () => `${from} may call ${to} over ${protocol}.\n${handshake}`);
}

/** What an A2A client does first: fetches the card and verifies its signature (A2A 1.0 section 8.4). */
async function cardHandshake(url: string, agent: string): Promise<string> {
  const address = `${url}/a2a/${encodeURIComponent(agent)}/.well-known/agent-card.json`;
  const response = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(10_000) });
  const body = parseJson(await response.text());
  if (!response.ok || !isJsonObject(body))
    throw new AipError('AGENT_UNAVAILABLE', `The card at ${address} cannot be read: status ${response.status}.`);
  const { card, keyId } = verifyCard(body);
  const interfaces = Array.isArray(card['supportedInterfaces']) ? card['supportedInterfaces'] : [];
  const bindings = [
    ...new Set((interfaces as { protocolBinding: string }[]).map(({ protocolBinding }) => protocolBinding)),
  ].join(', ');
  return `Its card is signed by ${short(keyId.split('#', 1)[0] ?? keyId)} and offers ${bindings}.`;
}

async function presence(cli: Cli, agent: string): Promise<string> {
  const view = await (await cli.client()).operate('agents.get', { agent });
  if (view.state !== 'connected')
    throw new AipError('AGENT_UNAVAILABLE', `The permission is written, but ${view.name} is not connected now.`);
  return `${view.name} is connected over ${view.protocol}.`;
}
