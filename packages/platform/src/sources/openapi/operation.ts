import { AipError, isJsonObject, type Json, type JsonObject } from '@aip/wire';
import type { Outgoing } from '../api.ts';
import type { ToolWords } from '../entry.ts';
import { child, children, fault, textAt, type ApiDocument, type Place } from './document.ts';
import { parametersOf, type Parameter, type ParameterIn } from './parameters.ts';
import { requestBodyOf } from './request-body.ts';
import { createSchemaBundle } from './schema.ts';
import { inHeader, inPath, inQuery } from './serialise.ts';

/** Longest description of a tool, in characters. */
const MAX_DESCRIPTION = 2_000;

/** An operation where it stands in its document. */
export interface FoundOperation {
  /** In capitals. */
  readonly method: string;
  /** The template, as `/pets/{id}`. */
  readonly path: string;
  readonly pathItem: Place;
  readonly place: Place;
}

/** An operation as a tool. */
export interface CompiledOperation extends Omit<ToolWords, 'name' | 'binding'> {
  /** What of the request the document decides: method, path, where each argument goes and how it is written. */
  readonly binding: JsonObject;
  /** Throws INVALID_ARGUMENT. */
  build(args: JsonObject): Outgoing;
}

/** Throws CONFIG_INVALID that says what in the document is wrong. */
export function compileOperation(
  api: ApiDocument,
  { method, path, pathItem, place }: FoundOperation,
  isSet: (place: ParameterIn, name: string) => boolean,
): CompiledOperation {
  const bundle = createSchemaBundle(api, 'input');
  const parameters = parametersOf(api, pathItem, place, bundle, isSet);
  for (const name of namesIn(path))
    if (!parameters.some((parameter) => parameter.in === 'path' && parameter.name === name))
      throw fault(place, `the path has {${name}}, and no parameter says what that is`);
  const body = requestBodyOf(api, place, bundle, new Set(parameters.map(({ argument }) => argument)));
  const properties = {
    ...Object.fromEntries(parameters.map(({ argument, schema }) => [argument, schema])),
    ...body?.properties,
  };
  const required = [
    ...parameters.filter((parameter) => parameter.required).map(({ argument }) => argument),
    ...(body?.required ?? []),
  ];
  const outputSchema = outputSchemaOf(api, place);

  function build(given: JsonObject): Outgoing {
    // What is not given is the same to a model as what is null, and the same to a query.
    const args = Object.fromEntries(
      Object.entries(given).filter(([name, value]) => value !== null || allowsNull(properties[name])),
    );
    check(args);
    const of = (where: ParameterIn): Parameter[] =>
      parameters.filter((parameter) => parameter.in === where && Object.hasOwn(args, parameter.argument));
    const value = (parameter: Parameter): Json => args[parameter.argument] ?? null;
    const sent = body?.build(args);
    return {
      method,
      path: path.replaceAll(/\{([^{}]+)\}/g, (_, name: string) => {
        const parameter = of('path').find((candidate) => candidate.name === name);
        return parameter ? inPath(parameter, value(parameter)) : '';
      }),
      query: of('query').flatMap((parameter) => inQuery(parameter, value(parameter))),
      headers: [
        ['accept', 'application/json, */*;q=0.5'],
        ...of('header').map((parameter) => [parameter.name, inHeader(parameter, value(parameter))] as const),
        ...(sent?.contentType === undefined ? [] : [['content-type', sent.contentType] as const]),
      ],
      cookies: of('cookie').map((parameter) => [parameter.name, inHeader(parameter, value(parameter))] as const),
      ...(sent ? { body: sent.body } : {}),
    };
  }

  function check(args: JsonObject): void {
    const missing = required.filter((name) => !Object.hasOwn(args, name));
    if (missing.length > 0) throw new AipError('INVALID_ARGUMENT', `${missing.join(', ')}: required, and not given.`);
    const unknown = Object.keys(args).filter((name) => !Object.hasOwn(properties, name));
    if (unknown.length > 0)
      throw new AipError(
        'INVALID_ARGUMENT',
        `${unknown.join(', ').slice(0, 200)}: there is no such argument; there are: ${Object.keys(properties).join(', ')}.`,
      );
  }

  const title = textAt(place, 'summary');
  return {
    ...(title === undefined ? {} : { title }),
    description: descriptionOf(place, method, path),
    inputSchema: {
      type: 'object',
      properties,
      ...(required.length > 0 ? { required } : {}),
      additionalProperties: false,
      ...bundle.definitions(),
    },
    ...(outputSchema ? { outputSchema } : {}),
    binding: {
      method,
      path,
      parameters: parameters.map(({ schema: _, required: _required, ...placement }): JsonObject => placement),
      ...(body ? { body: { ...body.binding } } : {}),
    },
    build,
  };
}

const namesIn = (path: string): string[] => [...path.matchAll(/\{([^{}]+)\}/g)].map(([, name = '']) => name);

function allowsNull(schema: Json | undefined): boolean {
  if (!isJsonObject(schema)) return schema === true;
  const { type, anyOf, oneOf, enum: values } = schema;
  const forms = [anyOf, oneOf].flatMap((list) => (Array.isArray(list) ? list : []));
  return (
    type === 'null' ||
    (Array.isArray(type) && type.includes('null')) ||
    (Array.isArray(values) && values.includes(null)) ||
    forms.some(allowsNull)
  );
}

function descriptionOf(place: Place, method: string, path: string): string {
  const said = [textAt(place, 'summary'), textAt(place, 'description')].filter(
    (text) => text !== undefined && text.trim() !== '',
  );
  const words = said.length === 0 ? `${method} ${path}` : [...new Set(said)].join('\n\n');
  const old = child(place, 'deprecated')?.node === true ? 'Deprecated. ' : '';
  return `${old}${words}`.slice(0, MAX_DESCRIPTION);
}

/** What a success promises: an object, by the only 2xx response there is. Otherwise nothing is promised. */
function outputSchemaOf(api: ApiDocument, operation: Place): JsonObject | undefined {
  const responses = child(operation, 'responses');
  const successes = responses ? children(responses).filter(({ name }) => /^2(?:\d\d|XX)$/i.test(name)) : [];
  const [only] = successes;
  if (!only || successes.length > 1) return undefined;
  const content = child(api.follow(only.place), 'content');
  const media = content && children(content);
  const [json] = media ?? [];
  if (!json || media?.length !== 1 || !/^application\/(?:[\w.-]+\+)?json\b/i.test(json.name)) return undefined;
  const schema = child(json.place, 'schema');
  if (!schema) return undefined;
  const bundle = createSchemaBundle(api, 'output');
  const translated = bundle.translate(api.follow(schema));
  return isJsonObject(translated) && translated['type'] === 'object'
    ? { ...translated, ...bundle.definitions() }
    : undefined;
}
