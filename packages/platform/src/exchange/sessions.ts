import { AipError } from '@aip/wire';
import { uuidv7 } from '../kernel/ids.ts';
import type { Accepts, EdgeName } from '../kernel/message.ts';
import type { Principal } from '../kernel/principal.ts';
import type { Session } from '../kernel/session.ts';

const MAX_SESSIONS = 50_000;

export interface SessionOptions {
  readonly principal: Principal;
  readonly edge: EdgeName;
  readonly accepts?: Accepts;
  readonly address?: string;
  readonly close?: (code: string, reason: string) => void;
}

/** Connections attached to the exchange. Stateless edges use {@link oneShot} instead. */
export interface Sessions {
  attach(options: SessionOptions): Session;
  detach(session: Session): void;
  all(): Iterable<Session>;
  readonly size: number;
}

/** @param isGone whether somebody who was let in before may no longer be here */
export function createSessions(now: () => number, isGone: (principal: Principal) => boolean): Sessions {
  const sessions = new Map<string, Session>();
  return {
    attach(options) {
      // Between a request and its stream the token may have been revoked: what is attached later would outlive it.
      if (isGone(options.principal)) throw new AipError('UNAUTHENTICATED', 'This token has been revoked.');
      if (sessions.size >= MAX_SESSIONS)
        throw new AipError(
          'RATE_LIMITED',
          `The platform holds ${MAX_SESSIONS} sessions already; close some or try again later.`,
        );
      const session = oneShot(options, now());
      sessions.set(session.id, session);
      return session;
    },
    detach: (session) => void sessions.delete(session.id),
    all: () => sessions.values(),
    get size() {
      return sessions.size;
    },
  };
}

/** A session for one request, never registered: a request has nothing to close. */
export function oneShot(options: SessionOptions, now: number): Session {
  return {
    id: uuidv7(now),
    principal: options.principal,
    edge: options.edge,
    accepts: options.accepts ?? {},
    ...(options.address === undefined ? {} : { address: options.address }),
    opened: now,
    close: options.close ?? (() => {}),
  };
}
