import type { Entity, EntitySlice, PolicyRequest } from './types.ts';
import type { CedarRecord, CedarValue, EntityRef } from './value.ts';

/** A policy could not be evaluated. Cedar skips such a policy; here it denies the request. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError';
}

/** Throws an {@link EvaluationError} without a stack: hostile input may cause many, and nobody reads their stacks. */
export function fail(message: string): never {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = new EvaluationError(message);
  Error.stackTraceLimit = limit;
  throw error;
}

const NO_ANCESTORS: ReadonlySet<string> = new Set();

/** One request under evaluation, with what was worked out for it so far. It lives for one decision. */
export interface Evaluation {
  readonly principal: EntityRef;
  readonly action: EntityRef;
  readonly resource: EntityRef;
  readonly context: CedarRecord;
  /** Where `arguments` are read, if a policy looks at them. */
  readonly request: PolicyRequest;
  readonly entities: EntitySlice;
  readonly principalEntity: Entity | undefined;
  readonly resourceEntity: Entity | undefined;
  /** Actions and their groups, from the schema. */
  readonly actions: ReadonlyMap<string, Entity>;
  /** The arguments as JSON, once a policy has looked at them. */
  arguments: unknown;
  /** `context` with its arguments, once a policy has asked for the whole. */
  wholeContext: CedarRecord | undefined;
  readonly ancestors: Map<string, ReadonlySet<string>>;
  /** Arrays and objects of the arguments already mapped. */
  readonly mapped: Map<object, CedarValue>;
}

export function startEvaluation(request: PolicyRequest, actions: ReadonlyMap<string, Entity>): Evaluation {
  return {
    principal: request.principal,
    action: request.action,
    resource: request.resource,
    context: request.context,
    request,
    entities: request.entities,
    principalEntity: request.entities.get(request.principal.uid),
    resourceEntity: request.entities.get(request.resource.uid),
    actions,
    arguments: undefined,
    wholeContext: undefined,
    ancestors: new Map(),
    mapped: new Map(),
  };
}

/** The uids of everything an entity is in, directly or not, without itself. */
export function ancestorsOf(evaluation: Evaluation, uid: string): ReadonlySet<string> {
  const known = evaluation.ancestors.get(uid);
  if (known !== undefined) return known;
  const found = collectAncestors(evaluation, uid);
  evaluation.ancestors.set(uid, found);
  return found;
}

function collectAncestors(evaluation: Evaluation, uid: string): ReadonlySet<string> {
  const start = findEntity(evaluation, uid);
  if (start === undefined || start.parents.length === 0) return NO_ANCESTORS;
  const found = new Set<string>();
  const waiting = [start];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const parent of next.parents) {
      if (found.has(parent.uid)) continue;
      found.add(parent.uid);
      const above = findEntity(evaluation, parent.uid);
      if (above !== undefined) waiting.push(above);
    }
  }
  return found;
}

export const findEntity = (evaluation: Evaluation, uid: string): Entity | undefined =>
  evaluation.entities.get(uid) ?? evaluation.actions.get(uid);

/** Cedar's `in` between two entities: the same, or a descendant. */
export const isIn = (evaluation: Evaluation, ref: EntityRef, uid: string): boolean =>
  ref.uid === uid || ancestorsOf(evaluation, ref.uid).has(uid);
