import type { Evaluation } from './evaluation.ts';
import type { CedarRecord, CedarValue } from './value.ts';
import { fail } from './evaluation.ts';
import { setOf, toLong } from './value.ts';

/*
 * `context.arguments`: JSON as Cedar values.
 *
 *   object  → record, without the members that are null (so `has` is false for them)
 *   array   → set: order and repetition are lost; a null inside has no value
 *   string, boolean → the same
 *   number  → Long for integers, decimal for others with at most four fractional digits
 *
 * Anything else has no Cedar value: numbers a double does not hold exactly or finer than a decimal, text with
 * lone surrogates. Looking at it is an evaluation error, which denies. Nothing is mapped that no policy looks
 * at: a policy on `context.arguments.path` is not hindered by an embedding vector beside it.
 */

/** Deepest nesting that is mapped. */
export const MAX_ARGUMENT_DEPTH = 64;
/** Most values in one looked-at argument. */
export const MAX_ARGUMENT_VALUES = 10_000;

type Members = Record<string, unknown>;

const isMembers = (json: unknown): json is Members =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

/** `context` as one value, with all its arguments. */
export function wholeContext(evaluation: Evaluation): CedarRecord {
  evaluation.wholeContext ??= new Map(evaluation.context).set('arguments', readArgument(evaluation, []));
  return evaluation.wholeContext;
}

/** `context.arguments.a.b`, for the path `['a', 'b']`. */
export function readArgument(evaluation: Evaluation, path: readonly string[]): CedarValue {
  let json: unknown = argumentRecord(evaluation);
  for (const [at, name] of path.entries()) {
    if (!isMembers(json)) fail(`${show(path.slice(0, at))} is not a record`);
    json = member(json, name);
    if (json == null) fail(`${show(path.slice(0, at))} has no attribute ${JSON.stringify(name)}`);
  }
  if (typeof json !== 'object' || json === null) return mapScalar(json, path);
  const known = evaluation.mapped.get(json);
  if (known !== undefined) return known;
  const value = mapJson(json, path, { left: MAX_ARGUMENT_VALUES }, path.length);
  evaluation.mapped.set(json, value);
  return value;
}

/** `context.arguments.a has b.c`, for the path `['a']` and the names `['b', 'c']`. */
export function hasArgument(evaluation: Evaluation, path: readonly string[], names: readonly string[]): boolean {
  let json: unknown = argumentRecord(evaluation);
  for (const [at, name] of [...path, ...names].entries()) {
    if (!isMembers(json)) fail(`${show([...path, ...names].slice(0, at))} is not a record`);
    json = member(json, name);
    if (json == null && at < path.length) fail(`${show(path.slice(0, at))} has no attribute ${JSON.stringify(name)}`);
    if (json == null) return false;
  }
  return true;
}

function argumentRecord(evaluation: Evaluation): Members {
  const json = evaluation.arguments;
  return isMembers(json) ? json : fail('context.arguments is not an object, so it has no Cedar value');
}

const member = (json: Members, name: string): unknown => (Object.hasOwn(json, name) ? json[name] : undefined);

function mapJson(json: unknown, path: readonly string[], budget: { left: number }, depth: number): CedarValue {
  budget.left -= 1;
  if (budget.left < 0) fail(`${show(path)} holds more than ${MAX_ARGUMENT_VALUES} values`);
  if (typeof json !== 'object' || json === null) return mapScalar(json, path);
  if (depth >= MAX_ARGUMENT_DEPTH) fail(`${show(path.slice(0, 4))} is nested deeper than ${MAX_ARGUMENT_DEPTH}`);
  if (Array.isArray(json)) return setOf(json.map((item: unknown) => mapJson(item, path, budget, depth + 1)));
  const fields = new Map<string, CedarValue>();
  for (const name of Object.keys(json)) {
    const field = member(json as Members, name);
    if (field != null) fields.set(checkedText(name, path), mapJson(field, [...path, name], budget, depth + 1));
  }
  return fields;
}

function mapScalar(json: unknown, path: readonly string[]): CedarValue {
  if (typeof json === 'boolean') return json;
  if (typeof json === 'string') return checkedText(json, path);
  if (typeof json === 'number') return mapNumber(json, path);
  return fail(`${show(path)} has no Cedar value: ${json === null ? 'null inside an array' : typeof json}`);
}

function mapNumber(number: number, path: readonly string[]): CedarValue {
  if (Number.isSafeInteger(number)) return number;
  const [, sign, whole, fraction] = /^(-?)(\d{1,15})\.(\d{1,4})$/.exec(String(number)) ?? [];
  const units = whole === undefined ? undefined : BigInt(`${sign}${whole}${fraction?.padEnd(4, '0')}`);
  if (units === undefined || toLong(units) === undefined) {
    fail(`${show(path)} has no Cedar value: ${number} is neither a 53-bit integer nor a decimal of four places`);
  }
  return { kind: 'decimal', units };
}

function checkedText(text: string, path: readonly string[]): string {
  return text.isWellFormed() ? text : fail(`${show(path)} has no Cedar value: text with a lone surrogate`);
}

const show = (path: readonly string[]): string => ['context', 'arguments', ...path].join('.').slice(0, 200);
