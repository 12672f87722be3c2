import { claim } from '@aip/conformance';
import { describe, expect, it } from 'vitest';
import { createShares } from './shares.ts';

const alice = { tenant: 'default', id: 'service:alice' };
const bob = { tenant: 'default', id: 'service:bob' };
const other = { tenant: 'other', id: 'service:alice' };
const limited = expect.objectContaining({ code: 'RATE_LIMITED' });

describe(`shares ${claim('G-GUARD.shares')}`, () => {
  it('give nobody more than a share, and nobody the share of somebody else', () => {
    const shares = createShares({ of: 'things are held', total: 5, each: 2 });
    const back = [shares.take(alice), shares.take(alice)];
    expect(() => shares.take(alice)).toThrow(limited);
    expect(() => shares.take(alice)).toThrow('2 things are held for you already');
    shares.take(bob);
    shares.take(other);
    back[0]!();
    back[0]!();
    shares.take(alice);
    expect(() => shares.take(alice)).toThrow(limited);
    expect(shares.taken).toBe(4);
  });

  it('keep to what there is for all, less the reserve of those who may have it', () => {
    const shares = createShares({ of: 'things are held', total: 3, each: 3, reserve: 1 });
    shares.take(alice);
    const back = shares.take(alice);
    expect(() => shares.take(bob)).toThrow('2 things are held for all callers together already');
    shares.take(bob, { fromReserve: true });
    expect(() => shares.take(bob, { fromReserve: true })).toThrow(limited);
    back();
    expect(() => shares.take(bob)).not.toThrow();
  });

  it('count amounts', () => {
    const shares = createShares({ of: 'bytes are held', total: 100, each: 60 });
    const back = shares.take(alice, { amount: 50 });
    expect(() => shares.take(alice, { amount: 20 })).toThrow(limited);
    expect(() => shares.take(bob, { amount: 60 })).toThrow(limited);
    shares.take(bob, { amount: 50 });
    back();
    expect(shares.taken).toBe(50);
  });
});
