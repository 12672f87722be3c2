import { isJsonObject, type Json, type JsonObject } from '@aip/wire';
import type { Body } from '../../kernel/body.ts';

/**
 * Removes fields, named by dotted paths, from a structured body. undefined when the body has no structure to
 * remove them from: such a result cannot be shown at all.
 */
export function redact(body: Body, paths: readonly string[]): Body | undefined {
  if (body.type === 'data') return { type: 'data', value: without(body.value, paths) };
  const structured = body.type === 'mcp' ? body.value['structuredContent'] : undefined;
  if (structured === undefined) return undefined;
  // The text blocks repeat the structured content; only the cleaned form may leave.
  const clean = without(structured, paths);
  return { type: 'mcp', value: { structuredContent: clean, content: [{ type: 'text', text: JSON.stringify(clean) }] } };
}

function without(value: Json, paths: readonly string[]): Json {
  return paths.reduce<Json>((current, path) => dropPath(current, path.split('.')), value);
}

function dropPath(value: Json, [field, ...rest]: readonly string[]): Json {
  if (field === undefined) return value;
  if (Array.isArray(value)) return value.map((item) => dropPath(item, [field, ...rest]));
  if (!isJsonObject(value) || value[field] === undefined) return value;
  const { [field]: inner, ...others } = value;
  return rest.length === 0 ? others : ({ ...others, [field]: dropPath(inner as Json, rest) } satisfies JsonObject);
}
