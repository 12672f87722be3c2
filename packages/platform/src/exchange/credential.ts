import type { IncomingMessage } from 'node:http';
import { AipError } from '@aip/wire';
import type { Credential, Principal } from '../kernel/principal.ts';

/** RFC 6750 section 2.1: one token, and nothing after it. */
const BEARER = /^Bearer +(\S+) *$/i;

/** Who has been verified as the sender of a request; it is known for as long as the request is. */
const proved = new WeakMap<IncomingMessage, Principal>();

/** The bearer token of a request, however its edge speaks; undefined when there is none, or something else. */
export const bearerOf = (request: IncomingMessage): string | undefined =>
  BEARER.exec(request.headers.authorization ?? '')?.[1];

/** Binds who sent a request to this request alone: what its token proves here, it proves nowhere else. */
export function bindCaller(request: IncomingMessage, principal: Principal): void {
  proved.set(request, principal);
}

/** What the Authorization header of a request says about its sender. Throws UNAUTHENTICATED when it holds no bearer token. */
export function credentialOf(request: IncomingMessage): Credential {
  const principal = proved.get(request);
  if (principal) return { kind: 'proved', principal };
  if (request.headers.authorization === undefined) return { kind: 'none' };
  const token = bearerOf(request);
  if (token === undefined) throw new AipError('UNAUTHENTICATED', 'Send the token as "Authorization: Bearer <token>".');
  return { kind: 'bearer', token };
}
