import type { JsonObject } from '@aip/wire';
import {
  Server,
  type Implementation,
  type LoggingLevel,
  type Result,
  type ServerCapabilities,
  type ServerContext,
} from '@modelcontextprotocol/server';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import { VERSION } from '../../kernel/version.ts';
import type { Client, Edge } from './edge.ts';
import { extensionsAt, TASKS_EXTENSION } from './extensions.ts';
import { LEGACY_TASKS, serveLegacyTasks } from './legacy-tasks.ts';
import { declaredCapabilities, declaredLogLevel } from './metadata.ts';
import { complete, getPrompt, readResource } from './reads.ts';
import { serveSkills } from './skills.ts';
import { serveTasks } from './tasks.ts';
import { isOwnRead, serveToolCall } from './tool-call.ts';
import { toolMeant } from './tool-meant.ts';
import { isSearch, isSearched, SEARCH_TOOLS, searchTools } from './tool-search.ts';
import { visible } from './visible.ts';

export const SERVER_INFO: Implementation = { name: 'aip', title: 'Agent Infrastructure Platform', version: VERSION };

const INSTRUCTIONS =
  'Tools are named <owner>_<tool>: the tools of MCP servers, the skills of connected agents, and the platform’s own operations (aip_…). ' +
  'Every call is checked by policy and budget and is recorded. A call may have to wait for a person; sending the very same call again takes up the wait.';

const LISTS: ServerCapabilities = { tools: { listChanged: true } };
const UPSTREAM_LISTS: ServerCapabilities = {
  ...LISTS,
  resources: { listChanged: true },
  prompts: { listChanged: true },
  completions: {},
  logging: {},
};

/**
 * A server of the official SDK for one client, or for one request of a stateless one. The low-level class, since all
 * schemas exist already: nothing is built per request but a few closures.
 */
export function createServer(edge: Edge, client: Client, era: 'modern' | 'legacy'): Server {
  const lists: ServerCapabilities = client.scope.kind === 'agent' ? { ...LISTS, logging: {} } : UPSTREAM_LISTS;
  const resources = edge.watch && lists.resources ? { resources: { ...lists.resources, subscribe: true } } : {};
  const passed = extensionsAt(edge, client.scope);
  const extensions = era === 'modern' ? { ...passed, [TASKS_EXTENSION]: {} } : passed;
  const tasks = era === 'legacy' ? { tasks: LEGACY_TASKS } : {};
  const server = new Server(SERVER_INFO, {
    capabilities: { ...lists, ...resources, ...(Object.keys(extensions).length > 0 ? { extensions } : {}), ...tasks },
    instructions:
      edge.virtual.get(client.scope.kind === 'virtual' ? client.scope.owner : '')?.instructions ?? INSTRUCTIONS,
    requestState: { verify: (state, ctx) => edge.states.verify(state, ctx) },
  });

  /** What a session has been told to log; a stateless request says so itself. */
  let sessionLogLevel: LoggingLevel | undefined;
  const asker = (ctx: ServerContext) => ({
    edge,
    client,
    ctx,
    capabilities: declaredCapabilities(ctx) ?? server.getClientCapabilities(),
    logLevel: declaredLogLevel(ctx) ?? sessionLogLevel,
  });
  if (era === 'legacy')
    server.setRequestHandler('logging/setLevel', ({ params }) => {
      sessionLogLevel = params.level;
      return {};
    });

  server.setRequestHandler('tools/list', async () => {
    const tools = await listTools(edge, client);
    return { tools: era === 'legacy' ? tools.map((tool) => forTasks(edge, client, tool)) : tools } as Result as never;
  });
  server.setRequestHandler('tools/call', async ({ params }, ctx) => {
    if (isSearch(edge, client.scope, params)) return (await searchTools(edge, client, params)) as Result as never;
    const meant = toolMeant(edge, client, params);
    return serveToolCall({ ...asker(ctx), ...meant }, server, ctx);
  });
  if (era === 'modern') serveTasks(server, edge, client);
  else serveLegacyTasks(server, edge, client);
  if (client.scope.kind === 'agent') return server;

  const list = (kind: CatalogueEntry['kind']) => visible(edge, client, kind);
  server.setRequestHandler(
    'resources/list',
    async () => ({ resources: edge.directory.resources(client.scope, await list('resource')) }) as Result as never,
  );
  server.setRequestHandler(
    'resources/templates/list',
    async () =>
      ({ resourceTemplates: edge.directory.templates(client.scope, await list('template')) }) as Result as never,
  );
  server.setRequestHandler(
    'prompts/list',
    async () => ({ prompts: edge.directory.prompts(client.scope, await list('prompt')) }) as Result as never,
  );
  server.setRequestHandler(
    'resources/read',
    async ({ params }, ctx) => (await readResource(asker(ctx), params)) as Result as never,
  );
  server.setRequestHandler(
    'prompts/get',
    async ({ params }, ctx) => (await getPrompt(asker(ctx), params)) as Result as never,
  );
  server.setRequestHandler(
    'completion/complete',
    async ({ params }, ctx) => (await complete(asker(ctx), params)) as Result as never,
  );
  serveSkills(server, { edge, client, capabilities: undefined }, asker);
  return server;
}

/** Any call can be a task of 2025-11-25, but those that make none. */
function forTasks(edge: Edge, { scope }: Client, tool: JsonObject): JsonObject {
  const entry = typeof tool['name'] === 'string' ? edge.directory.tool(scope, tool['name']) : undefined;
  return entry && !isOwnRead(entry) ? { ...tool, execution: { taskSupport: 'optional' } } : tool;
}

/** The whole list, or the two tools that search it. */
const listTools = async (edge: Edge, client: Client): Promise<readonly JsonObject[]> =>
  isSearched(edge, client.scope) ? SEARCH_TOOLS : edge.directory.tools(client.scope, await visible(edge, client));
