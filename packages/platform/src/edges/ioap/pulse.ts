import type { Clock } from '../../kernel/clock.ts';

/** Pings without an answer after which a peer is dead. */
const MISSED = 2;

/** Whether a peer is still there. */
export interface Pulse {
  /** It has sent something. */
  heard(): void;
  /** It has answered a ping, or could not. */
  answered(): void;
  /** Counts one ping that is about to be sent; false when too many have gone unanswered. */
  beat(): boolean;
  /** Milliseconds since it has sent something. */
  silence(): number;
}

export function createPulse(clock: Clock): Pulse {
  let unanswered = 0;
  let last = clock.monotonic();
  return {
    heard() {
      last = clock.monotonic();
      unanswered = 0;
    },
    answered() {
      unanswered = 0;
    },
    beat: () => unanswered++ < MISSED,
    silence: () => clock.monotonic() - last,
  };
}
