import { PASS, type Crossing, type Guard } from '../../kernel/guard.ts';
import type { Latch } from './latch.ts';

/** The gate: a fast refusal from memory for everything under a stopped scope. */
export function gateGuard(latch: Latch): Guard {
  return {
    name: 'gate',
    admit(crossing) {
      if (isExempt(crossing)) return PASS;
      const stop = latch.blocks(crossing.principal.tenant, crossing.scopes);
      return stop ? { verdict: 'deny', error: stop } : PASS;
    },
  };
}

/**
 * What no stop reaches: what steers the platform, and looking. Whoever has to decide on a release must be able to look:
 * reading what the platform knows touches nothing outside.
 */
export const isExempt = ({
  plane,
  target,
  message: { from },
}: Pick<Crossing, 'plane' | 'target' | 'message'>): boolean =>
  plane === 'control' ||
  (target.kind === 'operation' &&
    target.effect === 'read' &&
    (from.roles.includes('admin') || from.roles.includes('operator')));
