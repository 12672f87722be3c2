import { isJsonObject, type Json, type JsonObject } from '@aip/wire';
import { ProtocolError, ProtocolErrorCode, type CallToolRequest } from '@modelcontextprotocol/server';
import { data } from '../../kernel/body.ts';
import type { Scope } from './directory.ts';
import type { Client, Edge } from './edge.ts';
import { callResult } from './results.ts';
import { rank } from './tool-ranking.ts';
import { visible } from './visible.ts';

/**
 * Where an endpoint has more tools than its clients should read, they get two: one finds tools, the other calls what
 * was found. A call through the second is the call of that tool: the same guards, the same record, the same result.
 */
const SEARCH = 'search_tools';
const CALL = 'call_tool';

const MAX_QUERY = 1_000;
const DEFAULT_RESULTS = 5;
const MAX_RESULTS = 20;
/** Characters of definitions that one answer holds; the best match is always whole. */
const MAX_ANSWER = 64 * 1024;

export const SEARCH_TOOLS: readonly JsonObject[] = [
  {
    name: CALL,
    title: 'Call a tool',
    description: `Calls a tool that ${SEARCH} has found, by its name, with arguments that fit its input schema.`,
    inputSchema: {
      type: 'object',
      properties: {
        name: { type: 'string', description: 'The name of the tool.' },
        arguments: { type: 'object', description: 'Its arguments.' },
      },
      required: ['name'],
    },
  },
  {
    name: SEARCH,
    title: 'Search tools',
    description: `Finds tools by what they do. Returns the best matches with their descriptions and input schemas; ${CALL} calls them.`,
    inputSchema: {
      type: 'object',
      properties: {
        query: { type: 'string', description: 'What the tool should do, in a few words.' },
        limit: { type: 'integer', minimum: 1, maximum: MAX_RESULTS, default: DEFAULT_RESULTS },
      },
      required: ['query'],
    },
    annotations: { readOnlyHint: true, openWorldHint: false },
  },
];

type Params = CallToolRequest['params'];

/** Whether the endpoint has so many tools that its clients search them. */
export function isSearched(edge: Edge, scope: Scope): boolean {
  const above = edge.searchAbove(scope);
  return above !== undefined && edge.directory.size(scope) > above;
}

export const isSearch = (edge: Edge, scope: Scope, { name }: Params): boolean =>
  name === SEARCH && isSearched(edge, scope);

/** The call that is meant: the one inside `call_tool`, else the call itself. Throws -32602 when nothing is inside. */
export function unwrapCall(edge: Edge, scope: Scope, params: Params): Params {
  if (params.name !== CALL || !isSearched(edge, scope)) return params;
  const { name, arguments: args = {}, ...rest } = (params.arguments ?? {}) as { [key: string]: Json };
  if (typeof name !== 'string' || name === '') throw invalid(`${CALL} needs the "name" of a tool.`);
  if (!isJsonObject(args)) throw invalid(`The "arguments" of ${CALL} have to be an object.`);
  const [stray] = Object.keys(rest);
  if (stray !== undefined)
    throw invalid(`${CALL} takes "name" and "arguments"; "${stray.slice(0, 100)}" belongs into "arguments".`);
  return { ...params, name, arguments: args };
}

/** The answer of `search_tools`: from what the caller may see, found by {@link rank}. */
export async function searchTools(edge: Edge, client: Client, params: Params): Promise<JsonObject> {
  const { query, limit = DEFAULT_RESULTS } = (params.arguments ?? {}) as { [key: string]: Json };
  if (typeof query !== 'string' || query.trim() === '' || query.length > MAX_QUERY)
    throw invalid(`${SEARCH} needs a "query" of at most ${MAX_QUERY} characters.`);
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1 || limit > MAX_RESULTS)
    throw invalid(`The "limit" of ${SEARCH} is a whole number from 1 to ${MAX_RESULTS}.`);
  const found = rank(query, edge.directory.shownTools(client.scope, await visible(edge, client)));
  return callResult(data({ found: found.length, tools: withinAnswer(found.slice(0, limit).map(described)) }));
}

const described = ({ name, definition }: { name: string; definition: JsonObject }): JsonObject => ({
  name,
  ...(definition['description'] === undefined ? {} : { description: definition['description'] }),
  inputSchema: definition['inputSchema'] ?? { type: 'object' },
});

function withinAnswer(tools: readonly JsonObject[]): JsonObject[] {
  let size = 0;
  return tools.filter((tool, at) => {
    size += JSON.stringify(tool).length;
    return at === 0 || size <= MAX_ANSWER;
  });
}

const invalid = (message: string): ProtocolError => new ProtocolError(ProtocolErrorCode.InvalidParams, message);
