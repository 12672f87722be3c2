import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AipError } from '@aip/wire';
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node';
import { isJSONRPCRequest, type EventStore, type JSONRPCMessage, type Server } from '@modelcontextprotocol/server';
import type { Principal } from '../../kernel/principal.ts';
import { whenClosed } from '../../kernel/when-closed.ts';
import { announce } from './changes.ts';
import type { ListKind, Scope } from './directory.ts';
import type { Edge } from './edge.ts';
import { takeTaskCalls } from './legacy-tasks.ts';
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

/** The first revision whose clients are told at the beginning of a stream where to take it up again (2025-11-25, transports). */
const POLLING = '2025-11-25';
/** Calls of one session whose clients poll. */
const MAX_POLLED = 256;

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
  /** What its clients can take up again. */
  readonly events: EventStore;
  /** Requests whose streams were closed early, the latest of them. */
  readonly polled: Set<string | number>;
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

  async function handle(session: LegacySession, http: HttpExchange): Promise<void> {
    const { request, response, body } = http;
    session.active++;
    session.seen = now();
    const closing = setTimeout(() => void letPoll(session, http).catch(() => {}), limits.stream).unref();
    whenClosed(response, () => {
      clearTimeout(closing);
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
      const events = resumption.storeOf(id);
      const transport = new NodeStreamableHTTPServerTransport({
        sessionIdGenerator: () => id,
        eventStore: events,
        retryInterval: RETRY,
        onsessioninitialized: () => void sessions.set(id, session),
      });
      const client = { session: attached, scope };
      const server = createServer(edge, client, 'legacy');
      const unsubscribe = scope.kind === 'agent' ? () => {} : serveSubscriptions(server, edge, client);
      const session: LegacySession = {
        id,
        principal: principal.id,
        scope,
        server,
        transport,
        events,
        polled: new Set(),
        active: 0,
        seen: now(),
      };
      const onclose = (): void => {
        sessions.delete(id);
        unsubscribe();
        resumption.forget(id);
        exchange.sessions.detach(attached);
      };
      await Object.assign(server, { onclose }).connect(transport);
      takeTaskCalls(transport, server, edge, client);
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

/** Closes the streams of calls that go on: nothing is lost, their clients take them up again (SEP-1699). */
async function letPoll({ transport, polled, events }: LegacySession, { request, response, body }: HttpExchange) {
  const { 'mcp-protocol-version': version, 'last-event-id': last } = request.headers;
  if (typeof version !== 'string' || version < POLLING) return;
  for (const message of Array.isArray(body) ? body : [body])
    if (isJSONRPCRequest(message) && polled.size < MAX_POLLED) polled.add(message.id);
  // A stream that was taken up again has said nothing of where it could be taken up once more.
  const stream = typeof last === 'string' ? await events.getStreamIdForEventId?.(last) : undefined;
  if (stream !== undefined) response.write(`id: ${await events.storeEvent(stream, NOTHING)}\ndata: \n\n`);
  for (const id of polled) transport.closeSSEStream(id);
}

/** Is kept for its number alone, and not sent again. */
const NOTHING = {} as JSONRPCMessage;

const ownerOf = (scope: Scope): string | undefined => (scope.kind === 'all' ? undefined : scope.owner);
