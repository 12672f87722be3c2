import { isJsonObject, type Json, type JsonObject } from '@aip/wire';
import { child, children, fault, type ApiDocument, type Place } from './document.ts';

/**
 * Schemas of one tool, in JSON Schema 2020-12 and complete in themselves: what they refer to stands once under `$defs`,
 * so a schema that contains itself stays finite.
 */
export interface SchemaBundle {
  translate(place: Place): Json;
  /** `$defs`, if anything was referred to. */
  definitions(): { $defs?: JsonObject };
}

/** What a tool takes, or what it answers: properties that only the other has are left out. */
export type Direction = 'input' | 'output';

/** Schemas that one tool may have; what is beyond takes anything, so that it does not fill the model's memory. */
const MAX_SCHEMAS = 2_000;
const MAX_DEPTH = 60;

/** Keywords with one schema, a list of them, or schemas by name (JSON Schema 2020-12, Core, sections 10 and 11). */
const ONE = new Set([
  'additionalProperties',
  'contains',
  'else',
  'if',
  'items',
  'not',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
]);
const LIST = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems']);
const NAMED = new Set(['dependentSchemas', 'patternProperties', 'properties']);

/** What is OpenAPI's own, or only has a meaning where the schema stood. */
const LEFT_OUT = new Set([
  '$anchor',
  '$comment',
  '$defs',
  '$dynamicAnchor',
  '$dynamicRef',
  '$id',
  '$ref',
  '$schema',
  'definitions',
  'discriminator',
  'example',
  'externalDocs',
  'nullable',
  'readOnly',
  'writeOnly',
  'xml',
]);

export function createSchemaBundle(api: ApiDocument, direction: Direction): SchemaBundle {
  const names = new Map<string, string>();
  const definitions: JsonObject = {};
  let count = 0;
  const isOld = api.version === '3.0';

  function translate(place: Place, depth = 0): Json {
    const { node } = place;
    if (typeof node === 'boolean') return isOld && node ? {} : node;
    if (!isJsonObject(node)) throw fault(place, 'a schema is expected here');
    if (++count > MAX_SCHEMAS || depth > MAX_DEPTH) return {};
    if (typeof node['$ref'] !== 'string') return withNull(node, keywords(place, node, depth));
    const reference = { $ref: `#/$defs/${define(api.follow(place))}` };
    // In 3.0 nothing beside a reference counts (Reference Object).
    return isOld ? reference : { ...keywords(place, node, depth), ...reference };
  }

  function define(place: Place): string {
    const key = `${place.document}#${place.pointer}`;
    const known = names.get(key);
    if (known !== undefined) return known;
    const name = unused(place.pointer.split('/').at(-1) ?? '');
    names.set(key, name);
    // Taken before its content is: it may contain itself.
    definitions[name] = {};
    definitions[name] = translate(place);
    return name;
  }

  function unused(wish: string): string {
    const base = wish.replaceAll(/[^a-zA-Z0-9_-]+/g, '_') || 'schema';
    let name = base;
    for (let n = 2; Object.hasOwn(definitions, name); n++) name = `${base}_${n}`;
    return name;
  }

  function keywords(place: Place, node: JsonObject, depth: number): JsonObject {
    const hidden = new Set(hiddenProperties(place));
    const result: JsonObject = {};
    for (const [keyword, value] of Object.entries(node)) {
      const at = child(place, keyword);
      if (at === undefined || LEFT_OUT.has(keyword) || keyword.startsWith('x-')) continue;
      if (ONE.has(keyword)) result[keyword] = translate(at, depth + 1);
      else if (LIST.has(keyword)) result[keyword] = children(at).map((item) => translate(item.place, depth + 1));
      else if (NAMED.has(keyword))
        result[keyword] = Object.fromEntries(
          children(at)
            .filter(({ name }) => keyword !== 'properties' || !hidden.has(name))
            .map((item) => [item.name, translate(item.place, depth + 1)]),
        );
      else if (keyword === 'required' && Array.isArray(value))
        result[keyword] = value.filter((name) => typeof name === 'string' && !hidden.has(name));
      else result[keyword] = value;
    }
    return isOld ? modern(result) : result;
  }

  /** `readOnly` is not to be sent, `writeOnly` does not come back (OpenAPI 3.0, Schema Object). */
  function hiddenProperties(place: Place): string[] {
    const properties = child(place, 'properties');
    if (!properties) return [];
    return children(properties).flatMap(({ name, place: property }) => {
      const { node } = api.follow(property);
      return isJsonObject(node) && node[direction === 'input' ? 'readOnly' : 'writeOnly'] === true ? [name] : [];
    });
  }

  /** OpenAPI 3.0.3: `nullable` adds null to the type that stands beside it. */
  function withNull(node: JsonObject, schema: JsonObject): JsonObject {
    if (!isOld || node['nullable'] !== true) return schema;
    const { type, enum: values } = schema;
    if (typeof type !== 'string') return { anyOf: [schema, { type: 'null' }] };
    return {
      ...schema,
      type: [type, 'null'],
      ...(Array.isArray(values) && !values.includes(null) ? { enum: [...values, null] } : {}),
    };
  }

  return {
    translate: (place) => translate(place),
    definitions: () => (Object.keys(definitions).length > 0 ? { $defs: definitions } : {}),
  };
}

/** What 3.0 (JSON Schema of Wright draft 00) says otherwise than 2020-12. */
function modern(schema: JsonObject): JsonObject {
  const { exclusiveMinimum, exclusiveMaximum, format, ...rest } = schema;
  const result: JsonObject = { ...rest };
  bound(result, 'minimum', 'exclusiveMinimum', exclusiveMinimum);
  bound(result, 'maximum', 'exclusiveMaximum', exclusiveMaximum);
  if (rest['type'] === 'string' && (format === 'byte' || format === 'binary')) result['contentEncoding'] = 'base64';
  else if (format !== undefined) result['format'] = format;
  return result;
}

function bound(schema: JsonObject, inclusive: string, exclusive: string, value: Json | undefined): void {
  if (value !== true || typeof schema[inclusive] !== 'number') return;
  schema[exclusive] = schema[inclusive];
  delete schema[inclusive];
}
