import { parseJson } from '@aip/wire';
import type { FastifyInstance } from 'fastify';
import type { Exchange } from '../../exchange/index.ts';
import { dashboardRoutes, loginRoutes, type DashboardOptions } from './dashboard.ts';
import { invokeRoute } from './invoke.ts';
import { liveFeedRoute } from './live-feed.ts';
import { openApiDocument } from './openapi.ts';
import { operationRoutes } from './operations.ts';
import { createEventStreams } from './sse.ts';
import { statusRoutes, type StatusOptions } from './status.ts';
import { taskEventRoute } from './tasks.ts';

export { isDashboardBuilt } from './dashboard.ts';
export { protectResources } from './protected-resource.ts';
export { receiveBodies } from './receiving.ts';
export { createHttpServer, type HttpServerOptions } from './server.ts';
export { statusRoutes, type StatusOptions } from './status.ts';

export type HttpEdgeOptions = StatusOptions &
  DashboardOptions & {
    /** Origin under which others reach this server; without it they know best themselves. */
    readonly publicUrl?: string | undefined;
  };

/** The HTTP edge: operations, calls and streams under `/v1`, the dashboard at `/ui`, and what monitors ask. */
export function registerHttpEdge(app: FastifyInstance, exchange: Exchange, options: HttpEdgeOptions): void {
  const streams = createEventStreams(exchange);
  app.addHook('preClose', async () => streams.closeAll());

  app.register(async (edge) => {
    // Our own parser: it refuses what two parsers could read differently.
    edge.removeAllContentTypeParsers();
    edge.addContentTypeParser<Buffer>(
      'application/json',
      { parseAs: 'buffer' },
      async (_request: unknown, body: Buffer) => (body.length === 0 ? undefined : parseJson(body)),
    );
    edge.addHook('onRequest', async (request, reply) => {
      if (request.url.startsWith('/v1/')) reply.header('cache-control', 'no-store');
    });
    statusRoutes(edge, exchange, options);
    operationRoutes(edge, exchange);
    invokeRoute(edge, exchange, streams);
    taskEventRoute(edge, exchange, streams);
    liveFeedRoute(edge, exchange, streams);
    loginRoutes(edge, options);
    edge.get('/openapi.json', async () =>
      openApiDocument(exchange.catalogue.list({ kind: 'operation' }), options.version, options.publicUrl),
    );
    await dashboardRoutes(edge, options);
  });
}
