import { isJsonObject, type Json, type JsonObject } from '@aip/wire';

/** The beginning of a text, of at most that many bytes of UTF-8, with a note of what is missing. */
export function shorten(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.byteLength <= maxBytes) return text;
  // Decoding drops the piece of a character at the cut; U+FFFD would stand for it.
  const kept = new TextDecoder().decode(bytes.subarray(0, maxBytes)).replace(/\uFFFD$/, '');
  return `${kept}… (${bytes.byteLength - maxBytes} more bytes)`;
}

/** The value with no array longer than `maxItems`, and how many items that has cost. */
export function trimItems(value: Json, maxItems: number): { kept: Json; dropped: number } {
  let dropped = 0;
  const trim = (part: Json): Json => {
    if (Array.isArray(part)) {
      dropped += Math.max(0, part.length - maxItems);
      return part.slice(0, maxItems).map(trim);
    }
    return isJsonObject(part) ? mapValues(part, trim) : part;
  };
  return { kept: trim(value), dropped };
}

/** Only what the paths name: `owner.login` in an object, or in each item of an array wherever one stands. */
export function pickPaths(value: Json, paths: readonly string[]): Json {
  const tree: Tree = {};
  for (const path of paths) {
    let node = tree;
    for (const name of path.split('.')) node = node[name] ??= {};
  }
  return pick(value, tree);
}

/** Names to keep; one with nothing below it is kept whole. */
interface Tree {
  [name: string]: Tree;
}

function pick(value: Json, tree: Tree): Json {
  if (Object.keys(tree).length === 0) return value;
  if (Array.isArray(value)) return value.map((item) => pick(item, tree));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(tree).flatMap(([name, below]) =>
      Object.hasOwn(value, name) ? [[name, pick(value[name] ?? null, below)]] : [],
    ),
  );
}

const mapValues = (object: JsonObject, map: (value: Json) => Json): JsonObject =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]));
