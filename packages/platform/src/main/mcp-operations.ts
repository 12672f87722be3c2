import { AipError } from '@aip/wire';
import { z } from 'zod';
import { endpointViews, searchTokens } from '../edges/mcp/index.ts';
import { operation, type Operation } from '../kernel/operation.ts';
import { forgetServer, keepServer } from './kept-servers.ts';
import { addedServerSchema } from './mcp-settings.ts';
import {
  detailsOf,
  endpointView,
  listed,
  missing,
  SERVED,
  serverView,
  toolView,
  viewOf,
  virtualView,
  type McpRoom,
} from './mcp-views.ts';

/** Servers at a time, those of the settings counted. */
const MAX_SERVERS = 256;

const serverName = z.string().min(1).max(32);

/**
 * Upstream MCP servers, looked at and added while the platform runs. Commands come from the configuration only:
 * whoever could start one through an interface would own the machine.
 */
export function mcpOperations(room: () => McpRoom): Operation[] {
  const views = (): z.infer<typeof serverView>[] =>
    room()
      .upstreams.status()
      .map((status) => viewOf(room(), status));

  return [
    operation({
      name: 'mcp.list',
      summary: 'Upstream MCP servers and how they are; the endpoints, and what their lists cost a model.',
      effect: 'read',
      plane: 'control',
      input: z.object({}),
      output: z.object({
        servers: z.array(serverView),
        endpoints: z.array(endpointView),
        /** What those two tools cost a model. */
        search_tokens: z.number(),
      }),
      handler() {
        const { exchange, choices } = room();
        const servers = views();
        const offered = exchange.catalogue.list().filter(({ kind }) => SERVED.has(kind));
        const names = new Set([...servers.map((server) => server.name), ...offered.map(({ owner }) => owner)]);
        const endpoints = endpointViews(exchange, choices, [...names]);
        return { output: { servers, endpoints, search_tokens: searchTokens() } };
      },
    }),
    operation({
      name: 'mcp.inspect',
      summary: 'One MCP server, or a virtual one as v/<name>: its tools, resources and prompts, and what is missing.',
      effect: 'read',
      plane: 'control',
      input: z.object({ server: z.string().min(1).max(64) }),
      output: z.object({
        server: serverView.optional(),
        tools: z.array(toolView),
        resources: z.array(listed),
        prompts: z.array(listed),
        missing: z.array(missing),
      }),
      handler: (_call, { server }) => ({
        output: server.startsWith('v/') ? virtualView(room(), server.slice(2)) : detailsOf(room(), server, views()),
      }),
    }),
    operation({
      name: 'mcp.add',
      summary: 'Adds an MCP server by its URL, and keeps it. Commands are taken from aip.yaml only.',
      effect: 'write',
      plane: 'control',
      input: addedServerSchema.extend({ name: serverName }),
      // Of the URL only what is no secret for sure.
      output: z.object({ name: z.string(), origin: z.string() }),
      secrets: ['url', 'headers', 'oauth'],
      async handler({ principal }, { name, ...config }) {
        const { upstreams, vault, isTaken } = room();
        if (isTaken(name)) throw new AipError('DUPLICATE', `There is a source "${name}" already; choose another name.`);
        if (upstreams.status().length >= MAX_SERVERS)
          throw new AipError('INVALID_ARGUMENT', `There are ${MAX_SERVERS} MCP servers already; remove one first.`);
        upstreams.add(name, config);
        const kept = await keepServer(vault, principal, name, config).catch(async (error: unknown) => {
          await upstreams.remove(name);
          throw error;
        });
        await upstreams.settled(5_000);
        return { output: { name, origin: new URL(config.url).origin }, entries: [kept] };
      },
    }),
    operation({
      name: 'mcp.restart',
      summary: 'Begins anew with an MCP server: ends its connections, and its process if it has one here.',
      effect: 'write',
      plane: 'control',
      input: z.object({ name: serverName }),
      output: z.object({ name: z.string() }),
      async handler({ principal }, { name }) {
        await room().upstreams.restart(name);
        return { output: { name }, entries: [{ kind: 'mcp.restart', head: { name, by: principal.id } }] };
      },
    }),
    operation({
      name: 'mcp.remove',
      summary: 'Takes an MCP server out; one that stands in aip.yaml comes back when the platform starts again.',
      effect: 'write',
      plane: 'control',
      input: z.object({ name: serverName }),
      output: z.object({ name: z.string() }),
      async handler({ principal }, { name }) {
        const { upstreams, vault } = room();
        await upstreams.remove(name);
        return { output: { name }, entries: [await forgetServer(vault, principal, name)] };
      },
    }),
  ];
}
