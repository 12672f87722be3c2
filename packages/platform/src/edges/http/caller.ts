import { AipError } from '@aip/wire';
import type { FastifyRequest } from 'fastify';
import { credentialOf, oneShot, type Exchange } from '../../exchange/index.ts';
import type { Credential } from '../../kernel/principal.ts';
import type { Session } from '../../kernel/session.ts';

const SESSION_COOKIE = 'aip_session';
/** Proof that a script of ours made the request: other origins cannot set it without asking first, and are refused. */
const SCRIPT_HEADER = 'x-aip';

/** The session of one request. Throws UNAUTHENTICATED, or FORBIDDEN_ORIGIN for a forged request of a browser. */
export function callerOf(exchange: Exchange, request: FastifyRequest): Session {
  const principal = exchange.authenticate(headerOrCookie(request));
  return oneShot({ principal, edge: 'http' }, exchange.clock.now());
}

/** A bearer token, else the cookie of a dashboard session, else nothing. */
function headerOrCookie(request: FastifyRequest): Credential {
  const given = credentialOf(request.raw);
  if (given.kind !== 'none') return given;
  const token = sessionIn(request);
  if (token === undefined || isFromAnotherSite(request)) return { kind: 'none' };
  if (request.method !== 'GET') requireOwnScript(request);
  return { kind: 'bearer', token };
}

/** Cookies do not tell ports apart (RFC 6265 §8.5), so that two platforms on one machine need two names. */
function sessionCookieName(request: FastifyRequest): string {
  const [, port = '80'] = /:(\d+)$/.exec(request.headers.host ?? '') ?? [];
  return `${SESSION_COOKIE}_${port}`;
}

/** The cookie that carries a dashboard session; it ends with the browser, or when the session does. */
export function sessionCookie(request: FastifyRequest, token: string, isSecure: boolean): string {
  return `${sessionCookieName(request)}=${token}; Path=/; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;
}

/** The dashboard session that a request's cookie names. */
export const sessionIn = (request: FastifyRequest): string | undefined => cookieOf(request, sessionCookieName(request));

function cookieOf(request: FastifyRequest, name: string): string | undefined {
  for (const pair of request.headers.cookie?.split(';') ?? []) {
    const [key, value] = pair.trim().split('=', 2);
    if (key === name && value) return value;
  }
  return undefined;
}

/** SameSite=Strict lets pages of other ports of this machine through; what the browser says of the origin does not. */
function isFromAnotherSite(request: FastifyRequest): boolean {
  const site = request.headers['sec-fetch-site'];
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}

/** A browser's write counts only from our own page and our own script. Throws FORBIDDEN_ORIGIN. */
export function requireOwnScript(request: FastifyRequest): void {
  const { host, origin } = request.headers;
  const ownPage = origin !== undefined && URL.parse(origin)?.host === URL.parse(`http://${host}`)?.host;
  if (ownPage && request.headers[SCRIPT_HEADER] === '1') return;
  throw new AipError(
    'FORBIDDEN_ORIGIN',
    'Changes with a session cookie come from the dashboard itself, with the header "x-aip: 1"; programs send a bearer token.',
  );
}
