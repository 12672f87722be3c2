import type { JsonObject } from '@aip/wire';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import { entryDefinition, toolDigest } from '../kernel/definition.ts';

/** Longest name or URI of an entry; addresses are bounded. */
export const MAX_NAME = 400;

export interface ToolWords {
  readonly name: string;
  readonly title?: string;
  readonly description: string;
  readonly inputSchema: JsonObject;
  readonly outputSchema?: JsonObject;
  /** See {@link CatalogueEntry}. */
  readonly binding?: JsonObject;
}

export function toolEntry(
  source: string,
  tool: ToolWords,
  { effect, price }: Pick<CatalogueEntry, 'effect' | 'price'>,
): CatalogueEntry {
  const entry: CatalogueEntry = {
    ...tool,
    address: `tool:${source}/${tool.name}`,
    kind: 'tool',
    owner: source,
    ownerName: source,
    effect,
    idempotent: effect === 'read',
    price,
    state: 'active',
  };
  return { ...entry, digest: toolDigest(entryDefinition(entry)) };
}

export interface ResourceWords {
  /** A URI, or a URI template. */
  readonly uri: string;
  /** For people. */
  readonly name: string;
  readonly description?: string;
  readonly mimeType?: string;
  readonly size?: number;
}

/** Resource or ResourceTemplate of MCP (2026-07-28, schema); reading changes nothing. */
export function resourceEntry(source: string, { uri, ...words }: ResourceWords): CatalogueEntry {
  const kind = uri.includes('{') ? 'template' : 'resource';
  const { description = '' } = words;
  return {
    address: `resource:${source}/${uri}`,
    kind,
    name: uri,
    owner: source,
    ownerName: source,
    title: words.name,
    description,
    effect: 'read',
    idempotent: true,
    price: 0,
    state: 'active',
    native: { ...words, [kind === 'template' ? 'uriTemplate' : 'uri']: uri },
  };
}
