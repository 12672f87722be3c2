import { AipError, canonicalJson, type Json, type JsonObject } from '@aip/wire';

/**
 * A native body, kept whole as its protocol sent it. Other protocols see it through the lazy
 * projections below: `partsOf` (A2A style), `argumentsOf` (a call's named arguments), and `allArgumentsOf` (the same with
 * whatever else is there, for those who decide).
 */
export type Body =
  /** Named arguments of a tool, skill or operation, or a structured result. */
  | { readonly type: 'data'; readonly value: Json }
  | { readonly type: 'text'; readonly value: string }
  /** A2A 1.0 Message or Artifact content (section 4.1): its parts, with the message's own metadata. */
  | {
      readonly type: 'a2a';
      readonly value: {
        readonly parts: readonly Part[];
        readonly metadata?: JsonObject;
        readonly messageId?: string;
        readonly contextId?: string;
      };
    }
  /** MCP result, whole: CallToolResult, ReadResourceResult, GetPromptResult. */
  | { readonly type: 'mcp'; readonly value: JsonObject };

/** A2A 1.0 Part in its JSON form: exactly one of text, data, raw (base64), url. */
export interface Part {
  readonly text?: string;
  readonly data?: Json;
  readonly raw?: string;
  readonly url?: string;
  readonly mediaType?: string;
  readonly filename?: string;
  readonly metadata?: JsonObject;
}

export const data = (value: Json): Body => ({ type: 'data', value });
export const text = (value: string): Body => ({ type: 'text', value });

/** The body as A2A parts. */
export function partsOf(body: Body): readonly Part[] {
  switch (body.type) {
    case 'a2a':
      return body.value.parts;
    case 'text':
      return [{ text: body.value }];
    case 'data':
      return typeof body.value === 'string' ? [{ text: body.value }] : [{ data: body.value }];
    case 'mcp':
      return mcpParts(body.value);
  }
}

/**
 * The body as named arguments. One data part that holds an object is taken as it is; text becomes
 * `{ text }`, because a lone text is what chat-style clients send.
 */
export function argumentsOf(body: Body): JsonObject {
  if (body.type === 'data') return isObject(body.value) ? body.value : { value: body.value };
  if (body.type === 'text') return { text: body.value };
  const parts = partsOf(body);
  const structured = parts.filter((part) => isObject(part.data));
  if (structured.length === 1) return structured[0]?.data as JsonObject;
  return { text: textOf(body) };
}

/**
 * Everything that a target may get of the body, under names: what policies decide on and people agree to. Arguments
 * beside which there is nothing stay as they are. Of an A2A message the fields of every data part are arguments, and
 * what else it says is `text`; what that does not show whole is there as `parts` and `metadata` as well.
 * Throws INVALID_ARGUMENT for one argument with two values: policies would decide on either.
 */
export function allArgumentsOf(body: Body): JsonObject {
  if (body.type !== 'a2a') return argumentsOf(body);
  const known = allArguments.get(body.value);
  if (known) return known;
  const { parts, metadata = {} } = body.value;
  const found = new Map<string, Json>();
  const add = (name: string, value: Json): void => {
    const before = found.get(name);
    if (before !== undefined && canonicalJson(before) !== canonicalJson(value)) throw ambiguous(name);
    found.set(name, value);
  };
  for (const { data: fields } of parts)
    if (isObject(fields)) for (const [name, value] of Object.entries(fields)) add(name, value);
  const said = textOfParts(parts.filter((part) => !isObject(part.data)));
  if (said !== '' || found.size === 0) add('text', said);
  if (!isPlain(parts)) add('parts', parts as unknown as Json);
  if (Object.keys(metadata).length > 0) add('metadata', metadata);
  const all = Object.fromEntries(found);
  allArguments.set(body.value, all);
  return all;
}

/** A message with many skills or policies before it is looked at often. */
const allArguments = new WeakMap<object, JsonObject>();

/** One data part or nothing but texts: their arguments are all there is. */
const isPlain = (parts: readonly Part[]): boolean =>
  (parts.length === 1 && isObject(parts[0]?.data) && isOnly('data', parts[0])) ||
  parts.every((part) => part.text !== undefined && isOnly('text', part));

const isOnly = (kind: 'data' | 'text', part: Part): boolean =>
  Object.entries(part).every(
    ([name, value]) => name === kind || (name === 'mediaType' && /^(application\/json|text\/plain)?$/.test(value)),
  );

const ambiguous = (name: string): AipError =>
  new AipError(
    'INVALID_ARGUMENT',
    `message.parts: the message gives "${name.slice(0, 120)}" twice, with different values; put what belongs together into one data part.`,
  );

/** The body as plain text: text parts joined, data as JSON. */
export const textOf = (body: Body): string => textOfParts(partsOf(body));

function textOfParts(parts: readonly Part[]): string {
  return parts
    .map((part) => part.text ?? (part.data === undefined ? (part.url ?? '') : JSON.stringify(part.data)))
    .filter((line) => line !== '')
    .join('\n');
}

/** The body as one JSON value, for callers that expect a structured result. */
export function valueOf(body: Body): Json {
  if (body.type === 'data' || body.type === 'text') return body.value;
  if (body.type === 'mcp' && body.value['structuredContent'] !== undefined) return body.value['structuredContent'];
  const parts = partsOf(body);
  if (parts.length === 1) return parts[0]?.data ?? parts[0]?.text ?? (parts[0] as unknown as Json);
  return parts as unknown as Json;
}

/** Whether a result says of itself that the tool failed (MCP 2026-07-28, server/tools, tool execution errors). */
export const saysFailed = (body: Body): boolean => body.type === 'mcp' && body.value['isError'] === true;

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function mcpParts(result: JsonObject): readonly Part[] {
  if (Array.isArray(result['contents'])) return result['contents'].filter(isObject).map(readPart);
  const content = Array.isArray(result['content']) ? result['content'] : [];
  const parts = content.filter(isObject).map(mcpPart);
  const structured = result['structuredContent'];
  if (structured === undefined) return parts;
  // The specification asks servers to repeat structured content as text; one form is enough for others.
  return [{ data: structured }, ...parts.filter((part) => part.text === undefined)];
}

function mcpPart(block: JsonObject): Part {
  const mediaType = typeof block['mimeType'] === 'string' ? { mediaType: block['mimeType'] } : {};
  if (block['type'] === 'text' && typeof block['text'] === 'string') return { text: block['text'] };
  if ((block['type'] === 'image' || block['type'] === 'audio') && typeof block['data'] === 'string')
    return { raw: block['data'], ...mediaType };
  if (block['type'] === 'resource_link' && typeof block['uri'] === 'string') return { url: block['uri'], ...mediaType };
  return { data: block };
}

/** TextResourceContents or BlobResourceContents of what was read. */
function readPart({ text: read, blob, mimeType, uri }: JsonObject): Part {
  const name = typeof uri === 'string' ? { filename: uri } : {};
  const mediaType = typeof mimeType === 'string' ? { mediaType: mimeType } : {};
  if (typeof read === 'string') return { text: read, ...mediaType, ...name };
  return typeof blob === 'string' ? { raw: blob, ...mediaType, ...name } : { data: { uri: uri ?? null } };
}
