import type { Clause } from '@cedar-policy/cedar-wasm/nodejs';
import { showExpression } from './cedar.ts';
import type { CompiledPolicy } from './compile.ts';
import type { Evaluation } from './evaluation.ts';
import { EvaluationError, isIn, startEvaluation } from './evaluation.ts';
import { compileCondition, conjuncts } from './expression.ts';
import type { PolicySet } from './policy-set.ts';
import type { Scope, ScopeConstraint } from './scope-index.ts';
import type { Decision, PolicyEffect, PolicyReason, PolicyRequest } from './types.ts';
import type { EntityRef } from './value.ts';

/** One policy against one request. */
export interface PolicyExplanation extends PolicyReason {
  readonly effect: PolicyEffect;
  /** `fails` means that it could not be evaluated; `unmet` then says why. */
  readonly outcome: 'applies' | 'does not apply' | 'fails';
  /** The parts of the scope and of the conditions that do not hold, as Cedar text. */
  readonly unmet: readonly string[];
}

export interface Explanation {
  readonly decision: Decision;
  /** What applies or fails, then what came nearest to applying; at most {@link MAX_EXPLAINED}. */
  readonly policies: readonly PolicyExplanation[];
  /** How many policies were left out. */
  readonly omitted: number;
  /**
   * For a denied request: what stands in the way, or the command that connects two agents; then the policies whose lack
   * is one of role, of arguments or of circumstances, nearest first; then a policy of its own, unless something forbids.
   * At most {@link MAX_WAYS} of each.
   */
  readonly wouldPermit: readonly string[];
}

/** Most policies that an explanation lists. */
export const MAX_EXPLAINED = 50;
/** Most policies that are offered as ways to a permit. */
const MAX_WAYS = 5;

/** Explains a decision. Evaluates every policy part by part: for people, not for the path of a message. */
export function explain(set: PolicySet, request: PolicyRequest): Explanation {
  const evaluation = startEvaluation(request, set.actions);
  const decision = set.decide(request);
  const all = set.policies
    .map((policy) => ({ policy, explained: explainPolicy(set, policy, evaluation) }))
    .toSorted((a, b) => distance(a.explained) - distance(b.explained));
  const near = all.filter(({ policy, explained }) => isNear(policy, explained, evaluation));
  const policies = all.slice(0, MAX_EXPLAINED).map(({ explained }) => explained);
  const wouldPermit =
    decision.effect === 'permit'
      ? []
      : waysToPermit(
          policies,
          near.map(({ explained }) => explained),
          request,
        );
  return { decision, policies, omitted: all.length - policies.length, wouldPermit };
}

/** Applying policies come first, then failing ones, then by how much is unmet. */
function distance({ outcome, unmet }: PolicyExplanation): number {
  if (outcome === 'does not apply') return 1 + unmet.length;
  return outcome === 'applies' ? 0 : 1;
}

/**
 * Whether a permit is about calls like this one: what it lacks is the role of who calls, or what the call brings
 * along. A policy about other actions, other targets or other kinds of callers is no advice.
 */
function isNear(
  policy: CompiledPolicy,
  { effect, outcome, unmet }: PolicyExplanation,
  evaluation: Evaluation,
): boolean {
  if (effect !== 'permit' || outcome !== 'does not apply') return false;
  const { principal } = policy.scope;
  const lacksRole =
    principal.op === 'in' && (principal.type ?? evaluation.principal.type) === evaluation.principal.type;
  const role = `principal ${showConstraint(principal)}`;
  const isOperation = evaluation.resource.type === 'Operation';
  return unmet.every((part) => {
    if (part === role) return lacksRole;
    if (/^(?:action|resource) (?:==|in|is) /.test(part)) return false;
    // What an operation is cannot be changed; what a tool is said to do can.
    return !isOperation || /\b(?:principal|context)\b/.test(part);
  });
}

function waysToPermit(
  policies: readonly PolicyExplanation[],
  near: readonly PolicyExplanation[],
  { principal, action, resource, names }: PolicyRequest,
): string[] {
  const cite = ({ id, file, line }: PolicyReason): string => `policy "${id}" (${file}:${line})`;
  const obstacles = policies.flatMap((policy) => {
    if (policy.outcome === 'fails') return [`${cite(policy)} would have to be evaluated: ${policy.unmet.join(', ')}`];
    return policy.outcome === 'applies' && policy.effect === 'forbid'
      ? [`${cite(policy)} would have to not apply`]
      : [];
  });
  const openings = near
    .slice(0, MAX_WAYS)
    .map((policy) => `${cite(policy)} would permit it if ${policy.unmet.join(' and ')}`);
  const scope = `principal == ${principal.uid}, action == ${action.uid}, resource == ${resource.uid}`;
  const ways = [...openings, `a policy of its own: permit (${scope});`];
  if (names?.connect !== undefined) ways.unshift(names.connect);
  if (obstacles.length > 0) return [...obstacles.slice(0, MAX_WAYS), ...openings];
  return principal.type === 'Anonymous' ? openings : ways;
}

function explainPolicy(set: PolicySet, policy: CompiledPolicy, evaluation: Evaluation): PolicyExplanation {
  const { effect, reason } = policy;
  const outOfScope = unmetScope(policy.scope, evaluation);
  if (outOfScope.length > 0) {
    const unmet = [...outOfScope, ...(policy.native ? unmetConditions(set, policy, evaluation) : [])];
    return { ...reason, effect, outcome: 'does not apply', unmet };
  }
  try {
    if (policy.holds(evaluation)) return { ...reason, effect, outcome: 'applies', unmet: [] };
    return { ...reason, effect, outcome: 'does not apply', unmet: unmetConditions(set, policy, evaluation) };
  } catch (error) {
    if (error instanceof EvaluationError) return { ...reason, effect, outcome: 'fails', unmet: [error.message] };
    throw error;
  }
}

function unmetScope(scope: Scope, evaluation: Evaluation): string[] {
  const { principal, action, resource } = evaluation;
  const { op, uids } = scope.action.op === 'all' ? { op: 'eq' as const, uids: [action.uid] } : scope.action;
  const unmet: string[] = [];
  if (!fits(scope.principal, principal, evaluation)) unmet.push(`principal ${showConstraint(scope.principal)}`);
  if (!uids.some((uid) => fits({ op, uid }, action, evaluation))) {
    unmet.push(op === 'eq' ? `action == ${uids.join()}` : `action in [${uids.join(', ')}]`);
  }
  if (!fits(scope.resource, resource, evaluation)) unmet.push(`resource ${showConstraint(scope.resource)}`);
  return unmet;
}

function fits(constraint: ScopeConstraint, ref: EntityRef, evaluation: Evaluation): boolean {
  switch (constraint.op) {
    case 'all':
      return true;
    case 'is':
      return constraint.type === ref.type;
    case 'eq':
      return constraint.uid === ref.uid;
    case 'in':
      return isIn(evaluation, ref, constraint.uid) && (constraint.type ?? ref.type) === ref.type;
  }
}

function showConstraint(constraint: ScopeConstraint): string {
  switch (constraint.op) {
    case 'all':
      return '';
    case 'is':
      return `is ${constraint.type}`;
    case 'eq':
      return `== ${constraint.uid}`;
    case 'in':
      return constraint.type === undefined ? `in ${constraint.uid}` : `is ${constraint.type} in ${constraint.uid}`;
  }
}

function unmetConditions(set: PolicySet, policy: CompiledPolicy, evaluation: Evaluation): string[] {
  if (!policy.native) return ['its conditions'];
  return policy.json.conditions.flatMap((clause) => unmetParts(set, clause, evaluation));
}

/** The parts of a `when` that are false; an `unless` that is true, as a whole. */
function unmetParts(set: PolicySet, { kind, body }: Clause, evaluation: Evaluation): string[] {
  if (kind === 'unless') return isTrue(body, evaluation) ? [`not (${showExpression(set.cedar, body)})`] : [];
  return conjuncts(body)
    .filter((part) => isTrue(part, evaluation) === false)
    .map((part) => showExpression(set.cedar, part));
}

/** Undefined when it fails, as parts may behind an unmet `has`. */
function isTrue(body: Clause['body'], evaluation: Evaluation): boolean | undefined {
  try {
    return compileCondition(body)(evaluation);
  } catch (error) {
    if (error instanceof EvaluationError) return undefined;
    throw error;
  }
}
