import { AipError, isJsonObject, type Json, type JsonObject } from '@aip/wire';
import { child, children, type ApiDocument, type Place } from './document.ts';
import { freeName, isLegalProperty } from './parameters.ts';
import type { SchemaBundle } from './schema.ts';
import { inQuery } from './serialise.ts';

/** The body of an operation, and the arguments that it is to the model. */
export interface RequestBody {
  readonly properties: JsonObject;
  readonly required: readonly string[];
  /** Its media type; `whole`: the argument that is all of it, where it is not its properties that are arguments. */
  readonly binding: { readonly type: string; readonly whole?: string };
  /** What is sent; nothing when no argument of it is given. */
  build(args: JsonObject): { body: string | Uint8Array<ArrayBuffer> | FormData; contentType?: string } | undefined;
}

/** What can be sent, best first. A multipart body brings its own type, with its boundary. */
const KINDS = [
  ['json', /^application\/(?:[\w.-]+\+)?json$/],
  ['form', /^application\/x-www-form-urlencoded$/],
  ['multipart', /^multipart\/form-data$/],
  ['text', /^text\//],
  ['binary', /./],
] as const;
type Kind = (typeof KINDS)[number][0];

/** A schema that says more than its properties is not taken apart. */
const SIMPLE: ReadonlySet<string> = new Set([
  'type',
  'properties',
  'required',
  'title',
  'description',
  'additionalProperties',
  'example',
  'examples',
  'xml',
  'externalDocs',
  'default',
  'readOnly',
  'writeOnly',
  'deprecated',
]);

/**
 * Arguments of a body: its properties beside the parameters where that is unambiguous, else one argument `body`.
 * `taken` are the names of the parameters.
 */
export function requestBodyOf(
  api: ApiDocument,
  operation: Place,
  bundle: SchemaBundle,
  taken: ReadonlySet<string>,
): RequestBody | undefined {
  const declared = child(operation, 'requestBody');
  const place = declared && api.follow(declared);
  const content = place && child(place, 'content');
  if (!content) return undefined;
  const media = children(content).map((item) => ({
    ...item,
    type: item.name.split(';', 1)[0]?.trim().toLowerCase() ?? '',
  }));
  for (const [kind, pattern] of KINDS) {
    const found = media.find(({ type }) => pattern.test(type));
    if (!found) continue;
    const required = child(place, 'required')?.node === true;
    const schema = child(found.place, 'schema');
    const type = found.type.includes('*') ? 'application/octet-stream' : found.type;
    return (
      (schema && flat(api, schema, bundle, kind, type, required, taken)) ??
      whole(schema, bundle, kind, type, required, taken)
    );
  }
  return undefined;
}

function flat(
  api: ApiDocument,
  place: Place,
  bundle: SchemaBundle,
  kind: Kind,
  type: string,
  required: boolean,
  taken: ReadonlySet<string>,
): RequestBody | undefined {
  const { node } = api.follow(place);
  if (kind === 'text' || kind === 'binary' || !isJsonObject(node) || !isJsonObject(node['properties']))
    return undefined;
  if (Object.keys(node).some((keyword) => !SIMPLE.has(keyword) && !keyword.startsWith('x-'))) return undefined;
  if (isJsonObject(node['additionalProperties'])) return undefined;
  const translated = bundle.translate(api.follow(place));
  const properties = isJsonObject(translated) && isJsonObject(translated['properties']) ? translated['properties'] : {};
  const names = Object.keys(properties);
  if (names.length === 0 || names.some((name) => taken.has(name) || !isLegalProperty(name))) return undefined;
  const needed =
    isJsonObject(translated) && Array.isArray(translated['required']) ? translated['required'].map(String) : [];
  return {
    properties,
    required: required ? needed.filter((name) => Object.hasOwn(properties, name)) : [],
    binding: { type },
    build(args) {
      const given = Object.fromEntries(
        names.flatMap((name) => (Object.hasOwn(args, name) ? [[name, args[name] ?? null]] : [])),
      );
      return Object.keys(given).length > 0 || required ? encoded(kind, type, given, properties) : undefined;
    },
  };
}

function whole(
  schema: Place | undefined,
  bundle: SchemaBundle,
  kind: Kind,
  type: string,
  required: boolean,
  taken: ReadonlySet<string>,
): RequestBody {
  const name = freeName('body', 'content', taken);
  const translated =
    kind === 'binary' ? { type: 'string', contentEncoding: 'base64' } : schema ? bundle.translate(schema) : {};
  return {
    properties: { [name]: translated },
    required: required ? [name] : [],
    binding: { type, whole: name },
    build: (args) => (Object.hasOwn(args, name) ? encoded(kind, type, args[name] ?? null, {}) : undefined),
  };
}

function encoded(kind: Kind, type: string, value: Json, properties: JsonObject): ReturnType<RequestBody['build']> {
  switch (kind) {
    case 'json':
      return { body: JSON.stringify(value), contentType: type };
    case 'form':
      return { body: formOf(fields(value)), contentType: type };
    case 'multipart':
      return { body: multipartOf(fields(value), properties) };
    case 'text':
      return { body: typeof value === 'string' ? value : JSON.stringify(value), contentType: type };
    case 'binary':
      return { body: bytesOf(value), contentType: type };
  }
}

function fields(value: Json): JsonObject {
  if (isJsonObject(value)) return value;
  throw new AipError('INVALID_ARGUMENT', 'body: an object is expected, with a value for each field of the form.');
}

/** Objects go as JSON, lists as one field for each item (OpenAPI 3.1, Encoding Object, defaults). */
function formOf(values: JsonObject): string {
  const pairs = Object.entries(values).flatMap(([name, value]) =>
    inQuery({ name, style: 'form', explode: true, allowReserved: false, json: isJsonObject(value) }, value),
  );
  return pairs.map(([name, value]) => `${name}=${value.replaceAll('%20', '+')}`).join('&');
}

function multipartOf(values: JsonObject, properties: JsonObject): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(values)) {
    const schema = properties[name];
    const isFile = isJsonObject(schema) && schema['contentEncoding'] === 'base64';
    for (const item of Array.isArray(value) ? value : [value]) {
      if (isFile) form.append(name, new Blob([bytesOf(item)]), name);
      else if (isJsonObject(item)) form.append(name, new Blob([JSON.stringify(item)], { type: 'application/json' }));
      else form.append(name, typeof item === 'string' ? item : JSON.stringify(item));
    }
  }
  return form;
}

function bytesOf(value: Json): Uint8Array<ArrayBuffer> {
  if (typeof value === 'string' && /^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(value))
    return Uint8Array.from(Buffer.from(value, 'base64'));
  throw new AipError('INVALID_ARGUMENT', 'The content of a file is expected as base64.');
}
