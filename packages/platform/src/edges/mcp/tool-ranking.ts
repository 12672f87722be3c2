import { isJsonObject, type Json, type JsonObject } from '@aip/wire';

/** A tool as it is shown: its name and its definition. */
export interface RankedTool {
  readonly name: string;
  /** Its words are kept for as long as this object lives. */
  readonly definition: JsonObject;
}

/** Okapi BM25 (Robertson and Zaragoza, 2009) with its usual constants. */
const K1 = 1.2;
const B = 0.75;
/** A word in the name says more than one in the description, and that more than one in the schema. */
const WEIGHTS = { name: 4, title: 3, description: 2, schema: 1 } as const;
/** Longest text that is looked at, in characters, and the deepest schema. */
const MAX_TEXT = 20_000;
const MAX_DEPTH = 6;

/**
 * What a deprecated tool's match is worth: it goes behind those that do the same, and is still found where nothing else
 * does.
 */
const DEPRECATED = 0.5;

/** The tools in which words of the query occur, the most telling first; equals by name. */
export function rank<Tool extends RankedTool>(query: string, tools: readonly Tool[]): Tool[] {
  const terms = [...new Set(wordsOf(query))];
  const documents = tools.map((tool) => documentOf(tool));
  const average = documents.reduce((sum, { length }) => sum + length, 0) / Math.max(1, documents.length);
  const rarity = new Map(
    terms.map((term) => {
      const holders = documents.filter(({ counts }) => counts.has(term)).length;
      return [term, Math.log(1 + (documents.length - holders + 0.5) / (holders + 0.5))] as const;
    }),
  );
  const score = ({ counts, length, deprecated }: Document): number => {
    const match = terms.reduce((sum, term) => {
      const count = counts.get(term) ?? 0;
      const saturated = (count * (K1 + 1)) / (count + K1 * (1 - B + (B * length) / average));
      return sum + (rarity.get(term) ?? 0) * saturated;
    }, 0);
    return deprecated ? match * DEPRECATED : match;
  };
  return tools
    .map((tool, at) => ({ tool, score: score(documents[at] as Document) }))
    .filter((found) => found.score > 0)
    .toSorted((a, b) => b.score - a.score || (a.tool.name < b.tool.name ? -1 : 1))
    .map(({ tool }) => tool);
}

interface Document {
  readonly counts: ReadonlyMap<string, number>;
  readonly length: number;
  readonly deprecated: boolean;
}

const read = new WeakMap<JsonObject, { readonly name: string; readonly document: Document }>();

function documentOf({ name, definition }: RankedTool): Document {
  const known = read.get(definition);
  if (known?.name === name) return known.document;
  const counts = new Map<string, number>();
  let length = 0;
  const add = (text: Json | undefined, weight: number): void => {
    if (typeof text !== 'string') return;
    for (const word of wordsOf(text)) {
      counts.set(word, (counts.get(word) ?? 0) + weight);
      length += weight;
    }
  };
  add(name, WEIGHTS.name);
  add(definition['title'], WEIGHTS.title);
  add(definition['description'], WEIGHTS.description);
  for (const text of textsOf(definition['inputSchema'])) add(text, WEIGHTS.schema);
  const document = { counts, length, deprecated: isDeprecated(definition) };
  read.set(definition, { name, document });
  return document;
}

/**
 * MCP has no field for it, so servers say it in words, and sources write "Deprecated." for OpenAPI's `deprecated: true`:
 * "Deprecated: …", "(deprecated)", "DEPRECATED", "This tool is deprecated". A tool that finds deprecated things is none.
 */
const DEPRECATIONS = [
  /\bDEPRECATED\b/u,
  /(?:^|[.!?]\s+|\*\*|[–—@]\s*|\s-\s)deprecated(?:[.:;,!*–—]|\s*$|\s+(?:-\s|since\b|in favou?r\b|use\b))/imu,
  /[([]deprecated(?:[)\].:;]|\s+(?:since|in favou?r|use)\b)/iu,
  /\bthis (?:\w+ )?is (?:now )?deprecated\b/iu,
];

const isDeprecated = ({ title, description }: JsonObject): boolean =>
  [title, description].some(
    (text) => typeof text === 'string' && DEPRECATIONS.some((words) => words.test(text.slice(0, MAX_TEXT))),
  );

/** Names and descriptions of the arguments. */
function* textsOf(schema: Json | undefined, depth = 0): Iterable<string> {
  const properties = isJsonObject(schema) ? schema['properties'] : undefined;
  if (!isJsonObject(properties) || depth >= MAX_DEPTH) return;
  for (const [key, property] of Object.entries(properties)) {
    yield key;
    if (!isJsonObject(property)) continue;
    if (typeof property['description'] === 'string') yield property['description'];
    yield* textsOf(property, depth + 1);
  }
}

/** `readTextFile`, `read_text_file` and "Reads text files" have words in common: lower case, without a plural's s. */
function wordsOf(text: string): string[] {
  const parts = text
    .slice(0, MAX_TEXT)
    .replaceAll(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu);
  return (parts ?? []).map((word) => (word.length > 3 && /[^su]s$/.test(word) ? word.slice(0, -1) : word));
}
