import { isJsonObject, type Json, type JsonObject } from '@aip/wire';

/** An input schema as a form has it. What no form shows well is typed as JSON. */
export type Field = {
  readonly required: boolean;
  readonly description: string;
  readonly initial?: Json;
} & (
  | { readonly kind: 'text'; readonly min: number; readonly max: number }
  | { readonly kind: 'number'; readonly integer: boolean; readonly min: number; readonly max: number }
  | { readonly kind: 'choice'; readonly options: readonly Json[] }
  | { readonly kind: 'list'; readonly item: Field; readonly min: number; readonly max: number }
  | { readonly kind: 'group'; readonly fields: readonly NamedField[] }
  | { readonly kind: 'json' }
);

export interface NamedField {
  readonly name: string;
  readonly field: Field;
}

/** What has been typed so far; of a choice the option's number. Undefined: nothing. */
export type Draft = string | readonly Draft[] | { readonly [name: string]: Draft } | undefined;

/** What is wrong, by path: `items.0.name`; the whole has the path ''. */
export type Problems = ReadonlyMap<string, string>;

/** A server's schema may be as deep and as wide as it likes. */
const MAX_DEPTH = 6;
const MAX_FIELDS = 200;

/** The form of a tool's arguments; without fields where the schema names none. */
export function formOf(schema: Json = {}): Field & { kind: 'group' } {
  const field = fieldOf(schema, isJsonObject(schema) ? schema : {}, true, 0);
  return field.kind === 'group' ? field : { kind: 'group', required: true, description: '', fields: [] };
}

function fieldOf(given: Json | undefined, root: JsonObject, required: boolean, depth: number): Field {
  const schema = resolved(given, root);
  const common = {
    required,
    description: text(schema['description']) || text(schema['title']),
    ...(schema['default'] === undefined ? {} : { initial: schema['default'] }),
  };
  const options = optionsOf(schema);
  if (options) return { ...common, kind: 'choice', options };
  const number = (name: string, otherwise: number): number => {
    const value = schema[name];
    return typeof value === 'number' ? value : otherwise;
  };
  switch (depth > MAX_DEPTH ? 'too deep' : typeOf(schema)) {
    case 'string':
      return { ...common, kind: 'text', min: number('minLength', 0), max: number('maxLength', Infinity) };
    case 'number':
    case 'integer':
      return {
        ...common,
        kind: 'number',
        integer: typeOf(schema) === 'integer',
        min: number('minimum', -Infinity),
        max: number('maximum', Infinity),
      };
    case 'array': {
      const item = fieldOf(schema['items'], root, true, depth + 1);
      return { ...common, kind: 'list', item, min: number('minItems', 0), max: number('maxItems', Infinity) };
    }
    case 'object': {
      const properties = isJsonObject(schema['properties']) ? Object.entries(schema['properties']) : [];
      if (properties.length > MAX_FIELDS || (properties.length === 0 && depth > 0)) return { ...common, kind: 'json' };
      const needed = new Set(Array.isArray(schema['required']) ? schema['required'] : []);
      const fields = properties.map(([name, property]) => ({
        name,
        field: fieldOf(property, root, needed.has(name), depth + 1),
      }));
      // What has to be given comes first.
      return { ...common, kind: 'group', fields: fields.toSorted((a, b) => +b.field.required - +a.field.required) };
    }
    default:
      return { ...common, kind: 'json' };
  }
}

/** Follows references within the document, and takes the one real alternative of something that may be null. */
function resolved(given: Json | undefined, root: JsonObject): JsonObject {
  let schema: Json | undefined = given;
  for (let step = 0; step < MAX_DEPTH && isJsonObject(schema); step++) {
    const { $ref, anyOf, oneOf } = schema;
    const branches = (Array.isArray(anyOf) ? anyOf : Array.isArray(oneOf) ? oneOf : []).filter(
      (branch) => !isJsonObject(branch) || branch['type'] !== 'null',
    );
    if (typeof $ref === 'string' && $ref.startsWith('#/')) {
      let target: Json | undefined = root;
      for (const part of $ref.slice(2).split('/')) target = isJsonObject(target) ? target[part] : undefined;
      schema = target;
    } else if (branches.length === 1 && isJsonObject(branches[0])) {
      const { anyOf: _any, oneOf: _one, ...rest } = schema;
      schema = { ...rest, ...branches[0] };
    } else break;
  }
  return isJsonObject(schema) ? schema : {};
}

function typeOf({ type, properties }: JsonObject): Json | undefined {
  if (Array.isArray(type)) {
    const real = type.filter((name) => name !== 'null');
    return real.length === 1 ? real[0] : undefined;
  }
  return type ?? (isJsonObject(properties) ? 'object' : undefined);
}

function optionsOf(schema: JsonObject): readonly Json[] | undefined {
  const { enum: options, const: only } = schema;
  if (Array.isArray(options) && options.length > 0) return options;
  if (only !== undefined) return [only];
  if (typeOf(schema) === 'boolean') return [true, false];
  const branches = schema['oneOf'] ?? schema['anyOf'];
  if (!Array.isArray(branches) || branches.length === 0) return undefined;
  const constants = branches.map((branch) => (isJsonObject(branch) ? branch['const'] : undefined));
  return constants.every((constant) => constant !== undefined) ? constants : undefined;
}

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

/** What is typed where this value stands: for defaults, and for what comes back from JSON. */
export function draftOf(field: Field, value: Json | undefined = field.initial): Draft {
  switch (field.kind) {
    case 'text':
      return typeof value === 'string' ? value : undefined;
    case 'number':
      return typeof value === 'number' ? String(value) : undefined;
    case 'choice': {
      const index = field.options.findIndex((option) => JSON.stringify(option) === JSON.stringify(value));
      return index < 0 ? undefined : String(index);
    }
    case 'list':
      return Array.isArray(value) ? value.map((item) => draftOf(field.item, item)) : [];
    case 'group': {
      const given = isJsonObject(value) ? value : {};
      const known = field.fields.map(({ name, field: inner }) => [
        name,
        draftOf(inner, Object.hasOwn(given, name) ? given[name] : inner.initial),
      ]);
      return Object.fromEntries(known) as Draft;
    }
    case 'json':
      return value === undefined ? undefined : JSON.stringify(value, null, 2);
  }
}

/** The arguments that the draft stands for; whatever is wrong is put into `problems`. */
export function argumentsOf(form: Field, draft: Draft, problems: Map<string, string>): JsonObject {
  const value = read(form, draft, '', problems);
  return isJsonObject(value) ? value : {};
}

function read(field: Field, draft: Draft, path: string, problems: Map<string, string>): Json | undefined {
  const wrong = (what: string): undefined => void problems.set(path, what);
  if (field.kind === 'group') return readGroup(field, draft, path, problems);
  if (field.kind === 'list') {
    const items = Array.isArray(draft) ? draft : [];
    if (items.length === 0 && !field.required) return undefined;
    if (items.length < field.min) wrong(`At least ${field.min} needed.`);
    if (items.length > field.max) wrong(`At most ${field.max} allowed.`);
    return items.map((item: Draft, index) => read(field.item, item, join(path, String(index)), problems) ?? null);
  }
  const typed = typeof draft === 'string' ? draft : '';
  // A text that has to be given may be empty, if nothing says otherwise.
  if (typed === '' && (draft === undefined || !field.required || field.kind !== 'text'))
    return field.required ? wrong('This has to be given.') : undefined;
  switch (field.kind) {
    case 'text':
      if (typed.length < field.min) return wrong(`At least ${field.min} characters needed.`);
      return typed.length > field.max ? wrong(`At most ${field.max} characters allowed.`) : typed;
    case 'number': {
      const number = Number(typed);
      if (typed.trim() === '' || !Number.isFinite(number)) return wrong('This is not a number.');
      if (field.integer && !Number.isInteger(number)) return wrong('This has to be a whole number.');
      if (number < field.min) return wrong(`${field.min} or more needed.`);
      return number > field.max ? wrong(`${field.max} or less allowed.`) : number;
    }
    case 'choice':
      return field.options[Number(typed)];
    case 'json':
      return parsed(typed, wrong);
  }
}

function readGroup(
  { fields, required }: Field & { kind: 'group' },
  draft: Draft,
  path: string,
  problems: Map<string, string>,
): JsonObject | undefined {
  const given = isGroup(draft) ? draft : {};
  const inner = new Map<string, string>();
  const values = fields.map(({ name, field }) => [name, read(field, given[name], join(path, name), inner)] as const);
  const present = values.filter((entry): entry is readonly [string, Json] => entry[1] !== undefined);
  // Whoever leaves an optional group alone need not fill in what it needs.
  if (!required && present.length === 0 && !touched(draft)) return undefined;
  for (const [place, what] of inner) problems.set(place, what);
  return Object.fromEntries(present);
}

/** Whether anything has been typed. */
const touched = (draft: Draft): boolean =>
  typeof draft === 'object' ? Object.values(draft).some(touched) : draft !== undefined && draft !== '';

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

export const isGroup = (draft: Draft): draft is { readonly [name: string]: Draft } =>
  typeof draft === 'object' && !Array.isArray(draft);

function parsed(typed: string, wrong: (what: string) => undefined): Json | undefined {
  try {
    return JSON.parse(typed) as Json;
  } catch (error) {
    return wrong(`This is not JSON: ${(error as Error).message}`);
  }
}

/** Arguments typed as JSON; a problem under the path ''. */
export function jsonArguments(typed: string, problems: Map<string, string>): JsonObject {
  const value = parsed(typed.trim() === '' ? '{}' : typed, (what) => void problems.set('', what));
  if (value !== undefined && !isJsonObject(value)) problems.set('', 'Arguments are a JSON object: { "name": value }.');
  return isJsonObject(value) ? value : {};
}
