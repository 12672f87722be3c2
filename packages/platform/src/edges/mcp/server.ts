import { isJsonObject, toAipError, type JsonObject } from '@aip/wire';
import {
  Server,
  type Implementation,
  type Result,
  type ServerCapabilities,
  type ServerContext,
} from '@modelcontextprotocol/server';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Client, Edge } from './edge.ts';
import { declaredCapabilities } from './metadata.ts';
import { complete, getPrompt, readResource } from './reads.ts';
import { protocolError } from './results.ts';
import { TASKS_EXTENSION, serveTasks } from './tasks.ts';
import { serveToolCall, toolNamed } from './tool-call.ts';

export const SERVER_INFO: Implementation = { name: 'aip', title: 'Agent Infrastructure Platform', version: '0.1.0' };

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
  const lists = client.scope.kind === 'agent' ? { ...LISTS, logging: {} } : UPSTREAM_LISTS;
  const capabilities = era === 'modern' ? { ...lists, extensions: { [TASKS_EXTENSION]: {} } } : lists;
  const server = new Server(SERVER_INFO, {
    capabilities,
    instructions: INSTRUCTIONS,
    requestState: { verify: (state, ctx) => edge.states.verify(state, ctx) },
  });

  const capabilitiesOf = (ctx: ServerContext): unknown => declaredCapabilities(ctx) ?? server.getClientCapabilities();

  server.setRequestHandler(
    'tools/list',
    async () => ({ tools: edge.directory.tools(client.scope, await visible(edge, client)) }) as Result as never,
  );
  server.setRequestHandler('tools/call', async ({ params }, ctx) =>
    serveToolCall(
      { edge, client, entry: toolNamed(edge, client, params.name), params, capabilities: capabilitiesOf(ctx) },
      server,
      ctx,
    ),
  );
  if (era === 'modern') serveTasks(server, edge, client);
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
    async ({ params }, ctx) => (await readResource(edge, client, params, ctx)) as Result as never,
  );
  server.setRequestHandler(
    'prompts/get',
    async ({ params }, ctx) => (await getPrompt(edge, client, params, ctx)) as Result as never,
  );
  server.setRequestHandler(
    'completion/complete',
    async ({ params }, ctx) => (await complete(edge, client, params, ctx)) as Result as never,
  );
  return server;
}

/** What the client may see, as the operation that lists it says. */
async function visible(
  edge: Edge,
  { session, scope }: Client,
  kind?: CatalogueEntry['kind'],
): Promise<readonly CatalogueEntry[]> {
  const filter: JsonObject = { ...(kind ? { kind } : {}), ...(scope.kind === 'all' ? {} : { owner: scope.owner }) };
  try {
    const listed = await edge.exchange.operate(session, 'catalogue.list', filter);
    return isJsonObject(listed) && Array.isArray(listed['entries'])
      ? (listed['entries'] as unknown as CatalogueEntry[])
      : [];
  } catch (error) {
    throw protocolError(toAipError(error).toJSON());
  }
}
