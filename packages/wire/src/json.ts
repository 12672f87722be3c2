import { AipError } from './errors.ts';

/** Any JSON value (RFC 8259). */
export type Json = null | boolean | number | string | Json[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  [key: string]: Json;
}

export interface JsonLimits {
  /** Largest accepted size in bytes of UTF-8; 1 MiB unless told. */
  maxBytes?: number;
  /** Deepest accepted nesting of arrays and objects; 64 unless told. A bare scalar has depth 0. */
  maxDepth?: number;
}

const DEFAULT_MAX_BYTES = 1024 * 1024;
const DEFAULT_MAX_DEPTH = 64;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses JSON from somebody else. Beyond `JSON.parse` it refuses what two parsers could read
 * differently (duplicate keys, bytes that are not UTF-8, numbers beyond a double: RFC 7493 §2) and
 * what harms the reader (excessive size or nesting, keys that reach a prototype).
 *
 * @throws AipError PAYLOAD_TOO_LARGE beyond `maxBytes`, MALFORMED_MESSAGE for everything else.
 */
export function parseJson(input: string | Uint8Array, limits: JsonLimits = {}): Json {
  const maxBytes = limits.maxBytes ?? DEFAULT_MAX_BYTES;
  if (exceedsBytes(input, maxBytes)) {
    throw new AipError('PAYLOAD_TOO_LARGE', `The JSON is larger than ${maxBytes} bytes.`, { details: { maxBytes } });
  }
  const text = typeof input === 'string' ? input : decodeUtf8(input);
  const value = parse(text);
  const members = countMembers(value, limits.maxDepth ?? DEFAULT_MAX_DEPTH);
  // JSON.parse keeps only the last of two equal keys, so the tree then has fewer members than the text.
  if (members !== countMembersInText(text)) throw malformed('The JSON has a duplicate key.');
  return value;
}

/** True for an object that is neither null nor an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    const position = /position (\d+)/.exec(String(cause))?.[1];
    const where = position === undefined ? '' : ` (at position ${position})`;
    throw new AipError('MALFORMED_MESSAGE', `This is not valid JSON${where}.`, { cause });
  }
}

/** Counts the object members of a tree and refuses what a reader must not meet. */
function countMembers(value: Json, depthLeft: number): number {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw malformed('The JSON has a number beyond the range of a double.');
    return 0;
  }
  if (typeof value !== 'object' || value === null) return 0;
  if (depthLeft === 0) throw malformed('The JSON is nested too deeply.');
  let members = 0;
  if (Array.isArray(value)) {
    for (const item of value) members += countMembers(item, depthLeft - 1);
    return members;
  }
  for (const key in value) {
    const child = value[key] as Json;
    if (key === '__proto__' || (key === 'constructor' && isJsonObject(child) && Object.hasOwn(child, 'prototype'))) {
      throw malformed(`The JSON has the forbidden key ${key}.`);
    }
    members += 1 + countMembers(child, depthLeft - 1);
  }
  return members;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** Counts the colons outside strings of a text already known to be valid JSON. */
function countMembersInText(text: string): number {
  let members = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === COLON) members++;
    else if (char === QUOTE) at = endOfString(text, at);
  }
  return members;
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    const char = text.charCodeAt(at);
    if (char === BACKSLASH) at++;
    else if (char === QUOTE) return at;
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new AipError('MALFORMED_MESSAGE', 'The JSON is not valid UTF-8.', { cause });
  }
}

/** A UTF-16 code unit takes at most three bytes of UTF-8, so the exact count is rarely needed. */
function exceedsBytes(input: string | Uint8Array, maxBytes: number): boolean {
  if (typeof input !== 'string') return input.byteLength > maxBytes;
  if (input.length > maxBytes) return true;
  return input.length * 3 > maxBytes && new TextEncoder().encode(input).byteLength > maxBytes;
}

function malformed(message: string): AipError {
  return new AipError('MALFORMED_MESSAGE', message);
}
