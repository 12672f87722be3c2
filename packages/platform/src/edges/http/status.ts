import { AipError } from '@aip/wire';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Exchange } from '../../exchange/index.ts';
import { isLoopbackHost } from '../../exchange/origin.ts';
import { callerOf } from './caller.ts';

/** A connected agent, as the public list shows it: no names. Milliseconds since the Unix epoch. */
export interface ConnectedAgent {
  readonly did: string;
  readonly connected: number;
  readonly active: number;
}

export interface StatusOptions {
  readonly version: string;
  /** The gateway's own DID. */
  readonly did: string;
  /** Why it is not ready, as a sentence; undefined while everything that was started is up and the log can be written. */
  unready(): string | undefined;
  /** Prometheus text exposition. */
  metrics(): Promise<string>;
  connectedAgents(): readonly ConnectedAgent[];
}

/** What monitors and agents ask before they know anything: no operation, no entry in the log. */
export function statusRoutes(app: FastifyInstance, exchange: Exchange, options: StatusOptions): void {
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const reason = options.unready();
    if (reason === undefined) return { status: 'ready' };
    return reply.code(503).send({ status: 'not ready', reason });
  });
  app.get('/version', async () => ({ name: 'aip', version: options.version }));

  app.get('/metrics', async (request, reply) => {
    requireLocalOrKnown(exchange, request);
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await options.metrics());
  });

  app.get('/health', (request) => {
    requireLocalOrKnown(exchange, request);
    return {
      status: 'healthy',
      connected_agents: options.connectedAgents().length,
      timestamp: new Date(exchange.clock.now()).toISOString(),
      did: options.did,
    };
  });
  app.get('/agents', (request) => {
    requireLocalOrKnown(exchange, request);
    const agents = options.connectedAgents().map(({ did, connected, active }) => ({
      did,
      connected_at: new Date(connected).toISOString(),
      last_activity: new Date(active).toISOString(),
    }));
    return { agents, count: agents.length };
  });
}

/** Open on this machine. A proxy on it forwards the name of another Host, and then the caller has to say who it is. */
function requireLocalOrKnown(exchange: Exchange, request: FastifyRequest): void {
  const fromHere = /^(?:127\.|::1$|::ffff:127\.)/.test(request.socket.remoteAddress ?? '');
  if (fromHere && isLoopbackHost(request.headers.host)) return;
  if (callerOf(exchange, request).principal.kind !== 'anonymous') return;
  throw new AipError(
    'UNAUTHENTICATED',
    'From another machine this needs a token: send "Authorization: Bearer <token>".',
  );
}
