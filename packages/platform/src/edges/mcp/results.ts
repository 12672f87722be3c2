import { ERRORS, isJsonObject, toAipError, type ErrorBody, type Json, type JsonObject } from '@aip/wire';
import { ProtocolError } from '@modelcontextprotocol/server';
import type { Outcome } from '../../exchange/outcome.ts';
import { partsOf, saysFailed, type Body, type Part } from '../../kernel/body.ts';
import { ERROR_KEY } from './metadata.ts';

/**
 * How failures are said. What is wrong with the request itself (unknown tool, malformed parameters) is a JSON-RPC
 * error. Whatever the exchange decides about a well-formed tool call – a denial, a missing budget, a dead upstream –
 * is a tool result with `isError`, because that is what the model gets to see and can act on (2026-07-28, server/tools,
 * error handling). Reading and prompts have no such results, so there it is a JSON-RPC error with the code in `data`.
 */

/** A tool call's end as a CallToolResult. An upstream's own result passes whole. */
export function toolResult(outcome: Outcome): JsonObject {
  if (outcome.ok) return callResult(outcome.body);
  if (outcome.body && saysFailed(outcome.body)) return callResult(outcome.body);
  rethrowUpstream(outcome.error);
  return errorResult(outcome.error);
}

export function errorResult(error: ErrorBody): JsonObject {
  // Not in structuredContent: that must fit the tool's output schema, and some clients check it even on errors.
  return {
    content: [{ type: 'text', text: `${error.code}: ${error.message}` }],
    isError: true,
    _meta: { [ERROR_KEY]: error },
  };
}

/** An upstream's JSON-RPC error stays the error that it was. */
export function rethrowUpstream(error: ErrorBody): void {
  const native = error.details?.['mcp'];
  if (!isJsonObject(native)) return;
  const { code, message, data } = native;
  if (typeof code === 'number' && typeof message === 'string') throw new ProtocolError(code, message, data);
}

/** A failure where MCP knows only JSON-RPC errors. */
export function protocolError(error: ErrorBody): ProtocolError {
  const { mcp, jsonrpc } = ERRORS[error.code];
  const data = { code: error.code, retryable: error.retryable, ...(error.details ? { details: error.details } : {}) };
  return new ProtocolError(mcp ?? jsonrpc, error.message, data);
}

/** Whatever was thrown, likewise. */
export const asProtocolError = (thrown: unknown): ProtocolError =>
  thrown instanceof ProtocolError ? thrown : protocolError(toAipError(thrown).toJSON());

/** The one error of a handler that has an HTTP status of its own (2026-07-28, basic/transports). */
export const statusOfError = ({ code }: ProtocolError): number => (code === MISSING_CLIENT_CAPABILITY ? 400 : 200);

/** JSON-RPC code of MissingRequiredClientCapability. */
const MISSING_CLIENT_CAPABILITY = -32021;

/** The JSON-RPC response that says so. */
export const errorResponse = (id: string | number | null, { code, message, data }: ProtocolError): JsonObject => ({
  jsonrpc: '2.0',
  id,
  error: { code, message, ...(data === undefined ? {} : { data: data as Json }) },
});

export function callResult(body: Body): JsonObject {
  if (body.type === 'mcp') return body.value;
  if (body.type === 'data') return structured(body.value);
  const parts = partsOf(body);
  const data = parts.filter((part) => part.data !== undefined);
  const only = data.length === 1 ? data[0]?.data : undefined;
  return { content: parts.map(contentOf), ...(only === undefined ? {} : { structuredContent: only }) };
}

const structured = (value: Json): JsonObject => ({
  content: [{ type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) }],
  ...(typeof value === 'string' || value === null ? {} : { structuredContent: value }),
});

function contentOf(part: Part): JsonObject {
  const mimeType = part.mediaType === undefined ? {} : { mimeType: part.mediaType };
  if (part.text !== undefined) return { type: 'text', text: part.text };
  if (part.data !== undefined) return { type: 'text', text: JSON.stringify(part.data) };
  if (part.url !== undefined)
    return { type: 'resource_link', uri: part.url, name: part.filename ?? part.url, ...mimeType };
  const raw = part.raw ?? '';
  if (part.mediaType?.startsWith('image/')) return { type: 'image', data: raw, mimeType: part.mediaType };
  if (part.mediaType?.startsWith('audio/')) return { type: 'audio', data: raw, mimeType: part.mediaType };
  return {
    type: 'resource',
    resource: { uri: `file:///${encodeURIComponent(part.filename ?? 'artifact')}`, blob: raw, ...mimeType },
  };
}
