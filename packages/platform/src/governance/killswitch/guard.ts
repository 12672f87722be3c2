import { PASS, type Guard } from '../../kernel/guard.ts';
import type { Latch } from './latch.ts';

/** The gate: a fast refusal from memory for everything under a stopped scope. */
export function gateGuard(latch: Latch): Guard {
  return {
    name: 'gate',
    admit(crossing) {
      const stop = latch.blocks(crossing.scopes);
      return stop ? { verdict: 'deny', error: stop } : PASS;
    },
  };
}
