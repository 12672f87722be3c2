import type { Crossing } from '../../kernel/guard.ts';
import type { Principal } from '../../kernel/principal.ts';
import { denialOnBehalf } from './denial.ts';
import { explain, type Explanation } from './explain.ts';
import type { PolicySet } from './policy-set.ts';
import { policyRequest } from './request.ts';
import type { Decision, PolicyRequest } from './types.ts';
import type { EntityRef } from './value.ts';

/**
 * What has to be permitted for a message to pass. Rights intersect: everybody in a delegation must be permitted the
 * target, and each skill that an agent addressed as a whole may run.
 */
export function* requestsOf(crossing: Crossing): Generator<PolicyRequest, void> {
  const { principal, target, skills = [] } = crossing;
  for (let who: Principal | undefined = principal; who; who = who.onBehalfOf)
    for (const what of [target, ...skills]) yield policyRequest(crossing, who, what);
}

/** All obligations add up; that of one policy is one, however often the policy is satisfied. */
export function decideAll(set: PolicySet, requests: Iterable<PolicyRequest>): Decision {
  let decision: Decision | undefined;
  let sender: EntityRef | undefined;
  for (const request of requests) {
    const next = set.decide(request);
    sender ??= request.principal;
    if (next.effect === 'deny') return request.principal.uid === sender.uid ? next : denialOnBehalf(request, next);
    decision = decision ? both(decision, next) : next;
  }
  return decision as Decision;
}

/** Explains the first of the requests that is denied; if none is, the first, with the decision on all of them. */
export function explainAll(set: PolicySet, requests: readonly [PolicyRequest, ...PolicyRequest[]]): Explanation {
  const denied = requests.find((request) => set.decide(request).effect === 'deny');
  return { ...explain(set, denied ?? requests[0]), decision: decideAll(set, requests) };
}

function both(before: Decision, next: Decision): Decision {
  const more = next.obligations.filter(
    ({ kind, policy }) => !before.obligations.some((known) => known.kind === kind && known.policy === policy),
  );
  const reasons = next.reasons.filter(({ id }) => !before.reasons.some((known) => known.id === id));
  return { ...next, reasons: [...before.reasons, ...reasons], obligations: [...before.obligations, ...more] };
}
