import { AipError, type JsonObject } from '@aip/wire';
import { z } from 'zod';
import { createVirtualServers, type EdgeChoices, type McpUpstreams } from '../edges/mcp/index.ts';
import type { Exchange } from '../exchange/index.ts';
import { parseAddress, splitOwned } from '../kernel/address.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { Vault } from '../kernel/vault.ts';

/** What stands when the first operation is called. */
export interface McpRoom {
  readonly upstreams: McpUpstreams;
  readonly exchange: Exchange;
  readonly vault: Vault;
  readonly choices: EdgeChoices;
  /** Names of sources, which are owners in the same catalogue. */
  readonly isTaken: (name: string) => boolean;
}

/** What is offered at an endpoint of its owner's. */
export const SERVED: ReadonlySet<CatalogueEntry['kind']> = new Set(['tool', 'resource', 'template', 'prompt']);

export const serverView = z.object({
  name: z.string(),
  state: z.enum(['starting', 'active', 'offline', 'login_needed', 'stopped']),
  transport: z.string(),
  /** What it speaks: `modern` is 2026-07-28, `legacy` what came before. */
  era: z.enum(['modern', 'legacy']).optional(),
  since: z.string(),
  tools: z.number(),
  resources: z.number(),
  prompts: z.number(),
  /** Tools that may not be called until somebody has looked at them. */
  quarantined: z.number(),
  /** Times its connection has been lost or not been made. */
  failures: z.number(),
  pid: z.number().optional(),
  /** Milliseconds that calls have taken lately. */
  latency_ms: z.number().optional(),
  /** The origin of its URL, or the program of its command. */
  reached: z.string(),
  error: z.string().optional(),
  /** The last lines of its process on standard error, secrets hidden, while it is not active. */
  stderr: z.array(z.string()).optional(),
});

export const missing = z.object({ name: z.string(), target: z.string(), reason: z.string() });

export const endpointView = z.object({
  path: z.string(),
  description: z.string().optional(),
  tools: z.number(),
  /** What the whole list costs a model: a quarter of its characters. */
  tokens: z.number(),
  /** Whether clients get two tools instead, one to search the list and one to call what was found. */
  searched: z.boolean(),
  missing: z.array(missing),
});

export const toolView = z.object({
  name: z.string(),
  /** The address by which policies know it. */
  address: z.string(),
  title: z.string().optional(),
  description: z.string(),
  effect: z.string(),
  price: z.number(),
  state: z.string(),
  input_schema: z.any().optional(),
  digest: z.string().optional(),
  /** Of a virtual server's tool: arguments that go along with every call, and are not among those of its schema. */
  fixed: z.record(z.string(), z.json()).optional(),
});
export const listed = z.object({ address: z.string(), description: z.string(), state: z.string() });

export function viewOf(
  { exchange }: McpRoom,
  { since, latency, stderr, ...status }: ReturnType<McpUpstreams['status']>[number],
): z.infer<typeof serverView> {
  const entries = exchange.catalogue.list({ owner: status.name });
  const count = (...kinds: CatalogueEntry['kind'][]): number =>
    entries.filter(({ kind }) => kinds.includes(kind)).length;
  return {
    ...status,
    since: new Date(since).toISOString(),
    tools: count('tool'),
    resources: count('resource', 'template'),
    prompts: count('prompt'),
    quarantined: entries.filter(({ state }) => state === 'quarantined').length,
    ...(latency === undefined ? {} : { latency_ms: latency }),
    ...(stderr === undefined ? {} : { stderr: [...stderr] }),
  };
}

type Details = Record<'tools', z.infer<typeof toolView>[]> &
  Record<'resources' | 'prompts', z.infer<typeof listed>[]> & { missing: z.infer<typeof missing>[] };

/** A server, or another source of tools and resources, of which there is nothing more to say. */
export function detailsOf({ exchange }: McpRoom, name: string, servers: readonly z.infer<typeof serverView>[]) {
  const server = servers.find((known) => known.name === name);
  const entries = exchange.catalogue.list({ owner: name });
  if (!server && !entries.some(({ kind }) => SERVED.has(kind)))
    throw new AipError('NOT_FOUND', `There is no MCP server "${name}"; "aip mcp list" shows them.`);
  return { ...(server ? { server } : {}), ...describe(entries), missing: [] };
}

export function virtualView({ exchange, choices }: McpRoom, name: string): Details {
  const servers = createVirtualServers(exchange.catalogue, choices.virtual ?? {});
  if (!servers.get(name))
    throw new AipError('NOT_FOUND', `There is no virtual server "${name}"; "aip mcp list" shows them.`);
  const explained = (gone: Details['missing'][number]): Details['missing'][number] => {
    const absence = exchange.routes.get(splitOwned(parseAddress(gone.target).name).owner)?.absence?.();
    return absence === undefined ? gone : { ...gone, reason: `${gone.reason} ${absence}` };
  };
  const entries = exchange.catalogue.list();
  const others = entries.filter((entry) => servers.lists(name, entry));
  const { tools, ...rest } = describe([...servers.tools(name, entries), ...others]);
  const fixedOf = (tool: string): JsonObject => servers.tool(name, tool)?.fixed ?? {};
  return {
    ...rest,
    tools: tools.map((tool) => ({ ...tool, fixed: fixedOf(tool.name) })),
    missing: servers.missing(name).map(explained),
  };
}

function describe(entries: readonly CatalogueEntry[]): Omit<Details, 'missing'> {
  const shown = (...kinds: CatalogueEntry['kind'][]) =>
    entries
      .filter(({ kind }) => kinds.includes(kind))
      .map(({ address, description, state }) => ({ address, description, state }));
  return {
    tools: entries
      .filter(({ kind }) => kind === 'tool' || kind === 'skill' || kind === 'operation')
      .map(({ name, address, title, description, effect, price, state, inputSchema, digest }) => ({
        name,
        address,
        ...(title === undefined ? {} : { title }),
        description,
        effect,
        price,
        state,
        ...(inputSchema === undefined ? {} : { input_schema: inputSchema }),
        ...(digest === undefined ? {} : { digest }),
      })),
    resources: shown('resource', 'template'),
    prompts: shown('prompt'),
  };
}
