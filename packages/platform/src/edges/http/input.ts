import { AipError, isJsonObject, parseJson, type Json, type JsonObject } from '@aip/wire';

/** The body of a POST as an object; none at all is the empty object. Throws INVALID_ARGUMENT. */
export function bodyInput(body: unknown): JsonObject {
  if (body === undefined || body === null) return {};
  if (isJsonObject(body)) return body;
  throw new AipError('INVALID_ARGUMENT', 'The body must be a JSON object.');
}

/** Query parameters as an operation's input: numbers, booleans, lists and objects where its schema wants them. */
export function queryInput(query: unknown, schema: JsonObject | undefined): JsonObject {
  const properties = isJsonObject(schema?.['properties']) ? schema['properties'] : {};
  const members = Object.entries(query as Record<string, string | string[]>).map(([name, value]): [string, Json] => {
    const wanted = Object.hasOwn(properties, name) ? properties[name] : undefined;
    return [name, fromText(value, wanted)];
  });
  // fromEntries defines members; an assignment to `__proto__` would not.
  return Object.fromEntries(members);
}

/** A value that does not fit is passed on as it came: the operation's own validation says what is wrong with it. */
function fromText(value: string | string[], schema: Json | undefined): Json {
  const types = typesOf(schema);
  if (types.has('array')) {
    const items = isJsonObject(schema) ? schema['items'] : undefined;
    return (Array.isArray(value) ? value : [value]).map((item) => fromText(item, items));
  }
  if (Array.isArray(value)) return value;
  if ((types.has('integer') || types.has('number')) && /^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  if (types.has('boolean') && (value === 'true' || value === 'false')) return value === 'true';
  if (types.has('object') && value.startsWith('{')) return parseJson(value);
  return value;
}

function typesOf(schema: Json | undefined): ReadonlySet<Json> {
  if (!isJsonObject(schema)) return new Set();
  const own = schema['type'];
  const branches = [schema['anyOf'], schema['oneOf']].flatMap((list) => (Array.isArray(list) ? list : []));
  const types = Array.isArray(own) ? own : own === undefined ? [] : [own];
  return new Set([...types, ...branches.flatMap((branch) => [...typesOf(branch)])]);
}

const KEY = /^[\x21-\x7e]{1,255}$/;

/** The Idempotency-Key header, with or without the quotes of a structured field. Throws INVALID_ARGUMENT. */
export function idempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const key = typeof header === 'string' ? header.replace(/^"(.*)"$/, '$1') : '';
  if (KEY.test(key)) return key;
  throw new AipError('INVALID_ARGUMENT', 'Idempotency-Key is one text of 1 to 255 visible ASCII characters.');
}
