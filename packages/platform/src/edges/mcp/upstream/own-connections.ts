import { AipError } from '@aip/wire';
import type { Connection } from './connection.ts';
import { isConnectionLoss } from './failures.ts';
import { accountKey, type Account } from './oauth/account.ts';

/** Connections that belong to one account each: what one may see or do with its tokens is nobody else's. */
export interface OwnConnections {
  /** Works on the account's connection, which is opened when there is none. */
  use<T>(account: Account, work: (connection: Connection) => Promise<T>): Promise<T>;
  /** Closes the account's connection: its tokens have changed. */
  forget(account: Account): void;
  close(): Promise<void>;
}

/** Connections of one server at once. */
const MAX_OPEN = 64;
/** An unused one is closed after this many milliseconds. */
const IDLE = 5 * 60_000;

interface Held {
  readonly connection: Promise<Connection>;
  users: number;
  idle?: NodeJS.Timeout;
}

export function createOwnConnections(open: (account: Account) => Promise<Connection>): OwnConnections {
  const held = new Map<string, Held>();

  function take(account: Account): Held {
    const key = accountKey(account);
    const known = held.get(key);
    if (known) return known;
    makeRoom();
    const made: Held = { connection: open(account), users: 0 };
    held.set(key, made);
    const gone = (): void => void (held.get(key) === made && held.delete(key));
    made.connection.then(
      (connection) =>
        connection.lost.then(() => {
          gone();
          return connection.close();
        }),
      gone,
    );
    return made;
  }

  function makeRoom(): void {
    if (held.size < MAX_OPEN) return;
    const unused = [...held].find(([, { users }]) => users === 0);
    if (!unused) throw new AipError('RATE_LIMITED', `${MAX_OPEN} users have calls open at this server already.`);
    held.delete(unused[0]);
    void end(unused[1]);
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
      if (mine.users === 0) mine.idle = setTimeout(() => void end(mine), IDLE).unref();
    }
  }

  return {
    use,
    forget(account) {
      const mine = held.get(accountKey(account));
      held.delete(accountKey(account));
      if (mine) void end(mine);
    },
    async close() {
      const all = [...held.values()];
      held.clear();
      await Promise.all(all.map(end));
    },
  };
}

function end({ connection, idle }: Held): Promise<void> {
  clearTimeout(idle);
  return connection.then(
    (opened) => opened.close(),
    () => {},
  );
}
