import { randomBytes } from 'node:crypto';
import type { Principal } from '../kernel/principal.ts';
import { holderKey } from '../kernel/shares.ts';

/** Dashboard logins live in memory only: a restart ends them. */
const SESSION_LIFETIME = 12 * 3600_000;
const CODE_LIFETIME = 15 * 60_000;
/** Codes, and sessions, that are kept: of one principal, whose oldest leaves first, and of all. */
const EACH = 20;
const TOTAL = 1_000;
const PREFIX = 'aip_session_';

export interface Logins {
  /** A one-time code for the login URL's fragment; `until`: when the session it opens ends at the latest. */
  issueCode(whose: Principal, until?: number): string;
  /** Trades a code for a session token, once. */
  redeem(code: string): string | undefined;
  /** Whose session it is; undefined once it has ended. */
  holder(token: string): Principal | undefined;
  isSession(token: string): boolean;
  /** Ends a session. */
  end(token: string): void;
}

interface Kept {
  readonly whose: Principal;
  readonly until: number;
  /** Milliseconds since the Unix epoch. */
  readonly expires: number;
}

export function createLogins(now: () => number): Logins {
  const codes = new Map<string, Kept>();
  const sessions = new Map<string, Kept>();

  function keep(map: Map<string, Kept>, key: string, whose: Principal, lifetime: number, until: number): void {
    for (const [old, { expires }] of map) if (expires <= now()) map.delete(old);
    makeRoom(map, holderKey(whose));
    map.set(key, { whose, until, expires: Math.min(now() + lifetime, until) });
  }

  function live(map: Map<string, Kept>, key: string): Kept | undefined {
    const kept = map.get(key);
    return kept && kept.expires > now() ? kept : undefined;
  }

  return {
    issueCode(whose, until = Number.POSITIVE_INFINITY) {
      const code = randomBytes(18).toString('base64url');
      keep(codes, code, whose, CODE_LIFETIME, until);
      return code;
    },
    redeem(code) {
      const good = live(codes, code);
      codes.delete(code);
      if (!good) return undefined;
      const token = `${PREFIX}${randomBytes(32).toString('base64url')}`;
      keep(sessions, token, good.whose, SESSION_LIFETIME, good.until);
      return token;
    },
    holder: (token) => live(sessions, token)?.whose,
    isSession: (token) => token.startsWith(PREFIX),
    end: (token) => void sessions.delete(token),
  };
}

/** Nobody's login costs another's place: who has the most gives up the oldest of them. */
function makeRoom(map: Map<string, Kept>, newcomer: string): void {
  const held = Map.groupBy(map, ([, { whose }]) => holderKey(whose));
  const own = held.get(newcomer) ?? [];
  const most = [...held.values()].reduce((a, b) => (b.length > a.length ? b : a), own);
  const [leaving] = own.length >= EACH ? own : map.size >= TOTAL ? most : [];
  if (leaving) map.delete(leaving[0]);
}
