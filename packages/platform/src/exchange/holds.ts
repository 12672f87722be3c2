import type { Clock } from '../kernel/clock.ts';
import type { Draft } from '../kernel/message.ts';
import type { Session } from '../kernel/session.ts';
import type { Shares } from '../kernel/shares.ts';
import { alarm } from './alarm.ts';

/** Calls that are held until their targets are known, or have come. */
export interface Holds {
  /** Resolves with `expected`, at the call's own deadline, or when the platform stops. Throws RATE_LIMITED. */
  until(expected: Promise<unknown>, session: Session, draft: Draft): Promise<void>;
  /** Lets everybody go. */
  end(): void;
}

/** @param underWay a call that is held is in memory, whole, as one that has been accepted is */
export function createHolds(underWay: Shares, clock: Clock): Holds {
  const held = new Set<() => void>();
  return {
    async until(expected, { principal }, { deadline }) {
      const leave = underWay.take(principal);
      const { promise, resolve } = Promise.withResolvers<void>();
      held.add(resolve);
      const stop = deadline === undefined ? undefined : alarm(deadline - clock.now(), resolve);
      void expected.then(() => resolve());
      await promise;
      stop?.();
      held.delete(resolve);
      leave();
    },
    end() {
      for (const resolve of held) resolve();
    },
  };
}
