import type { AipError } from '@aip/wire';

/** How long to wait between attempts, in milliseconds. */
export interface Backoff {
  readonly min: number;
  readonly max: number;
}

export const DEFAULT_BACKOFF: Backoff = { min: 1_000, max: 30_000 };

/** Longest wait of somebody who is not admitted yet, in milliseconds: an operator who admits it wants to use it then. */
const DOOR_MAX = 5_000;

/** The waits after this error: nobody is spared by a long one where an operator's word is waited for. */
export function atTheDoor({ code }: Pick<AipError, 'code'>, backoff: Backoff = DEFAULT_BACKOFF): Backoff {
  return code === 'NOT_ADMITTED' ? { ...backoff, max: Math.min(backoff.max, DOOR_MAX) } : backoff;
}

/** The wait after `failures` failed attempts in a row: doubling, with up to half of it random, so that a crowd does not come back at once. */
export function waitAfter(failures: number, { min, max }: Backoff, random: () => number = Math.random): number {
  const full = Math.min(max, min * 2 ** Math.min(failures - 1, 30));
  return full * (0.5 + random() / 2);
}
