import type { AipClient, Operations } from '@aip/sdk';
import { AipError, isJsonObject, parseJson, verifyCard } from '@aip/wire';
import { Option } from 'commander';
import { common, type AddCommand, type Cli } from '../cli.ts';
import { short } from '../table.ts';

const PROTOCOLS = ['a2a', 'mcp', 'ioap', 'http'] as const;

/** The id of a connection's policy. */
const CONNECTION = /^connect (\S+) to (\S+) over (\S+)$/;
/** Most chains that are looked at. */
const MAX_CHAINS = 20;

type Connection = Operations['policies.connect']['output'];

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
      `
Example:
  aip connect planner researcher --protocol ioap

The protocol is the one by which the caller calls, whatever the other one speaks. Agents that
use the SDK call over ioap, others over the protocol that they speak to the platform.

An agent that works on a task acts for whoever sent it, who has to be permitted its calls as
well: where a calls b, and b then calls c, connect a with c too.`,
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
  const warning = await ofNoUseYet(client, connection);
  const cut = await chainsCut(client, connection);
  cli.show({ ...connection, handshake, ...(warning === undefined ? {} : { warning }), cut }, () =>
    [
      `${from} may call ${to} over ${protocol}.`,
      handshake,
      ...(warning === undefined ? [] : [cli.style('yellow', warning)]),
      ...cut.map((line) => cli.style('yellow', line)),
    ].join('\n'),
  );
}

/** The permission is for one protocol; a caller that comes over another one is refused all the same. */
async function ofNoUseYet(
  client: AipClient,
  { from, protocol }: Operations['policies.connect']['output'],
): Promise<string | undefined> {
  const caller = await client.operate('agents.get', { agent: from });
  if (caller.state === 'connected' && caller.protocol === protocol) return undefined;
  const now = caller.state === 'connected' ? `connected over ${caller.protocol}` : 'not connected now';
  return `${caller.name} is ${now}; the permission is for ${protocol}, so it is of no use until ${caller.name} comes over ${protocol}.`;
}

/** Chains that the new connection is part of and that are refused all the same, since rights along a chain intersect. */
async function chainsCut(client: AipClient, made: Connection): Promise<string[]> {
  const { policies } = await client.operate('policies.list', {});
  const chains = policies.flatMap(({ id }) => {
    const [, from = '', to = '', protocol = ''] = CONNECTION.exec(id) ?? [];
    if (to === made.from) return [{ sender: from, through: to, target: made.to, protocol: made.protocol }];
    return from === made.to ? [{ sender: made.from, through: from, target: to, protocol }] : [];
  });
  const cut: string[] = [];
  for (const { sender, through, target, protocol } of chains.slice(0, MAX_CHAINS)) {
    if (sender === target) continue;
    try {
      const asked = { principal: sender, to: `agent:${target}`, protocol };
      if ((await client.operate('policies.explain', asked)).decision.effect === 'permit') continue;
      const nameOf = async (agent: string): Promise<string> => (await client.operate('agents.get', { agent })).name;
      const [a, b, c] = [await nameOf(sender), await nameOf(through), await nameOf(target)];
      const flag = protocol === 'ioap' ? '' : ` --protocol ${protocol}`;
      cut.push(
        `${a} may call ${b}, but not ${c}: what ${b} does for ${a} at ${c} is refused; "aip connect ${a} ${c}${flag}" permits it.`,
      );
    } catch (error) {
      // A connection outlives its agents.
      if (!(error instanceof AipError)) throw error;
    }
  }
  return cut;
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
