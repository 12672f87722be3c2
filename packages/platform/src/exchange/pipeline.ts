import { toErrorBody } from '../kernel/error-body.ts';
import type { Crossing, Guard, GuardVerdict, LimitGuard } from '../kernel/guard.ts';
import { PASS } from '../kernel/guard.ts';
import type { Credential, Principal } from '../kernel/principal.ts';
import type { RouteEvent } from '../kernel/task.ts';

/**
 * The slots every message passes, in this order. `main/core.ts` fills them from the domains; a slot
 * left empty is a type error.
 */
export interface Slots {
  /** Who speaks? Throws UNAUTHENTICATED. */
  readonly authenticate: (credential: Credential) => Principal;
  /** Is this sender within its rates? Stands before the log, so floods are counted, not written. */
  readonly limit: LimitGuard;
  /** Is anything in its scope killed or paused? */
  readonly gate: Guard;
  /** Has the sender been admitted, is the target itself trusted? */
  readonly trust: Guard;
  /** Does a policy permit it? Default deny; collects obligations. */
  readonly policy: Guard;
  /** Must a person agree first? */
  readonly approve: Guard;
  /** Can it be paid? Prepares the hold that the commit decides. */
  readonly budget: Guard;
}

export type Admission = GuardVerdict & { readonly guard?: string };

/** authenticate and resolve have happened: limit > gate > trust > policy > approve > budget > ACCEPT. */
export function admit(slots: Slots, crossing: Crossing): Admission {
  const path =
    crossing.plane === 'control'
      ? [slots.limit, slots.trust, slots.policy, slots.approve]
      : [slots.limit, slots.gate, slots.trust, slots.policy, slots.approve, slots.budget];
  return through(path, crossing);
}

/**
 * A message that was accepted before a restart is delivered again only if it still may be: nothing in its scope
 * is stopped, both ends are trusted, a policy permits it. It has waited, been approved and been paid for already.
 */
export const readmit = (slots: Slots, crossing: Crossing): GuardVerdict =>
  through([slots.gate, slots.trust, slots.policy], crossing);

/** An answer goes with the call it belongs to, which has been approved and paid for: it passes where that would still pass. */
export const admitAnswer = (slots: Slots, crossing: Crossing): Admission =>
  through([slots.limit, slots.gate, slots.trust, slots.policy], crossing);

function through(path: readonly Guard[], crossing: Crossing): Admission {
  for (const guard of path) {
    const verdict = ask(guard, crossing);
    if (verdict.verdict !== 'pass') return { ...verdict, guard: guard.name };
  }
  return PASS;
}

/** A guard that fails denies: nothing passes because a check broke. */
function ask(guard: Guard, crossing: Crossing): GuardVerdict {
  try {
    return guard.admit(crossing);
  } catch (error) {
    return { verdict: 'deny', error: toErrorBody(error) };
  }
}

/** Every event of the route passes the guards' `inspect` before it is recorded. */
export function inspect(slots: Slots, crossing: Crossing, event: RouteEvent): RouteEvent {
  let current = event;
  for (const guard of [slots.trust, slots.policy, slots.approve, slots.budget]) {
    const verdict = guard.inspect?.(crossing, current);
    if (verdict?.verdict === 'replace') current = verdict.event;
    if (verdict?.verdict === 'deny') return { type: 'failed', error: verdict.error, effect: 'unknown' };
  }
  return current;
}
