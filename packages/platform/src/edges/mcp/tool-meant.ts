import type { Json, JsonObject } from '@aip/wire';
import { ProtocolError, ProtocolErrorCode, type CallToolRequest } from '@modelcontextprotocol/server';
import { splitOwned } from '../../kernel/address.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Scope } from './directory.ts';
import type { Client, Edge } from './edge.ts';
import { ownerInName } from './naming.ts';
import { unwrapCall } from './tool-search.ts';

type Params = CallToolRequest['params'];

/**
 * The tool that a client means, and the whole arguments it is to get: found before anything is decided, so that
 * policy, budgets and the record see the tool itself, whatever it is called at this endpoint. Throws -32602 for a
 * name that the endpoint does not know, and for an argument that is fixed there.
 */
export function toolMeant(
  edge: Edge,
  { scope }: Client,
  sent: Params,
): { readonly entry: CatalogueEntry; readonly params: Params } {
  const params = unwrapCall(edge, scope, sent);
  const { name } = params;
  const entry = edge.directory.tool(scope, name);
  if (!entry)
    throw invalid([`Unknown tool: ${name.slice(0, 200)}`, absence(edge, scope, name)].filter(Boolean).join('. '));
  return { entry, params: withFixed(params, edge.directory.fixedArguments(scope, name)) };
}

function withFixed(params: Params, fixed: JsonObject): Params {
  const given = (params.arguments ?? {}) as { [key: string]: Json };
  const names = Object.keys(fixed);
  if (names.length === 0) return params;
  const clash = names.find((key) => Object.hasOwn(given, key));
  if (clash !== undefined)
    throw invalid(`"${clash}" is not an argument of ${params.name}: it has the same value in every call.`);
  return { ...params, arguments: { ...given, ...fixed } };
}

/** Why a tool may be missing that is otherwise there: its server is down. */
function absence({ exchange, directory }: Edge, scope: Scope, name: string): string | undefined {
  const target = scope.kind === 'virtual' ? directory.virtualTarget(scope, name) : undefined;
  const owner =
    target === undefined
      ? scope.kind === 'all'
        ? ownerInName(name)
        : scope.owner
      : splitOwned(target.slice(target.indexOf(':') + 1)).owner;
  return owner === undefined ? undefined : exchange.routes.get(owner)?.absence?.();
}

const invalid = (message: string): ProtocolError => new ProtocolError(ProtocolErrorCode.InvalidParams, message);
