import { AipError } from '@aip/wire';
import type { Connection } from './connection.ts';
import { isConnectionLoss } from './failures.ts';
import { accountKey, type Account } from './oauth/account.ts';

/** Connections that belong to one account each: what one may see or do with its tokens is nobody else's. */
export interface OwnConnections {
  /** Works on the account's connection, which is opened when there is none. */
  use<T>(account: Account, work: (connection: Connection) => Promise<T>): Promise<T>;
  /** Closes the account's connection, once nobody uses it any more: its tokens have changed. */
  forget(account: Account): void;
  close(): Promise<void>;
}

/** Connections of one server at once. */
const MAX_OPEN = 64;
/** An unused one is closed after this many milliseconds. */
const IDLE = 5 * 60_000;

interface Held {
  readonly key: string;
  readonly connection: Promise<Connection>;
  users: number;
  isForgotten: boolean;
  idle?: NodeJS.Timeout;
}

export function createOwnConnections(open: (account: Account) => Promise<Connection>): OwnConnections {
  const all = new Set<Held>();

  function take(account: Account): Held {
    const key = accountKey(account);
    const known = all.values().find((held) => held.key === key && !held.isForgotten);
    if (known) return known;
    makeRoom();
    const made: Held = { key, connection: open(account), users: 0, isForgotten: false };
    all.add(made);
    made.connection.then(
      (connection) => connection.lost.then(() => end(made)),
      () => all.delete(made),
    );
    return made;
  }

  function makeRoom(): void {
    if (all.size < MAX_OPEN) return;
    const unused = all.values().find(({ users }) => users === 0);
    if (!unused) throw new AipError('RATE_LIMITED', `${MAX_OPEN} users have calls open at this server already.`);
    void end(unused);
  }

  async function use<T>(account: Account, work: (connection: Connection) => Promise<T>): Promise<T> {
    const mine = take(account);
    clearTimeout(mine.idle);
    mine.users++;
    try {
      const connection = await mine.connection;
      return await work(connection).catch((error: unknown) => {
        if (isConnectionLoss(error)) connection.lose();
        throw error;
      });
    } finally {
      mine.users--;
      if (mine.users === 0) leave(mine);
    }
  }

  function leave(mine: Held): void {
    if (mine.isForgotten) void end(mine);
    else mine.idle = setTimeout(() => void end(mine), IDLE).unref();
  }

  function end(mine: Held): Promise<void> {
    all.delete(mine);
    clearTimeout(mine.idle);
    return mine.connection.then(
      (opened) => opened.close(),
      () => {},
    );
  }

  return {
    use,
    forget(account) {
      const key = accountKey(account);
      const mine = all.values().find((held) => held.key === key && !held.isForgotten);
      if (!mine) return;
      mine.isForgotten = true;
      if (mine.users === 0) void end(mine);
    },
    async close() {
      await Promise.all([...all].map(end));
    },
  };
}
