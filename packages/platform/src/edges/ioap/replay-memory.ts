import { AipError } from '@aip/wire';

/** REGISTER frames remembered per window. */
const MAX_REMEMBERED = 200_000;

/**
 * Remembers which frames have been seen for at least one window. Time-checked frames cannot come back later, so
 * two generations suffice; when one is full, new frames are refused rather than old ones forgotten.
 */
export interface ReplayMemory {
  /** Throws REPLAY_DETECTED for a frame seen before. */
  remember(from: string, id: string): void;
}

/** @param window milliseconds in which a frame's time is accepted, before and after now together */
export function createReplayMemory(
  window: number,
  monotonic: () => number,
  max: number = MAX_REMEMBERED,
): ReplayMemory {
  let current = new Set<string>();
  let previous = new Set<string>();
  let began = monotonic();

  function turn(): void {
    const age = monotonic() - began;
    if (age < window) return;
    previous = age < 2 * window ? current : new Set();
    current = new Set();
    began = monotonic();
  }

  return {
    remember(from, id) {
      turn();
      const key = `${from}\n${id}`;
      if (current.has(key) || previous.has(key)) {
        throw replayed();
      }
      if (current.size >= max)
        throw new AipError('RATE_LIMITED', 'Too many agents register at the moment; try again in a minute.');
      current.add(key);
    },
  };
}

export const replayed = (): AipError =>
  new AipError('REPLAY_DETECTED', 'A REGISTER with this id has been seen before; every frame needs a fresh id.');
