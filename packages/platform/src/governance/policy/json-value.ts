import { fail } from './evaluation.ts';
import type { CedarValue } from './value.ts';
import { setOf, toLong } from './value.ts';

/*
 * JSON as Cedar values:
 *
 *   object  → record, without the members that are null (so `has` is false for them)
 *   array   → set: order and repetition are lost; a null inside has no value
 *   string, boolean → the same
 *   number  → Long for integers, decimal for others with at most four fractional digits
 *
 * Anything else has no Cedar value: integers beyond 53 bits, numbers finer than a decimal, text with lone
 * surrogates, what exceeds the limits below.
 */

/** Deepest nesting that is mapped. */
export const MAX_JSON_DEPTH = 64;
/** Most values that are mapped at once. */
export const MAX_JSON_VALUES = 10_000;

/** Throws EvaluationError, naming the place by `path`, for what has no Cedar value. */
export function fromJson(json: unknown, path: readonly string[]): CedarValue {
  return mapJson(json, path, { left: MAX_JSON_VALUES }, 0);
}

/** The members of a JSON object. */
export type Members = Readonly<Record<string, unknown>>;

export const isMembers = (json: unknown): json is Members =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

/** A member that the object has itself, and that is not null. */
export function member(json: Members, name: string): unknown {
  return Object.hasOwn(json, name) ? (json[name] ?? undefined) : undefined;
}

function mapJson(json: unknown, path: readonly string[], budget: { left: number }, depth: number): CedarValue {
  budget.left -= 1;
  if (budget.left < 0) fail(`${showPath(path)} holds more than ${MAX_JSON_VALUES} values`);
  if (depth > MAX_JSON_DEPTH) fail(`${showPath(path)} is nested deeper than ${MAX_JSON_DEPTH}`);
  if (Array.isArray(json)) return setOf(json.map((item: unknown) => mapJson(item, path, budget, depth + 1)));
  if (!isMembers(json)) return mapScalar(json, path);
  const fields = new Map<string, CedarValue>();
  for (const name of Object.keys(json)) {
    const value = member(json, name);
    if (value !== undefined) fields.set(mapText(name, path), mapJson(value, [...path, name], budget, depth + 1));
  }
  return fields;
}

function mapScalar(json: unknown, path: readonly string[]): CedarValue {
  if (typeof json === 'boolean') return json;
  if (typeof json === 'string') return mapText(json, path);
  if (typeof json === 'number') return mapNumber(json, path);
  return fail(`${showPath(path)} has no Cedar value: ${json === null ? 'null inside an array' : typeof json}`);
}

function mapNumber(number: number, path: readonly string[]): CedarValue {
  if (Number.isSafeInteger(number)) return number;
  const [, sign, whole, fraction] = /^(-?)(\d{1,15})\.(\d{1,4})$/.exec(String(number)) ?? [];
  const units = whole === undefined ? undefined : BigInt(`${sign}${whole}${fraction?.padEnd(4, '0')}`);
  if (units === undefined || toLong(units) === undefined) {
    fail(`${showPath(path)} has no Cedar value: ${number} is neither a 53-bit integer nor a decimal of four places`);
  }
  return { kind: 'decimal', units };
}

function mapText(text: string, path: readonly string[]): string {
  return text.isWellFormed() ? text : fail(`${showPath(path)} has no Cedar value: text with a lone surrogate`);
}

/** For messages: `context.arguments.path`, not longer than is good to read. */
export const showPath = (path: readonly string[]): string => path.slice(0, 8).join('.').slice(0, 200);
