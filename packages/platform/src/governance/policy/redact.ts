import { isJsonObject, type Json } from '@aip/wire';
import type { Body, Part } from '../../kernel/body.ts';

/**
 * Removes fields, named by dotted paths, from a structured body; a leading `result.` names the body itself.
 * undefined when the body has no structure to remove them from: such a result cannot be shown at all.
 */
export function redact(body: Body, paths: readonly string[]): Body | undefined {
  switch (body.type) {
    case 'text':
      return undefined;
    case 'data':
      return typeof body.value === 'string' ? undefined : { type: 'data', value: without(body.value, paths) };
    case 'a2a': {
      const parts = body.value.parts.map((part) => redactPart(part, paths));
      return parts.includes(undefined) ? undefined : { type: 'a2a', value: { parts: parts as Part[] } };
    }
    case 'mcp': {
      const { structuredContent, isError } = body.value;
      if (structuredContent === undefined) return undefined;
      // The text blocks repeat the structured content; only the cleaned form may leave.
      const clean = without(structuredContent, paths);
      const content = [{ type: 'text', text: JSON.stringify(clean) }];
      return {
        type: 'mcp',
        value: { structuredContent: clean, content, ...(isError === undefined ? {} : { isError }) },
      };
    }
  }
}

/** Only what is plain data can be cleaned; a part's own metadata goes with the rest that is not known. */
function redactPart(part: Part, paths: readonly string[]): Part | undefined {
  return part.data === undefined || typeof part.data === 'string' ? undefined : { data: without(part.data, paths) };
}

function without(value: Json, paths: readonly string[]): Json {
  return paths.reduce<Json>((current, path) => {
    const fields = path.split('.');
    const inside = fields[0] === 'result' && fields.length > 1 ? dropPath(current, fields.slice(1)) : current;
    return dropPath(inside, fields);
  }, value);
}

function dropPath(value: Json, [field, ...rest]: readonly string[]): Json {
  if (field === undefined) return value;
  if (Array.isArray(value)) return value.map((item) => dropPath(item, [field, ...rest]));
  if (!isJsonObject(value) || !Object.hasOwn(value, field)) return value;
  const { [field]: inner, ...others } = value;
  return rest.length === 0 ? others : { ...others, [field]: dropPath(inner as Json, rest) };
}
