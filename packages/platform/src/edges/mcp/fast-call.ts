import type { IncomingHttpHeaders } from 'node:http';
import { isJsonObject, type Json, type JsonObject } from '@aip/wire';
import { ProtocolError, SERVER_INFO_META_KEY, type CallToolRequest } from '@modelcontextprotocol/server';
import type { Client, Edge } from './edge.ts';
import { headersAgree, onlyKeys, plainRequestOf } from './plain-request.ts';
import { errorResponse, statusOfError } from './results.ts';
import { SERVER_INFO } from './server.ts';
import { plainToolCall, type WatchedCall } from './tool-call.ts';
import { toolMeant } from './tool-meant.ts';
import { isSearch, searchTools } from './tool-search.ts';

/**
 * The hot path: a tools/call of 2026-07-28 that asks for nothing but its result. Everything else, and everything odd,
 * goes through the SDK, which also is the oracle for the answers given here.
 */
export interface PlainCall {
  readonly id: string | number;
  readonly params: CallToolRequest['params'];
  readonly capabilities: JsonObject;
}

const PARAMS_KEYS: ReadonlySet<string> = new Set(['name', 'arguments', '_meta']);
/** With these a client is told or asked something before the end. */
const TALKATIVE = ['progressToken', 'io.modelcontextprotocol/logLevel', 'io.modelcontextprotocol/related-task'];

/** The call, if the request is as plain as can be and its headers agree with its body; undefined leaves it to the SDK. */
export function plainCallOf(headers: IncomingHttpHeaders, body: Json): PlainCall | undefined {
  const request = plainRequestOf(body, 'tools/call');
  if (!request) return undefined;
  const { id, params, meta, capabilities } = request;
  const { name, arguments: args } = params;
  if (typeof name !== 'string' || (args !== undefined && !isJsonObject(args)) || !onlyKeys(params, PARAMS_KEYS))
    return undefined;
  if (!headersAgree(headers, 'tools/call', name)) return undefined;
  if (TALKATIVE.some((key) => key in meta) || !asksNothing(capabilities)) return undefined;
  return { id, params: params as CallToolRequest['params'], capabilities };
}

/** The response. `watch` is given the call once it can be canceled, so that a closed connection does, and one that has the result says so. */
export async function servePlainCall(
  edge: Edge,
  client: Client,
  { id, params, capabilities }: PlainCall,
  watch: (call: WatchedCall) => void,
): Promise<{ status: number; body: JsonObject }> {
  try {
    const result = isSearch(edge, client.scope, params)
      ? await searchTools(edge, client, params)
      : await plainToolCall({ edge, client, ...toolMeant(edge, client, params), capabilities }, watch);
    return { status: 200, body: { jsonrpc: '2.0', id, result: complete(withText(result)) } };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { status: statusOfError(error), body: errorResponse(id, error) };
  }
}

/** A structured result that is no object is repeated as text, for clients that read only that (2026-07-28, server/tools). */
function withText(result: JsonObject): JsonObject {
  const content = Array.isArray(result['content']) ? result['content'] : [];
  const structured = result['structuredContent'];
  const spoken =
    structured === undefined ||
    isJsonObject(structured) ||
    content.some((block) => isJsonObject(block) && block['type'] === 'text');
  return { ...result, content: spoken ? content : [...content, { type: 'text', text: JSON.stringify(structured) }] };
}

function complete(result: JsonObject): JsonObject {
  const meta = isJsonObject(result['_meta']) ? result['_meta'] : {};
  return {
    ...result,
    resultType: 'complete',
    _meta: { [SERVER_INFO_META_KEY]: SERVER_INFO as unknown as Json, ...meta },
  };
}

/** No capability by which a call could come back with a question, or as a task. */
const asksNothing = (capabilities: JsonObject): boolean =>
  !('sampling' in capabilities) &&
  !('elicitation' in capabilities) &&
  !('roots' in capabilities) &&
  !('extensions' in capabilities);
