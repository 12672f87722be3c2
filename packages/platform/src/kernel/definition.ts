import { createHash } from 'node:crypto';
import { canonicalJson, type JsonObject } from '@aip/wire';
import type { CatalogueEntry } from './catalogue.ts';

/**
 * What has to stay as it was agreed to: what a model or a caller is told about a tool (MCP 2026-07-28, Tool), and what a
 * call of it does, where a document says so.
 */
const PINNED = ['name', 'title', 'description', 'inputSchema', 'outputSchema', 'annotations', 'binding'] as const;

/** The pinned part of a tool's definition; what is not said is left out. */
function toolDefinition(tool: JsonObject): JsonObject {
  return Object.fromEntries(PINNED.flatMap((key) => (tool[key] === undefined ? [] : [[key, tool[key]]])));
}

/** SHA-256 (base64url) over the canonical form (RFC 8785) of the pinned part. */
export function toolDigest(tool: JsonObject): string {
  return createHash('sha256')
    .update(canonicalJson(toolDefinition(tool)))
    .digest('base64url');
}

/** The definition of an entry, in its owner's own words where it came in some, with its binding. */
export function entryDefinition(entry: CatalogueEntry): JsonObject {
  const { name, title, description, inputSchema, outputSchema, binding } = entry;
  return toolDefinition({
    name,
    description,
    ...(title === undefined ? {} : { title }),
    ...(inputSchema === undefined ? {} : { inputSchema }),
    ...(outputSchema === undefined ? {} : { outputSchema }),
    ...entry.native,
    ...(binding === undefined ? {} : { binding }),
  });
}
