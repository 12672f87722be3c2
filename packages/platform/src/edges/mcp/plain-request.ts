import type { IncomingHttpHeaders } from 'node:http';
import { isJsonObject, type Json, type JsonObject } from '@aip/wire';
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  PROTOCOL_VERSION_META_KEY,
} from '@modelcontextprotocol/server';

/** A request of 2026-07-28 with nothing wrong about it. */
export interface PlainRequest {
  readonly id: string | number;
  readonly params: JsonObject;
  readonly meta: JsonObject;
  readonly capabilities: JsonObject;
}

const VERSION = '2026-07-28';
const REQUEST_KEYS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params']);

/** The request, if it is one of this method and as it should be; undefined leaves it to the SDK, which knows why not. */
export function plainRequestOf(body: unknown, method: string): PlainRequest | undefined {
  if (!isJsonObject(body) || body['jsonrpc'] !== '2.0' || body['method'] !== method) return undefined;
  if (!onlyKeys(body, REQUEST_KEYS)) return undefined;
  const { id, params } = body;
  if (typeof id !== 'string' && !Number.isSafeInteger(id)) return undefined;
  if (!isJsonObject(params) || !isJsonObject(params['_meta'])) return undefined;
  const meta = params['_meta'];
  const capabilities = meta[CLIENT_CAPABILITIES_META_KEY];
  if (meta[PROTOCOL_VERSION_META_KEY] !== VERSION || !isPlainInfo(meta[CLIENT_INFO_META_KEY])) return undefined;
  return isJsonObject(capabilities) ? { id: id as string | number, params, meta, capabilities } : undefined;
}

/** Whether the headers agree with the body (2026-07-28, basic/transports); `name` is what `Mcp-Name` repeats. */
export const headersAgree = (headers: IncomingHttpHeaders, method: string, name?: string): boolean =>
  headers['mcp-protocol-version'] === VERSION &&
  headers['mcp-method'] === method &&
  (name === undefined || headers['mcp-name'] === name);

function isPlainInfo(info: Json | undefined): boolean {
  if (info === undefined) return true;
  if (!isJsonObject(info)) return false;
  for (const key in info) if (typeof info[key] !== 'string') return false;
  return typeof info['name'] === 'string' && typeof info['version'] === 'string';
}

export function onlyKeys(object: JsonObject, keys: ReadonlySet<string>): boolean {
  for (const key in object) if (!keys.has(key)) return false;
  return true;
}
