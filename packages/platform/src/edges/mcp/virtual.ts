import { AipError, canonicalJson, isJsonObject, type JsonObject } from '@aip/wire';
import type { Catalogue } from '../../exchange/catalogue.ts';
import { parseAddress, splitOwned, type Address } from '../../kernel/address.ts';
import { argumentsOf } from '../../kernel/body.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Message } from '../../kernel/message.ts';
import { hidesDots } from '../../kernel/uri.ts';

/** A tool that stands elsewhere, under the name and in the words of the operator. */
export interface VirtualTool {
  /** `tool:<server>/<tool>`, `skill:<agent>/<skill>` or `operation:<domain>.<verb>`. */
  readonly target: Address;
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  /** Arguments that are the same in every call: callers do not see them and cannot give them. */
  readonly arguments?: JsonObject | undefined;
}

/** Chosen tools, resources and prompts of any servers and agents, served at an endpoint of their own. */
export interface VirtualServer {
  readonly description?: string | undefined;
  /** What its clients are told about using it. */
  readonly instructions?: string | undefined;
  /** By the name they have here. */
  readonly tools: Readonly<Record<string, VirtualTool>>;
  /** Addresses that it lets through; one that ends in `*` stands for all that begin so. */
  readonly resources: readonly string[];
  readonly prompts: readonly string[];
  /** With more tools than this, its clients search instead of getting the list. */
  readonly search_above?: number | undefined;
}

/** What a call of a virtual server's tool means: governance sees this entry and the arguments of both. */
export interface VirtualTarget {
  readonly entry: CatalogueEntry;
  readonly fixed: JsonObject;
}

/** A tool that is configured and cannot be offered. */
export interface MissingTool {
  readonly name: string;
  readonly target: Address;
  readonly reason: string;
}

export interface VirtualServers {
  readonly names: readonly string[];
  get(name: string): VirtualServer | undefined;
  /** Its tools among those entries, each as an entry with the name, words and schema that it has here. */
  tools(name: string, entries: readonly CatalogueEntry[]): CatalogueEntry[];
  tool(name: string, tool: string): VirtualTarget | undefined;
  /** Whether a listed resource, template or prompt is let through. */
  lists(name: string, entry: CatalogueEntry): boolean;
  /** Whether this URI may be read through this entry of its server's, both as the catalogue has found them. */
  reads(name: string, entry: CatalogueEntry, uri: string): boolean;
  /** Whether a message calls one of its tools, with the arguments that are fixed there; `sent` gives it, if it is known. */
  serves(name: string, to: string, sent: () => Message | undefined): boolean;
  /** Whether what an owner offers can be seen there. */
  concerns(name: string, owner: string): boolean;
  missing(name: string): MissingTool[];
}

const CALLABLE: ReadonlySet<string> = new Set(['tool', 'skill', 'operation']);

export function createVirtualServers(
  catalogue: Catalogue,
  servers: Readonly<Record<string, VirtualServer>>,
): VirtualServers {
  const configured = new Map(Object.entries(servers));
  /** What the target of a skill was when it was last there: agents are named, and known by their DID. */
  const seen = new Map<Address, Pick<CatalogueEntry, 'address' | 'owner'>>();
  const shownAs = new WeakMap<VirtualTool, WeakMap<CatalogueEntry, CatalogueEntry>>();

  /** Throws UNKNOWN_TARGET for a target that is not there. */
  function resolve({ target }: VirtualTool): CatalogueEntry {
    const entry = catalogue.resolve(target);
    seen.set(target, entry);
    if (!CALLABLE.has(entry.kind)) throw new AipError('UNKNOWN_TARGET', `${target} cannot be called.`);
    const absent = entry.state === 'gone' || (entry.state === 'offline' && entry.kind === 'skill');
    if (absent) throw new AipError('UNKNOWN_TARGET', `${target} is ${entry.state}.`);
    return entry;
  }

  /** What is quarantined is not shown; whoever calls it all the same is told so by the exchange. */
  function showable(tool: VirtualTool): CatalogueEntry {
    const entry = resolve(tool);
    if (entry.state === 'quarantined') throw new AipError('QUARANTINED', `${tool.target} is quarantined.`);
    return entry;
  }

  function shown(name: string, tool: VirtualTool, entry: CatalogueEntry): CatalogueEntry {
    const known = shownAs.get(tool) ?? new WeakMap<CatalogueEntry, CatalogueEntry>();
    shownAs.set(tool, known);
    const made = known.get(entry) ?? disguise(name, tool, entry);
    known.set(entry, made);
    return made;
  }

  const toolsOf = (name: string): [string, VirtualTool][] => Object.entries(configured.get(name)?.tools ?? {});

  return {
    names: [...configured.keys()],
    get: (name) => configured.get(name),
    tools(name, entries) {
      const visible = new Set(entries.map(({ address }) => address));
      return toolsOf(name).flatMap(([own, tool]) => {
        const entry = attempt(() => showable(tool));
        return entry && visible.has(entry.address) ? [shown(own, tool, entry)] : [];
      });
    },
    tool(name, own) {
      const tools = configured.get(name)?.tools;
      const tool = tools && Object.hasOwn(tools, own) ? tools[own] : undefined;
      const entry = tool && attempt(() => resolve(tool));
      return entry && { entry, fixed: tool.arguments ?? {} };
    },
    lists(name, entry) {
      const server = configured.get(name);
      const patterns = (entry.kind === 'prompt' ? server?.prompts : server?.resources) ?? [];
      // Of a template, its literal beginning decides: all that it stands for has to be let through.
      return patterns.some((pattern) => matches(pattern, entry.address));
    },
    reads(name, entry, uri) {
      const patterns = configured.get(name)?.resources ?? [];
      const through = entry.kind === 'template' && patterns.includes(entry.address);
      return through || patterns.some((pattern) => matches(pattern, `resource:${entry.owner}/${uri}`));
    },
    serves: (name, to, sent) =>
      toolsOf(name).some(
        ([, tool]) => (lastKnown(tool)?.address ?? tool.target) === to && hasFixed(tool.arguments ?? {}, sent),
      ),
    concerns(name, owner) {
      const server = configured.get(name);
      const passed = [...(server?.resources ?? []), ...(server?.prompts ?? [])];
      return toolsOf(name).some(([, tool]) => ownerOf(tool) === owner) || passed.some((p) => addressOwner(p) === owner);
    },
    missing: (name) =>
      toolsOf(name).flatMap(([own, tool]) => {
        try {
          showable(tool);
          return [];
        } catch (error) {
          return [{ name: own, target: tool.target, reason: (error as Error).message }];
        }
      }),
  };

  function lastKnown(tool: VirtualTool): Pick<CatalogueEntry, 'address' | 'owner'> | undefined {
    return attempt(() => resolve(tool)) ?? seen.get(tool.target);
  }

  function ownerOf(tool: VirtualTool): string | undefined {
    return lastKnown(tool)?.owner ?? addressOwner(tool.target);
  }
}

function attempt<Value>(work: () => Value): Value | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** The endpoint of a virtual server. Throws NOT_FOUND for one that is not configured. */
export function virtualScope(
  servers: VirtualServers,
  name: string,
): { readonly kind: 'virtual'; readonly owner: string } {
  if (servers.get(name)) return { kind: 'virtual', owner: name };
  const known = servers.names.length === 0 ? 'mcp.virtual has none' : `there are ${servers.names.join(', ')}`;
  throw new AipError('NOT_FOUND', `There is no virtual server "${name.slice(0, 64)}" here: ${known}.`);
}

/** Whether a message has these arguments; of those that are secrets only the names are kept. */
function hasFixed(fixed: JsonObject, sent: () => Message | undefined): boolean {
  const expected = Object.entries(fixed);
  if (expected.length === 0) return true;
  const message = sent();
  const given = message ? argumentsOf(message.body) : {};
  return expected.every(
    ([name, value]) =>
      message?.withheld?.includes(name) === true ||
      (given[name] !== undefined && canonicalJson(given[name]) === canonicalJson(value)),
  );
}

const addressOwner = (address: string): string => splitOwned(parseAddress(address).name).owner;

function disguise(name: string, tool: VirtualTool, entry: CatalogueEntry): CatalogueEntry {
  const { title, description } = tool;
  const words = { ...(title === undefined ? {} : { title }), ...(description === undefined ? {} : { description }) };
  const fixed = Object.keys(tool.arguments ?? {});
  const inputSchema = entry.inputSchema && withoutProperties(entry.inputSchema, fixed);
  const schema = inputSchema ? { inputSchema } : {};
  const native = entry.native ? { native: { ...entry.native, ...words, ...schema, name } } : {};
  return { ...entry, ...words, ...schema, ...native, name };
}

function withoutProperties(schema: JsonObject, names: readonly string[]): JsonObject {
  const { properties, required } = schema;
  if (names.length === 0 || !isJsonObject(properties)) return schema;
  const kept = Object.entries(properties).filter(([key]) => !names.includes(key));
  const needed = Array.isArray(required) ? required.filter((key) => !names.includes(key as string)) : undefined;
  return {
    ...schema,
    properties: Object.fromEntries(kept),
    ...(needed === undefined ? {} : { required: needed }),
  };
}

function matches(pattern: string, address: string): boolean {
  if (!pattern.endsWith('*')) return pattern === address;
  // What a server lists is read as it is listed, and may lead out of what it begins with.
  return address.startsWith(pattern.slice(0, -1)) && !hidesDots(address);
}
