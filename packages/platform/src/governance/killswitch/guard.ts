import { PASS, type Crossing, type Guard } from '../../kernel/guard.ts';
import type { Latch } from './latch.ts';

/** The gate: a fast refusal from memory for everything under a stopped scope. */
export function gateGuard(latch: Latch): Guard {
  return {
    name: 'gate',
    admit(crossing) {
      if (looksOn(crossing)) return PASS;
      const stop = latch.blocks(crossing.principal.tenant, crossing.scopes);
      return stop ? { verdict: 'deny', error: stop } : PASS;
    },
  };
}

/** Whoever has to decide on a release must be able to look: reading what the platform knows touches nothing outside. */
const looksOn = ({ target, principal }: Crossing): boolean =>
  target.kind === 'operation' &&
  target.effect === 'read' &&
  (principal.roles.includes('admin') || principal.roles.includes('operator'));
