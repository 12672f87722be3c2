import { errorBody } from '../../kernel/error-body.ts';
import { PASS, type LimitGuard } from '../../kernel/guard.ts';
import type { Principal } from '../../kernel/principal.ts';
import { createRecentMap } from '../../kernel/recent-map.ts';
import { holderKey } from '../../kernel/shares.ts';

/** What a principal may have of one thing: so much a second for long, and so much at once after a pause. */
export interface Allowance {
  readonly perSecond: number;
  readonly burst: number;
}

export interface RateLimit {
  readonly messages: Allowance;
  /** What its messages, and the answers to them, weigh in the log. */
  readonly bytes: Allowance;
}

interface Bucket {
  messages: number;
  /** Below zero once more has been recorded than was left: how much an answer weighs is known when it is there. */
  bytes: number;
  at: number;
}

/** The bucket of everybody unknown: no principal's id is empty. */
const STRANGERS = '';

/** Principals whose buckets are kept; the least recently seen leaves first and starts anew with a full bucket. */
const MAX_BUCKETS = 100_000;

/**
 * Token buckets per principal, one of messages and one of bytes. It stands before the log: what it refuses is counted,
 * not recorded, so that a flood cannot fill the disk.
 */
export function limitGuard(
  limit: RateLimit,
  monotonic: () => number,
  isKnown: (principal: Principal) => boolean = ({ kind }) => kind !== 'anonymous',
): LimitGuard {
  const buckets = createRecentMap<Bucket>(MAX_BUCKETS);

  /** Everybody unknown shares small buckets. */
  const stranger: RateLimit = { messages: tenth(limit.messages), bytes: tenth(limit.bytes) };

  /** What is left to a principal now. */
  function left(principal: Principal): { bucket: Bucket; own: RateLimit } {
    const known = isKnown(principal);
    const own = known ? limit : stranger;
    const key = known ? holderKey(principal) : STRANGERS;
    const now = monotonic();
    const bucket = buckets.get(key) ?? { messages: own.messages.burst, bytes: own.bytes.burst, at: now };
    const seconds = (now - bucket.at) / 1000;
    bucket.messages = Math.min(own.messages.burst, bucket.messages + seconds * own.messages.perSecond);
    bucket.bytes = Math.min(own.bytes.burst, bucket.bytes + seconds * own.bytes.perSecond);
    bucket.at = now;
    buckets.set(key, bucket);
    buckets.trim();
    return { bucket, own };
  }

  return {
    name: 'limit',
    admit({ principal, plane }) {
      // Whoever floods must not be able to keep an operator from pressing kill.
      if (plane === 'control' && principal.roles.includes('admin')) return PASS;
      const { bucket, own } = left(principal);
      if (bucket.messages < 1) return refusal(`${principal.name} sends`, 'messages', 1 - bucket.messages, own.messages);
      // How much comes back is for others to say: what they send must keep nobody from stopping them.
      if (bucket.bytes < 1 && plane !== 'control')
        return refusal(`What ${principal.name} sends and asks for is`, 'bytes', 1 - bucket.bytes, own.bytes);
      bucket.messages--;
      return PASS;
    },
    weigh(principal, bytes) {
      left(principal).bucket.bytes -= bytes;
    },
  };
}

const tenth = ({ perSecond, burst }: Allowance): Allowance => ({
  perSecond: Math.max(1, perSecond / 10),
  burst: Math.max(1, burst / 10),
});

function refusal(what: string, of: string, missing: number, { perSecond }: Allowance): ReturnType<LimitGuard['admit']> {
  const wait = Math.ceil((missing / perSecond) * 1000);
  const error = errorBody('RATE_LIMITED', `${what} more than ${perSecond} ${of} a second; try again in ${wait} ms.`, {
    retry_after_ms: wait,
  });
  return { verdict: 'deny', error, record: false };
}
