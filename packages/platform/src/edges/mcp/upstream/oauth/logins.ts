import { randomUUID } from 'node:crypto';
import { AipError, toAipError } from '@aip/wire';
import { accountKey, type Account } from './account.ts';
import type { Login } from './login.ts';

/** How long a browser may take to come back, in milliseconds. */
const WITHIN = 10 * 60_000;
/** Logins that are open, or have ended lately; the oldest leaves first. */
const MAX_KEPT = 1_000;
/** Of those, what one account can have; whoever begins more loses its own oldest. */
const MAX_OWN = 16;

/** How a login stands. */
export interface LoginState {
  readonly server: string;
  readonly state: 'open' | 'done' | 'failed';
  /** Why it failed. */
  readonly error?: AipError;
}

/** Logins that a browser has to finish. */
export interface Logins {
  /** `id` names it to who began it, `until` is in milliseconds since the Unix epoch. */
  keep(login: Login): { readonly id: string; readonly until: number };
  /**
   * Finishes the login that the answer belongs to, for the principal who began it and nobody else. Each is good once.
   * Throws NOT_FOUND for a state that is unknown, used or too old; and what `Login.finish` throws.
   */
  finish(answer: URLSearchParams): Promise<Login>;
  /**
   * Resolves when the account's login has ended, when the signal aborts, or when somebody else begins to wait for it.
   * Throws NOT_FOUND when there is none of this id.
   */
  ended(id: string, account: Account, signal: AbortSignal): Promise<LoginState>;
  /** Lets go of everybody who waits. */
  release(): void;
}

interface Kept {
  readonly login: Login;
  readonly until: number;
  readonly end: PromiseWithResolvers<LoginState>;
  /** Ends the wait of whoever waits for it: one at a time. */
  giveUp: () => void;
}

export function createLogins(now: () => number): Logins {
  const kept = new Map<string, Kept>();
  /** By the state that comes back with the browser. */
  const open = new Map<string, Kept>();

  function drop([id, { login }]: readonly [string, Kept]): void {
    kept.delete(id);
    open.delete(login.state);
  }

  /** Makes room for one more of the account, at its own expense while it has more than its share. */
  function makeRoom(account: string): void {
    const own = [...kept].filter(([, { login }]) => accountKey(login.account) === account);
    const [oldest] = own.length < MAX_OWN ? kept : own;
    if (oldest && (own.length >= MAX_OWN || kept.size >= MAX_KEPT)) drop(oldest);
  }

  return {
    keep(login) {
      makeRoom(accountKey(login.account));
      const id = randomUUID();
      const until = now() + WITHIN;
      const one: Kept = { login, until, end: Promise.withResolvers(), giveUp: () => {} };
      kept.set(id, one);
      open.set(login.state, one);
      return { id, until };
    },
    async finish(answer) {
      const state = answer.get('state') ?? '';
      const found = open.get(state);
      open.delete(state);
      if (!found || found.until < now())
        throw new AipError('NOT_FOUND', 'This login is not known, has been used or is too old; begin it again.');
      const { login, end } = found;
      try {
        await login.finish(answer);
      } catch (error) {
        end.resolve({ server: login.server, state: 'failed', error: toAipError(error) });
        throw error;
      }
      end.resolve({ server: login.server, state: 'done' });
      return login;
    },
    async ended(id, account, signal) {
      const found = kept.get(id);
      if (!found || found.until < now() || accountKey(found.login.account) !== accountKey(account))
        throw new AipError('NOT_FOUND', 'You have begun no such login, or it is too old; begin it again.');
      const wait = Promise.withResolvers<LoginState>();
      const giveUp = (): void => wait.resolve({ server: found.login.server, state: 'open' });
      found.giveUp();
      found.giveUp = giveUp;
      signal.addEventListener('abort', giveUp, { once: true });
      if (signal.aborted) giveUp();
      void found.end.promise.then(wait.resolve);
      return wait.promise.finally(() => signal.removeEventListener('abort', giveUp));
    },
    release() {
      for (const { giveUp } of kept.values()) giveUp();
    },
  };
}
