import { PASS, type Guard } from '../../kernel/guard.ts';

/** How long an approval stays open unless its policy says otherwise, in milliseconds. */
const DEFAULT_EXPIRY = 15 * 60_000;

/** Parks a call that a policy wants a person to see first; passes it once that person has agreed. */
export function approveGuard(now: () => number): Guard {
  return {
    name: 'approve',
    admit(crossing) {
      const duty = crossing.obligations.find((obligation) => obligation.kind === 'approve');
      if (!duty || crossing.approval) return PASS;
      const { message, principal, target } = crossing;
      return {
        verdict: 'ask',
        kind: 'approval',
        expires: now() + (duty.expiresAfter ?? DEFAULT_EXPIRY),
        body: {
          approvers: duty.value,
          policy: duty.policy,
          summary: `${principal.name} wants to ${message.action} ${target.ownerName}${target.kind === 'agent' ? '' : `/${target.name}`}`,
        },
      };
    },
  };
}
