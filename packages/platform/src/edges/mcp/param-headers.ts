import type { IncomingHttpHeaders } from 'node:http';
import { isJsonObject, type Json, type JsonObject } from '@aip/wire';

/**
 * Arguments mirrored into HTTP headers (2026-07-28, basic/transports, custom headers): a tool's schema marks a
 * property with `x-mcp-header: Name`, its clients repeat the value as `Mcp-Param-Name`, so that what stands between can
 * route by it. The body decides; a header that says otherwise is refused.
 */
export interface DeclaredHeader {
  readonly path: readonly string[];
  readonly name: string;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const MAX_DEPTH = 8;
const MAX_DECLARED = 32;

const scanned = new WeakMap<JsonObject, readonly DeclaredHeader[]>();

/** The headers that a tool's input schema declares, found once per schema. Invalid declarations count as none. */
export function declaredHeaders(schema: JsonObject | undefined): readonly DeclaredHeader[] {
  if (!schema) return [];
  const known = scanned.get(schema);
  if (known) return known;
  const declared = [...scan(schema, [])].slice(0, MAX_DECLARED);
  scanned.set(schema, declared);
  return declared;
}

function* scan(schema: JsonObject, path: readonly string[]): Iterable<DeclaredHeader> {
  const properties = schema['properties'];
  if (!isJsonObject(properties) || path.length >= MAX_DEPTH) return;
  for (const [key, property] of Object.entries(properties)) {
    if (!isJsonObject(property)) continue;
    const name = property['x-mcp-header'];
    if (typeof name === 'string' && TOKEN.test(name)) yield { path: [...path, key], name };
    yield* scan(property, [...path, key]);
  }
}

/** What is wrong between the arguments and their headers, or undefined. */
export function headerMismatch(
  declared: readonly DeclaredHeader[],
  args: Json | undefined,
  headers: IncomingHttpHeaders,
): string | undefined {
  for (const { path, name } of declared) {
    const value = at(args, path);
    const expected = asHeader(value);
    if (expected === undefined) continue;
    const header = `Mcp-Param-${name}`;
    const sent = headers[header.toLowerCase()];
    if (typeof sent !== 'string') return `the ${header} header is missing, though the body carries ${path.join('.')}`;
    const decoded = decodeHeader(sent);
    if (decoded === undefined) return `the ${header} header is not valid Base64`;
    if (decoded !== expected && !(typeof value === 'number' && decoded.trim() !== '' && Number(decoded) === value)) {
      return `the ${header} header contradicts ${path.join('.')} in the body`;
    }
  }
  return undefined;
}

/** The headers to send along with these arguments. */
export function paramHeaders(declared: readonly DeclaredHeader[], args: JsonObject): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const { path, name } of declared) {
    const value = asHeader(at(args, path));
    if (value !== undefined) headers[`Mcp-Param-${name}`] = encodeHeader(value);
  }
  return headers;
}

function at(root: Json | undefined, path: readonly string[]): Json | undefined {
  let node = root;
  for (const key of path) node = isJsonObject(node) && Object.hasOwn(node, key) ? node[key] : undefined;
  return node;
}

function asHeader(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'number' && (!Number.isInteger(value) || Number.isSafeInteger(value))
    ? String(value)
    : undefined;
}

const PREFIX = '=?base64?';
const SUFFIX = '?=';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** Visible ASCII with inner blanks travels as it is. */
const PLAIN = /^[!-~](?:[ -~]*[!-~])?$/;

export const encodeHeader = (value: string): string =>
  PLAIN.test(value) && !value.startsWith(PREFIX) ? value : `${PREFIX}${Buffer.from(value).toString('base64')}${SUFFIX}`;

export function decodeHeader(value: string): string | undefined {
  if (!value.startsWith(PREFIX) || !value.endsWith(SUFFIX)) return value;
  const encoded = value.slice(PREFIX.length, -SUFFIX.length);
  if (!BASE64.test(encoded)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'base64'));
  } catch {
    return undefined;
  }
}
