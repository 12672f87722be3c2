import { AipError } from '@aip/wire';
import type { Login } from './login.ts';

/** How long a browser may take to come back, in milliseconds. */
const WITHIN = 10 * 60_000;
/** Logins that are open at once; the oldest leaves first. */
const MAX_OPEN = 1_000;

/** Logins that a browser has to finish. */
export interface Logins {
  /** Returns until when, in milliseconds since the Unix epoch. */
  keep(login: Login): number;
  /**
   * Finishes the login that the answer belongs to, for the principal who began it and nobody else. Each is good once.
   * Throws NOT_FOUND for a state that is unknown, used or too old; and what `Login.finish` throws.
   */
  finish(answer: URLSearchParams): Promise<Login>;
}

export function createLogins(now: () => number): Logins {
  const open = new Map<string, { readonly login: Login; readonly until: number }>();

  return {
    keep(login) {
      const until = now() + WITHIN;
      open.set(login.state, { login, until });
      const [oldest] = open.keys();
      if (open.size > MAX_OPEN && oldest !== undefined) open.delete(oldest);
      return until;
    },
    async finish(answer) {
      const state = answer.get('state') ?? '';
      const found = open.get(state);
      open.delete(state);
      if (!found || found.until < now())
        throw new AipError('NOT_FOUND', 'This login is not known, has been used or is too old; begin it again.');
      await found.login.finish(answer);
      return found.login;
    },
  };
}
