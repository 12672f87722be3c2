import type { Json, JsonObject } from '@aip/wire';
import { isJsonObject } from '@aip/wire';

/**
 * Several servers may have a resource of the same URI, so the endpoint for all of them shows `mcp:<server>/<uri>`.
 * The scheme has no authority and the rest is opaque: no reader normalises dots or case in it, and a URI template stays
 * a template.
 */
const SCHEME = 'mcp:';

/** Stands for every URI of a server that neither a listed resource nor a template covers. */
export const ANY_URI = '{+uri}';

/** The user interfaces of MCP Apps keep their scheme (SEP-1865): hosts take no other. */
const UI = 'ui://';
const SHARED_UI = `${UI}aip/`;
/** Where tools name their user interface for older hosts (SEP-1865, deprecated). */
const FLAT_UI = 'ui/resourceUri';

export const wrapUri = (server: string, uri: string): string =>
  uri.startsWith(UI) ? `${SHARED_UI}${server}/${uri.slice(UI.length)}` : `${SCHEME}${server}/${uri}`;

export function unwrapUri(uri: string): { server: string; uri: string } | undefined {
  if (uri.startsWith(SHARED_UI)) {
    const [server = '', ...path] = uri.slice(SHARED_UI.length).split('/');
    return { server, uri: `${UI}${path.join('/')}` };
  }
  const slash = uri.indexOf('/');
  if (!uri.startsWith(SCHEME) || slash < 0) return undefined;
  return { server: uri.slice(SCHEME.length, slash), uri: uri.slice(slash + 1) };
}

/** A tool's definition with its user interface under the URI by which it can be read here. */
export function wrapInterface(server: string, definition: JsonObject): JsonObject {
  const meta = definition['_meta'];
  if (!isJsonObject(meta)) return definition;
  const { ui, [FLAT_UI]: flat } = meta;
  const nested = isJsonObject(ui) && typeof ui['resourceUri'] === 'string' ? ui['resourceUri'] : undefined;
  if (nested === undefined && typeof flat !== 'string') return definition;
  return {
    ...definition,
    _meta: {
      ...meta,
      ...(nested === undefined ? {} : { ui: { ...(ui as JsonObject), resourceUri: wrapUri(server, nested) } }),
      ...(typeof flat === 'string' ? { [FLAT_UI]: wrapUri(server, flat) } : {}),
    },
  };
}

/** A tool's result with the resources it links to or embeds under the URIs by which they can be read here. */
export function wrapLinks(server: string, result: JsonObject): JsonObject {
  const content = result['content'];
  if (!Array.isArray(content) || !content.some(namesResource)) return result;
  return { ...result, content: content.map((block) => wrapBlock(server, block)) };
}

/** A prompt's messages, likewise. */
export function wrapMessages(server: string, result: JsonObject): JsonObject {
  const messages = result['messages'];
  if (!Array.isArray(messages)) return result;
  const wrapped = messages.map((message) =>
    isJsonObject(message) ? { ...message, content: wrapBlock(server, message['content'] ?? null) } : message,
  );
  return { ...result, messages: wrapped };
}

/** What was read, likewise. */
export function wrapContents(server: string, result: JsonObject): JsonObject {
  const contents = result['contents'];
  if (!Array.isArray(contents)) return result;
  return { ...result, contents: contents.map((item) => (isJsonObject(item) ? withUri(server, item) : item)) };
}

const namesResource = (block: Json): boolean =>
  isJsonObject(block) && (block['type'] === 'resource_link' || block['type'] === 'resource');

function wrapBlock(server: string, block: Json): Json {
  if (!isJsonObject(block)) return block;
  if (block['type'] === 'resource_link') return withUri(server, block);
  const resource = block['resource'];
  if (block['type'] === 'resource' && isJsonObject(resource)) return { ...block, resource: withUri(server, resource) };
  return block;
}

const withUri = (server: string, item: JsonObject): JsonObject =>
  typeof item['uri'] === 'string' ? { ...item, uri: wrapUri(server, item['uri']) } : item;
