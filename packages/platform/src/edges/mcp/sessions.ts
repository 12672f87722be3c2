import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AipError } from '@aip/wire';
import { WebStandardStreamableHTTPServerTransport, type Server } from '@modelcontextprotocol/server';
import type { Principal } from '../../kernel/principal.ts';
import type { Session } from '../../kernel/session.ts';
import { holderKey } from '../../kernel/shares.ts';
import { whenClosed } from '../../kernel/when-closed.ts';
import { announce } from './changes.ts';
import { scopeKey, type ListKind, type Scope } from './directory.ts';
import type { Client, Edge } from './edge.ts';
import { answerWith, webRequest } from './fetch-adapter.ts';
import { takeTaskCalls } from './legacy-tasks.ts';
import { forgetAnswered, letPoll, type PollingSession } from './polling.ts';
import { requireBatching } from './request-body.ts';
import { createResumption } from './resumption.ts';
import { createServer } from './server.ts';
import { serveSubscriptions } from './subscriptions.ts';

export interface SessionLimits {
  /** Milliseconds without a request or an open stream after which a session ends. */
  readonly idle: number;
  /** Sessions of all clients together. */
  readonly total: number;
  /** Sessions of one principal; opening one more ends its own longest idle one. */
  readonly perPrincipal: number;
  /** Milliseconds that a call's stream stays open before its client is left to come back for the rest. */
  readonly stream: number;
}

export const SESSION_LIMITS: SessionLimits = {
  idle: 30 * 60_000,
  total: 5_000,
  perPrincipal: 200,
  stream: 5 * 60_000,
};

/** How long a client that has lost a stream should wait before it takes it up again, in milliseconds. */
const RETRY = 1_000;

/** Sessions of clients that speak 2025-11-25 or older: clients rarely end them, so they end by themselves. */
export interface LegacySessions {
  /**
   * Serves one request of a session, with the rights of who sends this one: its tokens may have others than the one it was
   * opened with. Throws NOT_FOUND for a session that is unknown, has ended, or is somebody else's.
   */
  serve(id: string, principal: Principal, scope: Scope, exchange: HttpExchange): Promise<void>;
  /** Serves an `initialize` request. Throws RATE_LIMITED when no further session can be held. */
  open(principal: Principal, scope: Scope, exchange: HttpExchange): Promise<void>;
  announce(owner: string, lists: ReadonlySet<ListKind>): void;
  close(): Promise<void>;
  readonly size: number;
  /** Messages that are kept for clients which lose a stream. */
  readonly kept: number;
}

/** One HTTP request, its answer, and the body that has been read already. */
export interface HttpExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: unknown;
}

interface LegacySession extends PollingSession {
  readonly id: string;
  /** Attached to the exchange by who opened it. */
  readonly attached: Session;
  readonly scope: Scope;
  readonly server: Server;
  /** Requests and streams that are open. */
  active: number;
  /** Monotonic milliseconds of the last sign of life. */
  seen: number;
}

export function createLegacySessions(edge: Edge, limits: SessionLimits): LegacySessions {
  const sessions = new Map<string, LegacySession>();
  const { exchange } = edge;
  const now = (): number => exchange.clock.monotonic();
  const resumption = createResumption();
  /** The session as the sender of the request has it that is being served. */
  const sender = new AsyncLocalStorage<Session>();
  const sweeper = setInterval(sweep, Math.min(limits.idle / 2, 60_000)).unref();

  function sweep(): void {
    for (const session of sessions.values())
      if (session.active === 0 && now() - session.seen > limits.idle) end(session);
  }

  function end(session: LegacySession): void {
    sessions.delete(session.id);
    // Closing aborts what is still running for it.
    void session.server.close().catch(() => {});
  }

  /** Makes room for one more session of the principal, at its own expense only. */
  function makeRoom(principal: Principal): void {
    sweep();
    const own = [...sessions.values()].filter(({ attached }) => isSame(attached.principal, principal));
    const idle = own.filter((session) => session.active === 0).toSorted((a, b) => a.seen - b.seen)[0];
    if (own.length >= limits.perPrincipal && idle) end(idle);
    else if (own.length >= limits.perPrincipal || sessions.size >= limits.total) {
      throw new AipError(
        'RATE_LIMITED',
        'Too many MCP sessions are open; end some, or speak 2026-07-28, which needs none.',
      );
    }
  }

  async function handle(session: LegacySession, principal: Principal, http: HttpExchange): Promise<void> {
    const { request, response, body } = http;
    session.active++;
    session.seen = now();
    const closing = setTimeout(() => void letPoll(session, http).catch(() => {}), limits.stream).unref();
    whenClosed(response, () => {
      clearTimeout(closing);
      session.active--;
      session.seen = now();
    });
    const answer = await sender.run(asSentBy(session, principal, response), () =>
      session.transport.handleRequest(webRequest(request, response), { parsedBody: body }),
    );
    await answerWith(answer, response);
  }

  /** Another token than the one that the session was opened with can be revoked by itself: what it has open ends with it. */
  function asSentBy({ attached }: LegacySession, principal: Principal, response: ServerResponse): Session {
    if (principal.token !== attached.principal.token) {
      const own = exchange.sessions.attach({ principal, edge: 'mcp', close: () => response.destroy() });
      whenClosed(response, () => exchange.sessions.detach(own));
    }
    return { ...attached, principal };
  }

  return {
    async serve(id, principal, scope, http) {
      const session = sessions.get(id);
      const known =
        session && isSame(session.attached.principal, principal) && scopeKey(session.scope) === scopeKey(scope);
      if (!known) throw new AipError('NOT_FOUND', 'Session not found: it is unknown or has ended; initialize anew.');
      requireBatching(http.body, session.server.getNegotiatedProtocolVersion());
      await handle(session, principal, http);
    },

    async open(principal, scope, http) {
      makeRoom(principal);
      const id = randomUUID();
      const attached = exchange.sessions.attach({ principal, edge: 'mcp', close: () => end(session) });
      const polled: PollingSession['polled'] = new Set();
      const events = forgetAnswered(resumption.storeOf(id, holderKey(principal)), polled);
      const transport = new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: () => id,
        eventStore: events,
        retryInterval: RETRY,
      });
      const client: Client = {
        scope,
        get session() {
          const session = sender.getStore();
          // Never the one who opened it: that would lend rights.
          if (!session) throw new Error('An MCP session acts without a request.');
          return session;
        },
      };
      const server = createServer(edge, client, 'legacy');
      const unsubscribe = scope.kind === 'agent' ? () => {} : serveSubscriptions(server, edge, client);
      const session: LegacySession = { id, attached, scope, server, transport, events, polled, active: 1, seen: now() };
      // At once, so that those who open many at a time are all counted.
      sessions.set(id, session);
      const onclose = (): void => {
        sessions.delete(id);
        unsubscribe();
        resumption.forget(id);
        exchange.sessions.detach(attached);
      };
      try {
        await Object.assign(server, { onclose }).connect(transport);
        takeTaskCalls(transport, server, edge, client);
        await handle(session, principal, http);
      } finally {
        session.active--;
        if (transport.sessionId === undefined) await server.close();
      }
    },

    announce(owner, lists) {
      for (const { scope, server } of sessions.values()) {
        if (edge.directory.concerns(scope, owner)) announce(server, scope, lists);
      }
    },

    async close() {
      clearInterval(sweeper);
      await Promise.all([...sessions.values()].map((session) => session.server.close()));
      sessions.clear();
    },

    get size() {
      return sessions.size;
    },
    get kept() {
      return resumption.size;
    },
  };
}

const isSame = (one: Principal, other: Principal): boolean => holderKey(one) === holderKey(other);
