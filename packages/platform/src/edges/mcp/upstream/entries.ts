import { isJsonObject, type Json, type JsonObject } from '@aip/wire';
import type { CatalogueEntry, Effect } from '../../../kernel/catalogue.ts';
import { toolDigest } from '../../../kernel/definition.ts';
import { ANY_URI } from '../uris.ts';
import type { UpstreamConfig, UpstreamLog } from './config.ts';
import { isMadeForTasks } from './remote-task-legacy.ts';

/** What a server has listed, in its own words. */
export interface Listing {
  readonly tools: readonly JsonObject[];
  readonly resources: readonly JsonObject[];
  readonly templates: readonly JsonObject[];
  readonly prompts: readonly JsonObject[];
  /** It serves resources, listed or not. */
  readonly servesResources: boolean;
  /** Its tools may say that they are called as tasks (2025-11-25). */
  readonly servesTasks: boolean;
}

/** Definitions above this many characters of JSON are left out. */
const MAX_DEFINITION = 256 * 1024;
/** Longest name or URI; addresses are bounded. */
const MAX_NAME = 400;
/** Definitions of all kinds together. */
const MAX_ENTRIES = 4_000;
/** How deep a schema is looked into. */
const MAX_DEPTH = 8;

/** The listing as catalogue entries. What does not fit is left out and named in the log. */
export function entriesOf(
  server: string,
  config: UpstreamConfig,
  listing: Listing,
  log: UpstreamLog,
): CatalogueEntry[] {
  const entries = [
    ...listing.tools.map((tool) => toolEntry(server, config, tool, listing.servesTasks)),
    ...listing.resources.map((resource) => otherEntry(server, 'resource', resource, resource['uri'])),
    ...listing.templates.map((template) => otherEntry(server, 'template', template, template['uriTemplate'])),
    ...listing.prompts.map((prompt) => otherEntry(server, 'prompt', prompt, prompt['name'])),
  ];
  const seen = new Set<string>();
  const kept = entries.filter((entry) => {
    const reason =
      entry.name === '' || entry.name.length > MAX_NAME
        ? 'its name is too long or empty'
        : tooLarge(entry)
          ? 'its definition is too large'
          : seen.has(entry.address)
            ? 'its name is not unique'
            : 'url' in config && marksNumber(entry.inputSchema)
              ? 'it marks a number with x-mcp-header'
              : undefined;
    seen.add(entry.address);
    if (reason)
      log('warn', 'a definition of an MCP server was left out', {
        server,
        kind: entry.kind,
        name: entry.name.slice(0, 100),
        reason,
      });
    return reason === undefined;
  });
  if (kept.length > MAX_ENTRIES)
    log('warn', 'an MCP server lists too much; the rest was left out', {
      server,
      listed: kept.length,
      kept: MAX_ENTRIES,
    });
  const rest = listing.servesResources
    ? [base(server, 'template', ANY_URI, { description: `Any other resource of ${server}.` })]
    : [];
  return [...kept.slice(0, MAX_ENTRIES), ...rest];
}

const tooLarge = (entry: CatalogueEntry): boolean => JSON.stringify(entry.native).length > MAX_DEFINITION;

function toolEntry(server: string, config: UpstreamConfig, tool: JsonObject, servesTasks: boolean): CatalogueEntry {
  const name = textOf(tool['name']);
  const own = <Value>(table: Readonly<Record<string, Value>> | undefined): Value | undefined =>
    table && Object.hasOwn(table, name) ? table[name] : undefined;
  // That its server takes it as a task only is the gateway's business: whoever takes none here gets the result.
  const tasks = own(config.tasks) ?? (servesTasks && isMadeForTasks(tool) ? 'optional' : undefined);
  const effect: Effect = own(config.effects) ?? config.default_effect ?? 'external';
  return {
    ...base(server, 'tool', name, tool),
    effect,
    idempotent: effect === 'read',
    ...(tasks === undefined ? {} : { tasks }),
    price: own(config.prices) ?? config.default_price ?? 0,
    inputSchema: tool['inputSchema'] as JsonObject,
    ...(tool['outputSchema'] === undefined ? {} : { outputSchema: tool['outputSchema'] as JsonObject }),
    digest: toolDigest(tool),
    native: tool,
  };
}

/** Reading changes nothing, by the meaning of these requests; that is not a hint of the server's. */
const otherEntry = (
  server: string,
  kind: 'resource' | 'template' | 'prompt',
  native: JsonObject,
  name: Json | undefined,
): CatalogueEntry => ({
  ...base(server, kind, textOf(name), native),
  native,
});

const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

function base(
  server: string,
  kind: 'tool' | 'resource' | 'template' | 'prompt',
  name: string,
  native: JsonObject,
): CatalogueEntry {
  const { title, description } = native;
  return {
    address: `${kind === 'template' ? 'resource' : kind}:${server}/${name}`,
    kind,
    name,
    owner: server,
    ownerName: server,
    ...(typeof title === 'string' ? { title } : {}),
    description: typeof description === 'string' ? description : '',
    effect: 'read',
    idempotent: true,
    price: 0,
    state: 'active',
  };
}

/** Tools that do are refused as a whole (2026-07-28, transports, custom headers); the SDK refuses the other faults. */
function marksNumber(schema: JsonObject | undefined, depth = 0): boolean {
  if (!schema || depth > MAX_DEPTH) return false;
  if (schema['type'] === 'number' && schema['x-mcp-header'] !== undefined) return true;
  const properties = isJsonObject(schema['properties']) ? Object.values(schema['properties']) : [];
  return properties.some((property) => isJsonObject(property) && marksNumber(property, depth + 1));
}
