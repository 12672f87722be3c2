import type { Exchange } from '../../exchange/index.ts';
import type { Scope } from './directory.ts';
import { EVERYTHING } from './directory.ts';
import { createEdge, type EdgeChoices } from './edge.ts';
import { isSearched, SEARCH_TOOLS } from './tool-search.ts';
import type { MissingTool } from './virtual.ts';

/** An endpoint, as callers find it that do not steer the platform. */
export interface EndpointView {
  readonly path: string;
  readonly description?: string;
  readonly tools: number;
  /** What the whole list costs a model, estimated as a quarter of its JSON's characters. */
  readonly tokens: number;
  /** Whether clients get the two tools that search instead of the list. */
  readonly searched: boolean;
  /** Configured, and not there. */
  readonly missing: MissingTool[];
}

/** What the two tools cost that search and call. */
export const searchTokens = (): number => estimatedTokens(SEARCH_TOOLS);

/** Every endpoint: all together, each server, each virtual server. */
export function endpointViews(exchange: Exchange, choices: EdgeChoices, servers: readonly string[]): EndpointView[] {
  const edge = createEdge(exchange, choices);
  const entries = exchange.catalogue.list().filter(({ plane }) => plane !== 'control');
  const { directory, virtual } = edge;
  const view = (path: string, scope: Scope): EndpointView => {
    const tools = directory.tools(scope, entries);
    const server = scope.kind === 'virtual' ? virtual.get(scope.owner) : undefined;
    return {
      path,
      ...(server?.description === undefined ? {} : { description: server.description }),
      tools: tools.length,
      tokens: estimatedTokens(tools),
      searched: isSearched(edge, scope),
      missing: scope.kind === 'virtual' ? virtual.missing(scope.owner) : [],
    };
  };
  try {
    return [
      view('/mcp', EVERYTHING),
      ...servers.map((owner) => view(`/mcp/${owner}`, { kind: 'server', owner })),
      ...virtual.names.map((owner) => view(`/mcp/v/${owner}`, { kind: 'virtual', owner })),
    ];
  } finally {
    directory.close();
  }
}

/** Four characters of JSON to a token: what tokenizers make of such lists on average. No tokenizer was asked. */
const estimatedTokens = (tools: readonly unknown[]): number => Math.ceil(JSON.stringify({ tools }).length / 4);
