import type { AipClient, Operations } from '@aip/sdk';
import { AipError } from '@aip/wire';
import type { Command } from 'commander';
import { common, type Bind, type Cli } from '../cli.ts';
import { clipped, table, type Column, type Style } from '../table.ts';
import { lookOf } from './offers.ts';

type McpList = Operations['mcp.list']['output'];
type Server = McpList['servers'][number];
type Endpoint = McpList['endpoints'][number];

/** `list`: servers and endpoints. */
export function addMcpList(mcp: Command, bind: Bind): void {
  common(
    mcp
      .command('list')
      .description('servers and how they are; endpoints, and what their lists cost a model')
      .option('--tokens', 'what tool search would save at each endpoint'),
  ).action(
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
    of: ({ state }) => state,
    look: ({ name, state }) => (stopped.has(name) ? 'red' : lookOf(state)),
  },
  { title: 'VIA', of: ({ transport }) => transport },
  { title: 'ERA', of: ({ era }) => era },
  { title: 'TOOLS', of: ({ tools }) => tools, align: 'right' },
  { title: 'MS', of: ({ latency_ms }) => latency_ms, align: 'right' },
  { title: 'LOST', of: ({ failures }) => failures, align: 'right' },
  { title: 'NOTE', of: (server) => noteOf(server, stopped.get(server.name)) },
];

function noteOf({ error, quarantined }: Server, stop: string | undefined): string {
  const note = error ?? (quarantined > 0 ? `${quarantined} quarantined` : undefined);
  return [stop, note].filter((part) => part !== undefined).join(', ');
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
  return [known, table(endpoints, endpointColumns, style)].join('\n\n');
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
