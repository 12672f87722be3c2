import type { EntityUidJson, PolicyJson, PrincipalConstraint } from '@cedar-policy/cedar-wasm/nodejs';
import type { Cedar, ParsedPolicy } from './cedar.ts';
import type { Evaluation } from './evaluation.ts';
import { compileCondition, UnsupportedExpression } from './expression.ts';
import { readObligations } from './obligation.ts';
import { isSatisfied } from './oracle.ts';
import type { ActionConstraint, Scope, ScopeConstraint } from './scope-index.ts';
import { annotationOffset, locate, problemAt } from './source.ts';
import type { Obligation, PolicyEffect, PolicyProblem, PolicyReason } from './types.ts';
import { entity } from './value.ts';

export interface CompiledPolicy {
  /** Its place among all policies of the set. */
  readonly order: number;
  readonly effect: PolicyEffect;
  readonly reason: PolicyReason;
  /** For sentences: `policy "callers-invoke" (starter.cedar:12)`. */
  readonly citation: string;
  readonly text: string;
  readonly json: PolicyJson;
  readonly scope: Scope;
  /** False when cedar-wasm has to evaluate it, because of something that closures do not cover. */
  readonly native: boolean;
  /** Given that the scope fits: do all conditions hold? Throws EvaluationError. */
  readonly holds: (evaluation: Evaluation) => boolean;
  readonly obligations: readonly Obligation[];
}

/** Compiles one policy; problems of its annotations are added to `problems`. */
export function compilePolicy(
  cedar: Cedar,
  parsed: ParsedPolicy,
  order: number,
  problems: PolicyProblem[],
): CompiledPolicy {
  const { source, json } = parsed;
  const annotations = readAnnotations(json);
  const id = annotations['id'] ?? `${source.file.name}:${parsed.number}`;
  const { file, line } = locate(source.file, source.start);
  const { obligations, problems: misread } = readObligations(id, json.effect, annotations);
  for (const { annotation, message, hint } of misread) {
    problems.push(problemAt(source, annotationOffset(source, annotation), message, hint));
  }
  const closure = compileConditions(json);
  return {
    order,
    effect: json.effect,
    reason: Object.freeze({ id, file, line, annotations: Object.freeze(annotations) }),
    citation: `policy "${id}" (${file}:${line})`,
    text: source.text,
    json,
    scope: readScope(json),
    native: closure !== undefined,
    holds: closure ?? ((evaluation) => isSatisfied(cedar, source.text, evaluation)),
    obligations,
  };
}

/** Annotations without a value, as in `@log`, have the empty string. */
function readAnnotations({ annotations = {} }: PolicyJson): Record<string, string> {
  return Object.fromEntries(Object.entries<string | null>(annotations).map(([name, value]) => [name, value ?? '']));
}

/** All conditions as one closure; undefined if one of them is beyond closures. */
function compileConditions({ conditions }: PolicyJson): CompiledPolicy['holds'] | undefined {
  try {
    const parts = conditions.map(({ kind, body }) => {
      const condition = compileCondition(body);
      return kind === 'when' ? condition : (e: Evaluation) => !condition(e);
    });
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : (e) => parts.every((part) => part(e));
  } catch (error) {
    if (error instanceof UnsupportedExpression) return undefined;
    throw error;
  }
}

function readScope({ principal, action, resource }: PolicyJson): Scope {
  return { principal: readConstraint(principal), action: readAction(action), resource: readConstraint(resource) };
}

function readConstraint(constraint: PrincipalConstraint): ScopeConstraint {
  switch (constraint.op) {
    case 'All':
      return { op: 'all' };
    case '==':
      return { op: 'eq', uid: uidOf(constraint) };
    case 'in':
      return { op: 'in', uid: uidOf(constraint) };
    case 'is':
      return constraint.in === undefined
        ? { op: 'is', type: constraint.entity_type }
        : { op: 'in', uid: uidOf(constraint.in), type: constraint.entity_type };
  }
}

function readAction(action: PolicyJson['action']): ActionConstraint {
  if (action.op === 'All') return { op: 'all' };
  if ('entities' in action) return { op: 'in', uids: action.entities.map((item) => uidOf({ entity: item })) };
  return { op: action.op === '==' ? 'eq' : 'in', uids: [uidOf(action)] };
}

/** Slots stand only in templates, which the parser refuses. */
function uidOf(constraint: { entity: EntityUidJson } | { slot: string }): string {
  if ('slot' in constraint) throw new TypeError('a template has no scope of its own');
  const ref = constraint.entity;
  const { type, id } = '__entity' in ref ? ref.__entity : ref;
  return entity(type, id).uid;
}
