import { AipError } from '@aip/wire';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Exchange } from '../../exchange/index.ts';
import { cardHandler, type CardOptions } from './card-endpoint.ts';
import { httpFailure, mountHttpJson } from './http-json.ts';
import { jsonRpcFailure, jsonRpcHandler } from './json-rpc.ts';
import { MEDIA_TYPE } from './protocol.ts';
import { createA2aService } from './service.ts';
import { createStreams } from './sse.ts';

export type { CardOptions } from './card-endpoint.ts';
export { connectRemoteAgent, type RemoteConnection } from './remote-agent.ts';

/** Largest request body in bytes. */
const BODY_LIMIT = 1024 * 1024;

/**
 * A2A 1.0 on a fastify server: every agent at `/a2a/{DID or name}`, the gateway itself at `/a2a`, each with both
 * HTTP bindings and a signed card. Host and Origin are checked by the server's own hook.
 */
export function registerA2aEdge(app: FastifyInstance, exchange: Exchange, options: CardOptions): void {
  void app.register((scope, _options, done) => {
    const service = createA2aService(exchange);
    const streamEvents = createStreams(exchange);
    const rpc = jsonRpcHandler(exchange, service, streamEvents);
    const card = cardHandler(exchange, options);

    scope.removeAllContentTypeParsers();
    // The bytes are parsed once, by the binding, so that it can answer in its own words.
    const keep = (_request: FastifyRequest, body: Buffer, parsed: (error: null, body: Buffer) => void): void =>
      parsed(null, body);
    scope.addContentTypeParser(['application/json', MEDIA_TYPE], { parseAs: 'buffer', bodyLimit: BODY_LIMIT }, keep);
    scope.setErrorHandler((error: FastifyError, request, reply) => unread(error, request, reply));

    scope.get('/.well-known/agent-card.json', card);
    for (const prefix of ['/a2a', '/a2a/:agent']) {
      scope.post(prefix, rpc);
      scope.get(prefix, card);
      scope.get(`${prefix}/.well-known/agent-card.json`, card);
      mountHttpJson(scope, prefix, exchange, service, streamEvents);
    }
    done();
  });
}

/** Requests that fastify refuses before a handler sees them. */
function unread(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const isRpc = request.method === 'POST' && /^\/a2a(?:\/[^/]*)?$/.test(request.routeOptions.url ?? '');
  return (isRpc ? jsonRpcFailure : httpFailure)(reply, refusalOf(error));
}

function refusalOf(error: FastifyError): unknown {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new AipError('PAYLOAD_TOO_LARGE', `The body is larger than ${BODY_LIMIT} bytes.`);
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return new AipError('CONTENT_TYPE_NOT_SUPPORTED', `Content-Type: expected application/json or ${MEDIA_TYPE}.`);
  return typeof error.statusCode === 'number' && error.statusCode < 500
    ? new AipError('INVALID_REQUEST', error.message)
    : error;
}
