import { errorBody } from '../../kernel/error-body.ts';
import { PASS, type LimitGuard } from '../../kernel/guard.ts';
import type { Principal } from '../../kernel/principal.ts';
import { createRecentMap } from '../../kernel/recent-map.ts';
import { holderKey } from '../../kernel/shares.ts';

export interface RateLimit {
  /** Messages per second that a principal may send for long. */
  readonly perSecond: number;
  /** Messages it may send at once after a pause. */
  readonly burst: number;
}

/** The bucket of everybody unknown: no principal's id is empty. */
const STRANGERS = '';

/** Principals whose buckets are kept; the least recently seen leaves first and starts anew with a full bucket. */
const MAX_BUCKETS = 100_000;

/**
 * A token bucket per principal. It stands before the log: what it refuses is counted, not recorded, so that a
 * flood cannot fill the disk.
 */
export function limitGuard(
  limit: RateLimit,
  monotonic: () => number,
  isKnown: (principal: Principal) => boolean = ({ kind }) => kind !== 'anonymous',
): LimitGuard {
  const buckets = createRecentMap<{ tokens: number; at: number }>(MAX_BUCKETS);

  /** Everybody unknown shares one small bucket. */
  const stranger: RateLimit = { perSecond: Math.max(1, limit.perSecond / 10), burst: Math.max(1, limit.burst / 10) };

  function take(id: string, own: RateLimit): number {
    const now = monotonic();
    const bucket = buckets.get(id) ?? { tokens: own.burst, at: now };
    bucket.tokens = Math.min(own.burst, bucket.tokens + ((now - bucket.at) / 1000) * own.perSecond);
    bucket.at = now;
    buckets.set(id, bucket);
    buckets.trim();
    if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) / own.perSecond) * 1000);
    bucket.tokens--;
    return 0;
  }

  return {
    name: 'limit',
    admit({ principal, plane }) {
      // Whoever floods must not be able to keep an operator from pressing kill.
      if (plane === 'control' && principal.roles.includes('admin')) return PASS;
      const known = isKnown(principal);
      const own = known ? limit : stranger;
      const wait = take(known ? holderKey(principal) : STRANGERS, own);
      if (wait === 0) return PASS;
      const error = errorBody(
        'RATE_LIMITED',
        `${principal.name} sends more than ${own.perSecond} messages a second; try again in ${wait} ms.`,
        { retry_after_ms: wait },
      );
      return { verdict: 'deny', error, record: false };
    },
  };
}
