import type { JsonObject } from '@aip/wire';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';

/** Tool, Resource, ResourceTemplate or Prompt of MCP (2026-07-28, schema), without the name or URI it is shown under. */
export type Definition = JsonObject;

const made = new WeakMap<CatalogueEntry, Definition>();

/** The entry as MCP defines it; made once for as long as the entry lives. */
export function definitionOf(entry: CatalogueEntry): Definition {
  const known = made.get(entry);
  if (known) return known;
  const definition = entry.native ? fromUpstream(entry.native) : toolOf(entry);
  made.set(entry, definition);
  return definition;
}

/** An upstream's own words, less what only holds between it and the gateway. */
function fromUpstream(native: JsonObject): Definition {
  // `execution` tells whether the upstream takes calls as tasks; who calls here meets the gateway's tasks, not its.
  const { execution: _, ...definition } = native;
  return definition;
}

function toolOf(entry: CatalogueEntry): Definition {
  const output = entry.outputSchema;
  return {
    ...(entry.title === undefined ? {} : { title: entry.title }),
    description: entry.description,
    inputSchema: entry.inputSchema ? objectSchema(entry.inputSchema) : FREE_TEXT,
    ...(output && output['type'] === 'object' ? { outputSchema: output } : {}),
    annotations: {
      readOnlyHint: entry.effect === 'read',
      destructiveHint: entry.effect === 'external',
      idempotentHint: entry.idempotent,
      openWorldHint: entry.effect === 'external',
    },
  };
}

/** MCP takes only objects as arguments, and older clients refuse a whole list for one schema that does not say so. */
const objectSchema = (schema: JsonObject): JsonObject =>
  schema['type'] === 'object' ? schema : { ...schema, type: 'object' };

/** A skill that does not say what it takes is spoken to in plain words. */
const FREE_TEXT: JsonObject = {
  type: 'object',
  properties: { text: { type: 'string', description: 'What you want, in plain words.' } },
  required: ['text'],
};
