import { AipError } from '@aip/wire';
import type { Principal } from './principal.ts';

/** Something that there is only so much of. */
export interface SharesOptions {
  /** What it is, in the plural and with a verb, as refusals say it: "event streams are open". */
  readonly of: string;
  /** For all principals together. */
  readonly total: number;
  /** For one principal, so that nobody can take everything. */
  readonly each: number;
  /** The part of `total` that is kept for takings which ask for it. */
  readonly reserve?: number;
}

/** A bound for all, and within it a share for each principal. */
export interface Shares {
  /**
   * Takes `amount` of it, one unless given; `fromReserve` when the rest is taken. Throws RATE_LIMITED.
   *
   * @returns gives it back; good once
   */
  take(principal: Holder, options?: { readonly amount?: number; readonly fromReserve?: boolean }): () => void;
  /** What is taken now. */
  readonly taken: number;
}

type Holder = Pick<Principal, 'tenant' | 'id'>;

/** What tells principals apart, whatever they came with. */
export const holderKey = ({ tenant, id }: Holder): string => `${tenant}\n${id}`;

export function createShares({ of, total, each, reserve = 0 }: SharesOptions): Shares {
  const held = new Map<string, number>();
  let taken = 0;
  /** Of what is taken, what did not ask for the reserve. */
  let ordinary = 0;

  function refuse(whose: string, bound: number): never {
    throw new AipError('RATE_LIMITED', `${bound} ${of} ${whose} already; end some, or try again later.`);
  }

  return {
    take(principal, { amount = 1, fromReserve = false } = {}) {
      const key = holderKey(principal);
      const own = held.get(key) ?? 0;
      if (own + amount > each) refuse('for you', each);
      const isOver = !fromReserve && ordinary + amount > total - reserve;
      if (isOver || taken + amount > total) refuse('for all callers together', fromReserve ? total : total - reserve);
      held.set(key, own + amount);
      taken += amount;
      if (!fromReserve) ordinary += amount;
      let isGiven = false;
      return () => {
        if (isGiven) return;
        isGiven = true;
        taken -= amount;
        if (!fromReserve) ordinary -= amount;
        const left = (held.get(key) ?? 0) - amount;
        if (left > 0) held.set(key, left);
        else held.delete(key);
      };
    },
    get taken() {
      return taken;
    },
  };
}
