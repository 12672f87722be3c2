import { text } from '../../kernel/body.ts';
import { errorBody } from '../../kernel/error-body.ts';
import { PASS, type Crossing, type Guard, type GuardVerdict } from '../../kernel/guard.ts';
import { decideAll, requestsOf } from './decision.ts';
import type { PolicySet } from './policy-set.ts';
import { createRateWindows } from './rate-window.ts';
import { redact } from './redact.ts';
import type { Decision, Obligation } from './types.ts';

/** What breaking the glass is for: control operations of an administrator while no policy is valid. */
export const breaksGlass = ({ plane, principal }: Pick<Crossing, 'plane' | 'principal'>): boolean =>
  plane === 'control' && principal.roles.includes('admin');

/** What policies do not open to everybody asks who it is. Refusals of the unauthenticated are counted, not logged one by one. */
const UNAUTHENTICATED: GuardVerdict = {
  verdict: 'deny',
  error: errorBody('UNAUTHENTICATED', 'Say who you are: send "Authorization: Bearer <token>".'),
  record: false,
};

const NOTHING_LOADED: GuardVerdict = {
  verdict: 'deny',
  error: errorBody(
    'PERMISSION_DENIED',
    'No valid policy is loaded, so nothing is permitted; "aip policy check" shows what is wrong with the files.',
  ),
};

const PASSED = { verdict: 'pass' } as const;

/** The policy slot: default deny, every decision with the policies that made it, obligations carried on. */
export function policyGuard(policies: { readonly set: PolicySet | undefined }, now: () => number): Guard {
  const windows = createRateWindows(now);
  const redactions = new WeakMap<Crossing, readonly string[]>();

  function fulfil(crossing: Crossing, obligation: Obligation): GuardVerdict {
    switch (obligation.kind) {
      case 'approve':
        crossing.obligations.push({
          kind: 'approve',
          value: obligation.by,
          policy: obligation.policy,
          ...(obligation.expiresMs === undefined ? {} : { expiresAfter: obligation.expiresMs }),
        });
        return PASS;
      case 'log':
        crossing.obligations.push({ kind: 'log', value: obligation.note, policy: obligation.policy });
        return PASS;
      case 'redact':
        redactions.set(crossing, [...(redactions.get(crossing) ?? []), ...obligation.fields]);
        return PASS;
      case 'rate': {
        // A parked call has used its turn when it was asked for; neither its approval nor a retry uses another.
        const wait =
          crossing.approval || crossing.repeats
            ? 0
            : windows.use(
                `${obligation.policy}\n${crossing.principal.tenant}\n${crossing.principal.id}`,
                obligation.limit,
                obligation.windowMs,
              );
        if (wait === 0) return PASS;
        return {
          verdict: 'deny',
          error: errorBody(
            'RATE_LIMITED',
            `Policy "${obligation.policy}" allows ${obligation.limit} calls in ${obligation.windowMs / 1000} s; try again in ${wait} ms.`,
            { policy: obligation.policy, retry_after_ms: wait },
          ),
        };
      }
    }
  }

  return {
    name: 'policy',
    admit(crossing) {
      const { set } = policies;
      const stranger = crossing.principal.kind === 'anonymous';
      if (!set && breaksGlass(crossing)) return PASS;
      if (!set) return stranger ? UNAUTHENTICATED : NOTHING_LOADED;
      const decision = decideAll(set, requestsOf(crossing));
      for (const reason of [...decision.reasons, ...decision.errors]) crossing.policies.push(reason.id);
      if (decision.effect === 'deny') return stranger ? UNAUTHENTICATED : { verdict: 'deny', error: denial(decision) };
      for (const obligation of decision.obligations) {
        const verdict = fulfil(crossing, obligation);
        if (verdict.verdict !== 'pass') return verdict;
      }
      return PASS;
    },
    inspect(crossing, event) {
      const paths = redactions.get(crossing);
      if (!paths) return PASSED;
      // What a target logs beside its result is shown as far as it can be cleaned.
      if (event.type === 'log')
        return { verdict: 'replace', event: { ...event, data: redact(event.data, paths) ?? text('Redacted.') } };
      if (!('body' in event) || event.body === undefined) return PASSED;
      const body = redact(event.body, paths);
      if (!body)
        return {
          verdict: 'deny',
          error: errorBody(
            'PERMISSION_DENIED',
            'A policy redacts fields of this result, and the result is not structured, so it cannot be shown.',
          ),
        };
      return { verdict: 'replace', event: { ...event, body } };
    },
  };
}

function denial(decision: Decision) {
  const cited = [...decision.reasons, ...decision.errors].map(({ id, file, line }) => ({ id, file, line }));
  return errorBody('PERMISSION_DENIED', decision.message, { policies: cited });
}
