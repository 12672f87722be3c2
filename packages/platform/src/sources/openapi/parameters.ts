import { isJsonObject, type Json, type JsonObject } from '@aip/wire';
import { isForbiddenHeader } from '../api.ts';
import { child, children, fault, textAt, type ApiDocument, type Place } from './document.ts';
import type { SchemaBundle } from './schema.ts';
import type { Style } from './serialise.ts';

export type ParameterIn = 'path' | 'query' | 'header' | 'cookie';

/** One parameter of an operation, and the argument that it is to the model. */
export interface Parameter extends Style {
  readonly in: ParameterIn;
  /** The name among the tool's arguments. */
  readonly argument: string;
  readonly required: boolean;
  readonly schema: Json;
}

/** Names that every model and client takes for a property. */
export const isLegalProperty = (name: string): boolean => /^[a-zA-Z0-9_.-]{1,64}$/.test(name) && name !== '__proto__';

/** A name that is not yet taken, near to the one that is wished for. */
export function freeName(wish: string, suffix: string, taken: { has(name: string): boolean }): string {
  const base = isLegalProperty(wish) ? wish : wish.replaceAll(/[^a-zA-Z0-9_.-]+/g, '_').slice(0, 60) || suffix;
  const names = [base, `${base.slice(0, 50)}_${suffix}`];
  for (let n = 2; ; n++) {
    const name = names.shift() ?? `${base.slice(0, 50)}_${suffix}_${n}`;
    if (!taken.has(name)) return name;
  }
}

const STYLE: Record<ParameterIn, string> = { path: 'simple', query: 'form', header: 'simple', cookie: 'form' };

/**
 * The parameters of an operation over those of its path (OpenAPI 3.1, Operation Object). What the operator sets is no
 * parameter any more: `isSet` tells.
 */
export function parametersOf(
  api: ApiDocument,
  pathItem: Place,
  operation: Place,
  bundle: SchemaBundle,
  isSet: (place: ParameterIn, name: string) => boolean,
): Parameter[] {
  const found = new Map<string, Place>();
  for (const owner of [pathItem, operation]) {
    const list = child(owner, 'parameters');
    for (const { place } of list ? children(list) : []) {
      const parameter = api.follow(place);
      const [name, where] = [textAt(parameter, 'name'), textAt(parameter, 'in')];
      if (name === undefined || !isPlace(where))
        throw fault(place, 'a parameter has a name, and is in path, query, header or cookie');
      found.set(`${where} ${name}`, parameter);
    }
  }
  const parameters: Parameter[] = [];
  const taken = new Set<string>();
  for (const place of found.values()) {
    const [name, where] = [textAt(place, 'name') ?? '', textAt(place, 'in') as ParameterIn];
    if (isSet(where, name) || (where === 'header' && isLeftOut(name))) continue;
    const argument = freeName(name, where, taken);
    taken.add(argument);
    parameters.push(parameterAt(place, bundle, name, where, argument));
  }
  return parameters;
}

function parameterAt(
  place: Place,
  bundle: SchemaBundle,
  name: string,
  where: ParameterIn,
  argument: string,
): Parameter {
  const node = place.node as JsonObject;
  const content = child(place, 'content');
  const media = content && children(content)[0]?.place;
  const schema = child(media ?? place, 'schema');
  const style = textAt(place, 'style') ?? STYLE[where];
  return {
    name,
    in: where,
    argument,
    required: where === 'path' || node['required'] === true,
    style,
    explode: typeof node['explode'] === 'boolean' ? node['explode'] : style === 'form',
    allowReserved: where === 'query' && node['allowReserved'] === true,
    json: media !== undefined,
    schema: described(schema ? bundle.translate(schema) : {}, textAt(place, 'description')),
  };
}

/** The parameter's own description tells more than its schema's. */
const described = (schema: Json, description: string | undefined): Json =>
  description !== undefined && isJsonObject(schema) ? { ...schema, description } : schema;

/** OpenAPI 3.1, Parameter Object: what is declared by these names is ignored. The others are never a caller's. */
const isLeftOut = (name: string): boolean => /^(?:accept|content-type)$/i.test(name) || isForbiddenHeader(name);

const isPlace = (text: string | undefined): text is ParameterIn =>
  text === 'path' || text === 'query' || text === 'header' || text === 'cookie';
