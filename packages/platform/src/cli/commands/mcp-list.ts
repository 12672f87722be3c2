import type { AipClient, Operations } from '@aip/sdk';
import { AipError } from '@aip/wire';
import type { Command } from 'commander';
import { common, type Bind, type Cli } from '../cli.ts';
import { clipped, table, type Column, type Style } from '../table.ts';
import { lookOf } from './offers.ts';

type McpList = Operations['mcp.list']['output'];
type Server = McpList['servers'][number];
type Endpoint = McpList['endpoints'][number];

const LEGEND = `
Servers:
  STATE   active, starting, stopped, or
          offline       it cannot be reached; it is tried again by itself
          login needed  it lets nobody in without a login: aip mcp login <server>
          killed        an operator has stopped it: aip release server:<server>
          paused        the same; what ran may end
  VIA     stdio: a process of this machine; http or sse: by its URL
  ERA     modern: MCP of 2026-07-28; legacy: an older revision
  TOOLS   how many tools it offers, those in quarantine too
  MS      how long its latest calls have taken, in milliseconds
  LOST    how often the connection was lost since the start of the platform
  NOTE    what is wrong; "2 quarantined": tools that have changed since they
          were agreed to: aip mcp pins <server>
Endpoints, where MCP clients connect:
  TOKENS  what their list of tools costs a model, about
  NOTE    searched: clients get two tools, to search and to call the rest;
          missing: tools that a virtual server promises and that are not there`;

/** `list`: servers and endpoints. */
export function addMcpList(mcp: Command, bind: Bind): void {
  common(
    mcp
      .command('list')
      .description('servers and how they are; endpoints, and what their lists cost a model')
      .option('--tokens', 'what tool search would save at each endpoint'),
  )
    .addHelpText('after', LEGEND)
    .action(
      bind(async (cli, { tokens }: { tokens?: boolean }) => {
        const client = await cli.client();
        const answer = await client.operate('mcp.list', {});
        const stopped = tokens || cli.json ? new Map<string, string>() : await stoppedServers(client);
        cli.show(answer, (list) => (tokens ? savings(list, cli.style) : overview(list, stopped, cli)));
      }),
    );
}

const serverColumns = (stopped: ReadonlyMap<string, string>): readonly Column<Server>[] => [
  { title: 'SERVER', of: ({ name }) => name },
  {
    title: 'STATE',
    of: ({ name, state }) => stopped.get(name) ?? state.replace('_', ' '),
    look: ({ name, state }) => (stopped.has(name) ? 'red' : lookOf(state)),
  },
  { title: 'VIA', of: ({ transport }) => transport },
  { title: 'ERA', of: ({ era }) => era },
  { title: 'TOOLS', of: ({ tools }) => tools, align: 'right' },
  { title: 'MS', of: ({ latency_ms }) => latency_ms, align: 'right' },
  { title: 'LOST', of: ({ failures }) => failures, align: 'right' },
  { title: 'NOTE', of: noteOf },
];

const noteOf = ({ error, quarantined }: Server): string =>
  error ?? (quarantined > 0 ? `${quarantined} quarantined` : '');

/** What to do about a state that is not as it should be. */
function remedyOf({ name, state, quarantined }: Server, stop: string | undefined): string | undefined {
  if (stop !== undefined) return `aip release server:${name}`;
  if (state === 'login_needed') return `aip mcp login ${name}`;
  if (state === 'offline') return `aip mcp inspect ${name}`;
  return quarantined > 0 ? `aip mcp pins ${name}` : undefined;
}

const endpointColumns: readonly Column<Endpoint>[] = [
  { title: 'ENDPOINT', of: ({ path }) => path },
  { title: 'TOOLS', of: ({ tools }) => tools, align: 'right' },
  { title: 'TOKENS', of: ({ tokens }) => tokens, align: 'right' },
  {
    title: 'NOTE',
    of: ({ searched, missing }) =>
      [searched ? 'searched' : '', missing.length > 0 ? `${missing.length} missing` : ''].filter(Boolean).join(', '),
  },
];

function overview({ servers, endpoints }: McpList, stopped: ReadonlyMap<string, string>, { style }: Cli): string {
  const known = servers.length === 0 ? NO_SERVERS : clipped(servers, serverColumns(stopped), style);
  const next = servers.flatMap((server) => remedyOf(server, stopped.get(server.name)) ?? []);
  const todo = next.length === 0 ? [] : [`What to do:\n${next.map((command) => `  ${command}`).join('\n')}`];
  const legend = style('dim', '"aip mcp list --help" says what the columns mean.');
  return [known, ...todo, table(endpoints, endpointColumns, style), legend].join('\n\n');
}

const NO_SERVERS =
  'No MCP servers. "aip add mcp files -- npx -y @modelcontextprotocol/server-filesystem ." adds one.\nThose that aip.yaml has are started with the platform: start it anew for what was added since.';

/** Servers that are killed or paused, which they cannot know themselves, with what to say of it. */
async function stoppedServers(client: AipClient): Promise<ReadonlyMap<string, string>> {
  try {
    const { kills } = await client.operate('kills.list', {});
    return new Map(
      kills
        .filter(({ scope }) => scope.startsWith('server:'))
        .map(({ scope, mode }) => [scope.slice('server:'.length), mode === 'kill' ? 'killed' : `${mode}d`]),
    );
  } catch (error) {
    // Who may see the servers need not be one who may see what is stopped.
    if (error instanceof AipError && error.code === 'PERMISSION_DENIED') return new Map();
    throw error;
  }
}

/** Definitions that a search returns unless told otherwise. */
const FOUND = 5;

function savings({ endpoints, search_tokens: searching }: McpList, style: Style): string {
  const columns: readonly Column<Endpoint>[] = [
    { title: 'ENDPOINT', of: ({ path }) => path },
    { title: 'TOOLS', of: ({ tools }) => tools, align: 'right' },
    { title: 'LIST', of: ({ tokens }) => tokens, align: 'right' },
    { title: 'SEARCH', of: () => searching, align: 'right' },
    { title: 'A SEARCH', of: aSearch, align: 'right' },
    { title: 'SAVED', of: (endpoint) => saved(endpoint.tokens, searching + aSearch(endpoint)), align: 'right' },
  ];
  const legend = `Tokens are a quarter of the JSON's characters. LIST is the whole list,\nSEARCH the two tools instead of it, A SEARCH the ${FOUND} definitions that one finds,\nSAVED what one search leaves of the list.`;
  return `${table(endpoints, columns, style)}\n\n${legend}`;
}

const aSearch = ({ tools, tokens }: Endpoint): number =>
  tools === 0 ? 0 : Math.round((tokens / tools) * Math.min(FOUND, tools));

const saved = (list: number, instead: number): string =>
  instead >= list ? '–' : `${Math.round((1 - instead / list) * 100)} %`;
