import { PASS, type Guard } from '../../kernel/guard.ts';

/** How long an approval stays open unless its policy says otherwise, in milliseconds. */
const DEFAULT_EXPIRY = 15 * 60_000;

/** Parks a call that a policy wants a person to see first; passes it once that person has agreed. */
export function approveGuard(now: () => number): Guard {
  return {
    name: 'approve',
    admit(crossing) {
      // Obligations add up: of several, the one that leaves the least time.
      const duties = crossing.obligations.filter((obligation) => obligation.kind === 'approve');
      const [duty] = duties.toSorted((a, b) => (a.expiresAfter ?? DEFAULT_EXPIRY) - (b.expiresAfter ?? DEFAULT_EXPIRY));
      if (!duty || crossing.approval) return PASS;
      const { message, principal, target } = crossing;
      // Nobody pays for what is their own.
      const price = target.owner === principal.id ? 0 : target.price;
      return {
        verdict: 'ask',
        kind: 'approval',
        expires: now() + (duty.expiresAfter ?? DEFAULT_EXPIRY),
        body: {
          // Each of the policies wants its own people to agree; one person may be several of them.
          approvers: [...new Set(duties.map((each) => each.value))].join(', '),
          policy: duty.policy,
          summary: `${principal.name} wants to ${message.action} ${target.ownerName}${target.kind === 'agent' ? '' : `/${target.name}`}${price === 0 ? '' : ` for ${price} ${price === 1 ? 'unit' : 'units'}`}`,
          // What is agreed to; the commit of the accept holds the call to it.
          price,
        },
      };
    },
  };
}
