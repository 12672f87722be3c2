import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Connection } from './connection.ts';
import type { Account } from './oauth/account.ts';
import { createOwnConnections, type OwnConnections } from './own-connections.ts';

const account = (owner: string): Account => ({ tenant: 'default', owner });
const [alice, bob] = [account('alice'), account('bob')];

/** Connections to nobody, with what has become of them. */
let opened: { readonly owner: string; readonly connection: Connection; isClosed: boolean }[] = [];
const live = (): string[] => opened.filter(({ isClosed }) => !isClosed).map(({ owner }) => owner);

async function open({ owner }: Account): Promise<Connection> {
  const { promise: lost, resolve: lose } = Promise.withResolvers<void>();
  const close = async (): Promise<void> => {
    one.isClosed = true;
    lose();
  };
  const one = { owner, connection: { lost, lose, close } as Connection, isClosed: false };
  opened.push(one);
  return one.connection;
}

/** Work that goes on until the test ends it. */
function busy(own: OwnConnections, who: Account): { end: () => void; done: Promise<Connection> } {
  const { promise, resolve: end } = Promise.withResolvers<void>();
  return { end, done: own.use(who, (connection) => promise.then(() => connection)) };
}

let own: OwnConnections;
beforeEach(() => {
  vi.useFakeTimers();
  opened = [];
  own = createOwnConnections(open);
});
afterEach(() => vi.useRealTimers());
const settled = () => vi.advanceTimersByTimeAsync(0);

describe('the connection of an account', () => {
  it('is one for all that its account does at once, and closed when it has not been used for long', async () => {
    const [first, second] = [busy(own, alice), busy(own, alice)];
    first.end();
    second.end();
    expect(await first.done).toBe(await second.done);
    await vi.advanceTimersByTimeAsync(5 * 60_000);
    expect(live()).toEqual([]);
  });

  it('that is forgotten is let go of with the last who uses it, and nobody else gets it', async () => {
    const before = busy(own, alice);
    await settled();
    own.forget(alice);
    const after = busy(own, alice);
    await settled();
    expect(live()).toEqual(['alice', 'alice']);
    before.end();
    const forgotten = await before.done;
    await settled();
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    after.end();
    expect(await after.done).not.toBe(forgotten);
  });

  it('that is forgotten while nobody uses it is closed at once', async () => {
    const [one, other] = [busy(own, alice), busy(own, bob)];
    one.end();
    other.end();
    await Promise.all([one.done, other.done]);
    own.forget(alice);
    await settled();
    expect(live()).toEqual(['bob']);
  });

  it('that is forgotten while it is used is closed with all others', async () => {
    busy(own, alice);
    await settled();
    own.forget(alice);
    await own.close();
    expect(live()).toEqual([]);
  });
});
