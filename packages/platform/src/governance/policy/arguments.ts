import type { Evaluation } from './evaluation.ts';
import { fail } from './evaluation.ts';
import type { Members } from './json-value.ts';
import { fromJson, isMembers, member, showPath } from './json-value.ts';
import type { CedarRecord, CedarValue } from './value.ts';

/*
 * `context.arguments` stays JSON until a policy looks at it, and then only what it looks at becomes a Cedar
 * value. So a policy on `context.arguments.path` costs nothing for a megabyte beside it, and is not hindered
 * by an embedding vector that no Cedar value can hold; looking at that vector is an error, which denies.
 */

const ROOT = ['context', 'arguments'];

/** `context` as one value, with all its arguments. */
export function wholeContext(evaluation: Evaluation): CedarRecord {
  evaluation.wholeContext ??= new Map(evaluation.context).set('arguments', readArgument(evaluation, []));
  return evaluation.wholeContext;
}

/** `context.arguments.a.b`, for the path `['a', 'b']`. */
export function readArgument(evaluation: Evaluation, path: readonly string[]): CedarValue {
  const json = walk(evaluation, path, path.length);
  if (typeof json === 'string' && json.isWellFormed()) return json;
  if (typeof json !== 'object' || json === null) return fromJson(json, ROOT.concat(path));
  const known = evaluation.mapped.get(json);
  if (known !== undefined) return known;
  const value = fromJson(json, ROOT.concat(path));
  evaluation.mapped.set(json, value);
  return value;
}

/** `context.arguments.a has b.c`, for the path `['a', 'b', 'c']` of which one name must be there. */
export function hasArgument(evaluation: Evaluation, path: readonly string[], required: number): boolean {
  return walk(evaluation, path, required) !== undefined;
}

/** Follows a path. The first `required` names must lead somewhere; beyond them, undefined says that it ends. */
function walk(evaluation: Evaluation, path: readonly string[], required: number): unknown {
  let json: unknown = argumentsOf(evaluation);
  let at = 0;
  for (const name of path) {
    if (!isMembers(json)) fail(`${showPath(ROOT.concat(path.slice(0, at)))} is not a record`);
    json = member(json, name);
    if (json === undefined) {
      if (at >= required) return undefined;
      fail(`${showPath(ROOT.concat(path.slice(0, at)))} has no attribute ${JSON.stringify(name)}`);
    }
    at += 1;
  }
  return json;
}

function argumentsOf(evaluation: Evaluation): Members {
  const json = (evaluation.arguments ??= evaluation.request.arguments ?? {});
  return isMembers(json) ? json : fail('context.arguments is not an object, so it has no Cedar value');
}
