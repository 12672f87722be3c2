import { randomBytes } from 'node:crypto';

/** Dashboard logins live in memory only: a restart ends them. */
const SESSION_LIFETIME = 12 * 3600_000;
const CODE_LIFETIME = 15 * 60_000;
const MAX_SESSIONS = 1_000;
const PREFIX = 'aip_session_';

export interface Logins {
  /** A one-time code for the login URL's fragment. */
  issueCode(): string;
  /** Trades a code for a session token, once. */
  redeem(code: string): string | undefined;
  valid(token: string): boolean;
  isSession(token: string): boolean;
}

export function createLogins(now: () => number): Logins {
  const codes = new Map<string, number>();
  const sessions = new Map<string, number>();

  const live = (map: Map<string, number>, key: string): boolean => (map.get(key) ?? 0) > now();

  return {
    issueCode() {
      const code = randomBytes(18).toString('base64url');
      codes.set(code, now() + CODE_LIFETIME);
      return code;
    },
    redeem(code) {
      const good = live(codes, code);
      codes.delete(code);
      if (!good) return undefined;
      if (sessions.size >= MAX_SESSIONS) sessions.delete(sessions.keys().next().value as string);
      const token = `${PREFIX}${randomBytes(32).toString('base64url')}`;
      sessions.set(token, now() + SESSION_LIFETIME);
      return token;
    },
    valid: (token) => live(sessions, token),
    isSession: (token) => token.startsWith(PREFIX),
  };
}
