import type { Socket } from 'node:net';
import { AipError } from '@aip/wire';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { originAllowed } from '../../exchange/origin.ts';
import { boundConnections } from './connections.ts';
import { asAipError, errorDocument, notFound, sendError } from './errors.ts';

/** Largest accepted request body in bytes, unless a path says otherwise. */
const BODY_LIMIT = 1024 * 1024;
/** Milliseconds until the whole of a request has arrived, its headers alone, and between two looks for those that are late. */
const ARRIVAL = { request: 30_000, headers: 10_000, check: 2_000 };
/** Milliseconds that connections may take to end by themselves when the server closes. */
const CLOSE_GRACE = 1_000;

export interface HttpServerOptions {
  /** Host names (any port) or `host:port` pairs that are answered beside the loopback names. */
  readonly hosts: readonly string[];
  /** Told about failures that the caller only sees as INTERNAL_ERROR. */
  readonly log?: (level: 'error', message: string, fields: Record<string, unknown>) => void;
}

/**
 * The one HTTP server that every edge mounts on: limits on time and size, the Host and Origin check, errors as
 * JSON, and a close that ends in less than five seconds whatever is still connected.
 */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const app: FastifyInstance = fastify({
    bodyLimit: BODY_LIMIT,
    /** To receive a whole request; an answer may take as long as it needs (streams). */
    requestTimeout: ARRIVAL.request,
    keepAliveTimeout: 65_000,
    http: {
      headersTimeout: ARRIVAL.headers,
      connectionsCheckingInterval: ARRIVAL.check,
      maxHeaderSize: 16 * 1024,
    },
    forceCloseConnections: 'idle',
    // Agents are named by DID in paths, and DIDs are long.
    routerOptions: { maxParamLength: 1024 },
    rewriteUrl: ({ url = '/' }) => (url.startsWith('/') ? url : originForm(url)),
    frameworkErrors: (error, _request, reply) => void sendError(error, reply),
    clientErrorHandler: answerUnparsable,
  });

  function answerError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const error = asAipError(thrown);
    if (error.code === 'INTERNAL_ERROR')
      options.log?.('error', 'a request failed', {
        method: request.method,
        path: request.routeOptions.url,
        cause: error.cause ?? error,
      });
    return sendError(error, reply);
  }

  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
    const refusal = originAllowed(request.headers, options.hosts);
    if (refusal) throw refusal;
  });
  boundConnections(app.server);
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(notFound);
  app.addHook('preClose', async () => {
    const timer = setTimeout(() => app.server.closeAllConnections(), CLOSE_GRACE);
    app.server.once('close', () => clearTimeout(timer));
  });
  return app;
}

/** A whole URL as the target of a request (RFC 9112 section 3.2.2) is its path here: Host says where it goes, and is checked. */
const originForm = (target: string): string => target.replace(/^https?:\/\/[^/?#]*\/?/i, '/');

/** Bytes that are not HTTP, or headers beyond the limit: there is no request, so the answer is written by hand. */
function answerUnparsable(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const tooLarge = error.code === 'HPE_HEADER_OVERFLOW';
  const status = tooLarge ? '431 Request Header Fields Too Large' : '400 Bad Request';
  const failure = new AipError(
    tooLarge ? 'PAYLOAD_TOO_LARGE' : 'MALFORMED_MESSAGE',
    tooLarge ? 'The headers are too large.' : 'This is not HTTP.',
  );
  const body = JSON.stringify(errorDocument(failure));
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
