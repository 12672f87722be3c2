import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AipError } from '@aip/wire';
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node';
import type { Server } from '@modelcontextprotocol/server';
import type { Principal } from '../../kernel/principal.ts';
import { announce } from './changes.ts';
import type { ListKind, Scope } from './directory.ts';
import type { Edge } from './edge.ts';
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
}

export const SESSION_LIMITS: SessionLimits = { idle: 30 * 60_000, total: 5_000, perPrincipal: 200 };

/** How long a client that has lost a stream should wait before it takes it up again, in milliseconds. */
const RETRY = 1_000;

/** Sessions of clients that speak 2025-11-25 or older: clients rarely end them, so they end by themselves. */
export interface LegacySessions {
  /** Serves one request of a session. Throws NOT_FOUND for one that is unknown, has ended, or is somebody else's. */
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

interface LegacySession {
  readonly id: string;
  readonly principal: string;
  readonly scope: Scope;
  readonly server: Server;
  readonly transport: NodeStreamableHTTPServerTransport;
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
  function makeRoom(principal: string): void {
    sweep();
    const own = [...sessions.values()].filter((session) => session.principal === principal);
    const idle = own.filter((session) => session.active === 0).toSorted((a, b) => a.seen - b.seen)[0];
    if (own.length >= limits.perPrincipal && idle) end(idle);
    else if (own.length >= limits.perPrincipal || sessions.size >= limits.total) {
      throw new AipError(
        'RATE_LIMITED',
        'Too many MCP sessions are open; end some, or speak 2026-07-28, which needs none.',
      );
    }
  }

  async function handle(session: LegacySession, { request, response, body }: HttpExchange): Promise<void> {
    session.active++;
    session.seen = now();
    response.once('close', () => {
      session.active--;
      session.seen = now();
    });
    await session.transport.handleRequest(request, response, body);
  }

  return {
    async serve(id, principal, scope, http) {
      const session = sessions.get(id);
      const known =
        session?.principal === principal.id &&
        session.scope.kind === scope.kind &&
        ownerOf(session.scope) === ownerOf(scope);
      if (!session || !known)
        throw new AipError('NOT_FOUND', 'Session not found: it is unknown or has ended; initialize anew.');
      await handle(session, http);
    },

    async open(principal, scope, http) {
      makeRoom(principal.id);
      const id = randomUUID();
      const attached = exchange.sessions.attach({ principal, edge: 'mcp', close: () => end(session) });
      const transport = new NodeStreamableHTTPServerTransport({
        sessionIdGenerator: () => id,
        eventStore: resumption.storeOf(id),
        retryInterval: RETRY,
        onsessioninitialized: () => void sessions.set(id, session),
      });
      const client = { session: attached, scope };
      const server = createServer(edge, client, 'legacy');
      const unsubscribe = scope.kind === 'agent' ? () => {} : serveSubscriptions(server, edge, client);
      const session: LegacySession = { id, principal: principal.id, scope, server, transport, active: 0, seen: now() };
      const onclose = (): void => {
        sessions.delete(id);
        unsubscribe();
        resumption.forget(id);
        exchange.sessions.detach(attached);
      };
      await Object.assign(server, { onclose }).connect(transport);
      await handle(session, http);
      if (!sessions.has(id)) await server.close();
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

const ownerOf = (scope: Scope): string | undefined => (scope.kind === 'all' ? undefined : scope.owner);
