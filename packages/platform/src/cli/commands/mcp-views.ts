import type { AipClient } from '@aip/sdk';
import { AipError, isJsonObject, type Json, type JsonObject } from '@aip/wire';
import type { Command } from 'commander';
import { common, type Bind, type Cli } from '../cli.ts';
import { clipped, fields, table, wrapped, type Column, type Style } from '../table.ts';
import { orSourceProblem } from './source-problem.ts';

interface Server {
  readonly name: string;
  readonly state: string;
  readonly transport: string;
  readonly era?: string;
  readonly since: string;
  readonly tools: number;
  readonly resources: number;
  readonly prompts: number;
  readonly quarantined: number;
  readonly failures: number;
  readonly pid?: number;
  readonly latency_ms?: number;
  readonly error?: string;
}

interface Missing {
  readonly name: string;
  readonly target: string;
  readonly reason: string;
}

interface Endpoint {
  readonly path: string;
  readonly description?: string;
  readonly tools: number;
  readonly tokens: number;
  readonly searched: boolean;
  readonly missing: readonly Missing[];
}

interface McpList {
  readonly servers: readonly Server[];
  readonly endpoints: readonly Endpoint[];
  readonly search_tokens: number;
}

interface Tool {
  readonly name: string;
  readonly address: string;
  readonly title?: string;
  readonly description: string;
  readonly effect: string;
  readonly price: number;
  readonly state: string;
  readonly input_schema?: JsonObject;
  readonly digest?: string;
}

interface Listed {
  readonly address: string;
  readonly description: string;
}

interface Inspection {
  readonly server?: Server;
  readonly tools: readonly Tool[];
  readonly resources: readonly Listed[];
  readonly prompts: readonly Listed[];
  readonly missing: readonly Missing[];
}

const lookOf = (state: string): 'green' | 'yellow' | 'red' =>
  state === 'active' ? 'green' : state === 'starting' ? 'yellow' : 'red';

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

/** `list` and `inspect`. */
export function addMcpViews(mcp: Command, bind: Bind): void {
  common(
    mcp
      .command('list')
      .description('servers and how they are; endpoints, and what their lists cost a model')
      .option('--tokens', 'what tool search would save at each endpoint'),
  ).action(
    bind(async (cli, { tokens }: { tokens?: boolean }) => {
      const client = await cli.client();
      const answer = (await client.operate('mcp.list', {})) as unknown as McpList;
      const stopped = tokens || cli.json ? new Map<string, string>() : await stoppedServers(client);
      cli.show(answer, (list) => (tokens ? savings(list, cli.style) : overview(list, stopped, cli)));
    }),
  );

  common(
    mcp
      .command('inspect')
      .description('a server, a virtual server, or one tool: what it offers, and what is wrong')
      .argument('<what>', '<server>, v/<virtual server> or <server>/<tool>'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  aip mcp inspect files\n  aip mcp inspect v/desk\n  aip mcp inspect files/write_file',
    )
    .action(
      bind(async (cli, what: string) => {
        const client = await cli.client();
        const [, server, tool] = /^((?:v\/)?[^/]+)(?:\/(.+))?$/s.exec(what) ?? [what, what];
        const found = (await client
          .operate('mcp.inspect', { server: server ?? what })
          .catch((error: unknown) => orSourceProblem(client, server ?? what, error))) as unknown as Inspection;
        if (tool === undefined) return cli.show(found, (inspection) => describe(inspection, cli));
        const one = found.tools.find(({ name }) => name === tool);
        if (one) return cli.show(one, (shown) => describeTool(shown, cli));
        const gone = found.missing.find(({ name }) => name === tool);
        if (gone) throw new AipError('NOT_FOUND', `${what} is missing: ${gone.reason}`);
        throw new AipError(
          'NOT_FOUND',
          `${server} has no tool "${tool}"; "aip mcp inspect ${server}" shows those it has.`,
        );
      }),
    );
}

function overview({ servers, endpoints }: McpList, stopped: ReadonlyMap<string, string>, { style }: Cli): string {
  const parts = servers.length === 0 && endpoints.length === 1 ? [NO_SERVERS] : [];
  if (servers.length > 0 || parts.length === 0) parts.push(clipped(servers, serverColumns(stopped), style));
  return [...parts, table(endpoints, endpointColumns, style)].join('\n\n');
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

function describe({ server, tools, resources, prompts, missing }: Inspection, { style }: Cli): string {
  const parts = [
    server
      ? fields(
          {
            Server: server.name,
            State: `${server.state} since ${server.since}`,
            Reached: [server.transport, server.era, server.pid && `process ${server.pid}`].filter(Boolean).join(', '),
            Lost: server.failures > 0 ? `${server.failures} times` : undefined,
            Latency: server.latency_ms === undefined ? undefined : `${server.latency_ms} ms`,
            Error: server.error,
          },
          style,
        )
      : '',
    tools.length > 0 ? clipped(tools, toolColumns, style) : 'No tools.',
    listedTable('RESOURCE', resources, style),
    listedTable('PROMPT', prompts, style),
    missing.length > 0
      ? clipped(
          missing,
          [
            { title: 'MISSING', of: ({ name }) => name, look: () => 'red' },
            { title: 'TOOL', of: ({ target }) => target },
            { title: 'WHY', of: ({ reason }) => reason },
          ],
          style,
        )
      : '',
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

const toolColumns: readonly Column<Tool>[] = [
  { title: 'TOOL', of: ({ name }) => name },
  { title: 'EFFECT', of: ({ effect }) => effect },
  { title: 'PRICE', of: ({ price }) => price || undefined, align: 'right' },
  { title: 'STATE', of: ({ state }) => state, look: ({ state }) => lookOf(state) },
  { title: 'DESCRIPTION', of: ({ description }) => description },
];

const listedTable = (title: string, listed: readonly Listed[], style: Style): string =>
  listed.length === 0
    ? ''
    : clipped(
        listed,
        [
          { title, of: ({ address }) => address.slice(address.indexOf(':') + 1) },
          { title: 'DESCRIPTION', of: ({ description }) => description },
        ],
        style,
      );

function describeTool(tool: Tool, { style }: Cli): string {
  const head = fields(
    {
      Tool: tool.name,
      Address: tool.address,
      Title: tool.title,
      State: tool.state,
      Effect: tool.effect,
      Price: tool.price,
      Digest: tool.digest,
    },
    style,
  );
  return [head, wrapped(tool.description), parameters(tool.input_schema, style)]
    .filter((part) => part !== '')
    .join('\n\n');
}

const typeIn = (property: Json): string => {
  const type = isJsonObject(property) ? property['type'] : undefined;
  return typeof type === 'string' ? type : 'any';
};

function parameters(schema: JsonObject | undefined, style: Style): string {
  const properties = isJsonObject(schema?.['properties']) ? schema['properties'] : {};
  const required = Array.isArray(schema?.['required']) ? schema['required'] : [];
  const rows = Object.entries(properties).map(([name, property]) => ({
    name: required.includes(name) ? name : `[${name}]`,
    type: typeIn(property),
    description: isJsonObject(property) && typeof property['description'] === 'string' ? property['description'] : '',
  }));
  if (rows.length === 0) return 'It takes no arguments.';
  const columns: readonly Column<(typeof rows)[number]>[] = [
    { title: 'ARGUMENT', of: ({ name }) => name },
    { title: 'TYPE', of: ({ type }) => type },
    { title: 'DESCRIPTION', of: ({ description }) => description },
  ];
  return clipped(rows, columns, style);
}
