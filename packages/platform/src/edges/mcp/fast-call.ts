import type { IncomingHttpHeaders } from 'node:http';
import { isJsonObject, type Json, type JsonObject } from '@aip/wire';
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  PROTOCOL_VERSION_META_KEY,
  ProtocolError,
  SERVER_INFO_META_KEY,
  type CallToolRequest,
} from '@modelcontextprotocol/server';
import type { Call } from '../../exchange/index.ts';
import type { Client, Edge } from './edge.ts';
import { SERVER_INFO } from './server.ts';
import { plainToolCall } from './tool-call.ts';
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

const VERSION = '2026-07-28';
/** JSON-RPC code of MissingRequiredClientCapability. */
const MISSING_CLIENT_CAPABILITY = -32021;
const REQUEST_KEYS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params']);
const PARAMS_KEYS: ReadonlySet<string> = new Set(['name', 'arguments', '_meta']);
/** With these a client is told or asked something before the end. */
const TALKATIVE = ['progressToken', 'io.modelcontextprotocol/logLevel', 'io.modelcontextprotocol/related-task'];

/** The call, if the request is as plain as can be and its headers agree with its body; undefined leaves it to the SDK. */
export function plainCallOf(headers: IncomingHttpHeaders, body: Json): PlainCall | undefined {
  if (
    !isJsonObject(body) ||
    body['jsonrpc'] !== '2.0' ||
    body['method'] !== 'tools/call' ||
    !onlyKeys(body, REQUEST_KEYS)
  )
    return undefined;
  const { id, params } = body;
  if (typeof id !== 'string' && !Number.isSafeInteger(id)) return undefined;
  if (!isJsonObject(params) || !onlyKeys(params, PARAMS_KEYS)) return undefined;
  const { name, arguments: args, _meta: meta } = params;
  if (typeof name !== 'string' || (args !== undefined && !isJsonObject(args)) || !isJsonObject(meta)) return undefined;
  if (
    headers['mcp-protocol-version'] !== VERSION ||
    headers['mcp-method'] !== 'tools/call' ||
    headers['mcp-name'] !== name
  )
    return undefined;
  if (
    meta[PROTOCOL_VERSION_META_KEY] !== VERSION ||
    TALKATIVE.some((key) => key in meta) ||
    !isPlainInfo(meta[CLIENT_INFO_META_KEY])
  )
    return undefined;
  const capabilities = meta[CLIENT_CAPABILITIES_META_KEY];
  if (!isJsonObject(capabilities) || !asksNothing(capabilities)) return undefined;
  return { id: id as string | number, params: params as CallToolRequest['params'], capabilities };
}

/** The response. `watch` is given the call once it is accepted, so that a closed connection can cancel it. */
export async function servePlainCall(
  edge: Edge,
  client: Client,
  { id, params, capabilities }: PlainCall,
  watch: (call: Call) => void,
): Promise<{ status: number; body: JsonObject }> {
  try {
    const result = isSearch(edge, client.scope, params)
      ? await searchTools(edge, client, params)
      : await plainToolCall({ edge, client, ...toolMeant(edge, client, params), capabilities }, watch);
    return { status: 200, body: { jsonrpc: '2.0', id, result: complete(withText(result)) } };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const { code, message, data } = error;
    const body = {
      jsonrpc: '2.0',
      id,
      error: { code, message, ...(data === undefined ? {} : { data: data as Json }) },
    };
    // The one error of a handler that has a status of its own (2026-07-28, basic/transports).
    return { status: code === MISSING_CLIENT_CAPABILITY ? 400 : 200, body };
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

function isPlainInfo(info: Json | undefined): boolean {
  if (info === undefined) return true;
  if (!isJsonObject(info)) return false;
  return (
    Object.values(info).every((value) => typeof value === 'string') &&
    typeof info['name'] === 'string' &&
    typeof info['version'] === 'string'
  );
}

function onlyKeys(object: JsonObject, keys: ReadonlySet<string>): boolean {
  for (const key in object) if (!keys.has(key)) return false;
  return true;
}
