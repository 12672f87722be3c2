import { startEvaluation } from './evaluation.ts';
import type { CedarDecision } from './oracle.ts';
import { openOracle } from './oracle.ts';
import type { Outcome, PolicySet } from './policy-set.ts';
import type { PolicyRequest } from './types.ts';

/** Both engines on one request, without the house's rules. */
export interface Comparison {
  readonly agrees: boolean;
  readonly closures: CedarDecision;
  readonly cedar: CedarDecision;
}

/** Compares the compiled policies with cedar-wasm, request by request. */
export interface Shadow extends Disposable {
  /** Takes milliseconds. @throws EvaluationError for a request that cedar-wasm cannot read. */
  compare(request: PolicyRequest): Comparison;
}

/** Hands the policies of a set to cedar-wasm as well. Dispose of it, or they stay in memory. */
export function openShadow(set: PolicySet): Shadow {
  const texts = Object.fromEntries(set.policies.map(({ reason, text }) => [reason.id, text]));
  const oracle = openOracle(set.cedar, texts);
  return {
    compare(request) {
      const cedar = oracle.authorize(startEvaluation(request, set.actions));
      const closures = decideAsCedar(set.evaluate(request));
      return { agrees: fingerprint(cedar) === fingerprint(closures), closures, cedar };
    },
    [Symbol.dispose]: () => oracle[Symbol.dispose](),
  };
}

/** Cedar's own rules: policies that fail are skipped, forbid overrides permit, nothing permitted is denied. */
function decideAsCedar({ permits, forbids, failures }: Outcome): CedarDecision {
  const effect = forbids.length === 0 && permits.length > 0 ? 'permit' : 'deny';
  return {
    effect,
    reasons: (effect === 'permit' ? permits : forbids).map(({ reason }) => reason.id),
    errors: failures.map(({ policy, message }) => ({ policy: policy.reason.id, message })),
  };
}

/** What has to be the same; the wording of errors is each engine's own. */
const fingerprint = ({ effect, reasons, errors }: CedarDecision): string =>
  JSON.stringify([effect, reasons.toSorted(), errors.map(({ policy }) => policy).toSorted()]);
