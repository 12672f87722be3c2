import { randomBytes } from 'node:crypto';

/** Dashboard logins live in memory only: a restart ends them. */
const SESSION_LIFETIME = 12 * 3600_000;
const CODE_LIFETIME = 15 * 60_000;
/** Codes, and sessions, that are kept; the oldest leaves first. */
const MAX_KEPT = 1_000;
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

  function keep(map: Map<string, number>, key: string, lifetime: number): void {
    if (map.size >= MAX_KEPT) map.delete(map.keys().next().value as string);
    map.set(key, now() + lifetime);
  }

  const live = (map: Map<string, number>, key: string): boolean => (map.get(key) ?? 0) > now();

  return {
    issueCode() {
      const code = randomBytes(18).toString('base64url');
      keep(codes, code, CODE_LIFETIME);
      return code;
    },
    redeem(code) {
      const good = live(codes, code);
      codes.delete(code);
      if (!good) return undefined;
      const token = `${PREFIX}${randomBytes(32).toString('base64url')}`;
      keep(sessions, token, SESSION_LIFETIME);
      return token;
    },
    valid: (token) => live(sessions, token),
    isSession: (token) => token.startsWith(PREFIX),
  };
}
