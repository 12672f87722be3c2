import { AipError } from '@aip/wire';
import type { FastifyRequest } from 'fastify';
import { credentialOf, oneShot, type Exchange } from '../../exchange/index.ts';
import type { Accepts } from '../../kernel/message.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Session } from '../../kernel/session.ts';
import { LEGACY_VERSION, PROTOCOL_VERSION } from './protocol.ts';

/** An A2A client answers what a task asks of it with another message. */
export const ACCEPTS: Accepts = { input: true };

/** @throws AipError UNAUTHENTICATED */
export function authenticate(exchange: Exchange, request: FastifyRequest): Principal {
  return exchange.authenticate(credentialOf(request.raw));
}

/** The session of one request; a stream has one of its own, so that it can be closed from inside. */
export const sessionOf = (exchange: Exchange, principal: Principal): Session =>
  oneShot({ principal, edge: 'a2a', accepts: ACCEPTS }, exchange.clock.now());

/**
 * The version that a request asks for, by header or, where a client cannot set one, by query parameter (section 3.6).
 * None means 0.3; the patch number does not count.
 */
export function versionOf(request: FastifyRequest): string {
  const { 'A2A-Version': asked } = request.query as Record<string, unknown>;
  const header = request.headers['a2a-version'];
  const given = [header, asked].find((value) => typeof value === 'string' && value.trim() !== '') as string | undefined;
  if (given === undefined) return LEGACY_VERSION;
  const [major, minor = '0'] = given.trim().split('.');
  return `${major}.${minor}`.slice(0, 32);
}

/** @throws AipError UNSUPPORTED_VERSION */
export function requireVersion(request: FastifyRequest): void {
  const version = versionOf(request);
  if (version === PROTOCOL_VERSION) return;
  const hint = version === LEGACY_VERSION ? ' A request without the header A2A-Version counts as 0.3.' : '';
  throw new AipError(
    'UNSUPPORTED_VERSION',
    `A2A ${version} is not spoken here; send "A2A-Version: ${PROTOCOL_VERSION}".${hint}`,
    { details: { supported: [PROTOCOL_VERSION] } },
  );
}

/** The number of the last event that a reconnecting stream has seen. */
export function lastEventId(request: FastifyRequest): number | undefined {
  const given = request.headers['last-event-id'];
  return typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : undefined;
}
