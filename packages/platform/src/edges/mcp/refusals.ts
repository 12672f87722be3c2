import type { ServerResponse } from 'node:http';
import { AipError, ERRORS, isJsonObject, toAipError, type Json, type JsonObject } from '@aip/wire';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Principal } from '../../kernel/principal.ts';
import { BODY_LIMIT } from './request-body.ts';
import { asProtocolError, errorResponse } from './results.ts';
import type { HttpExchange } from './sessions.ts';

/*
 * Refusals before any server has seen the request, in the words of JSON-RPC and of HTTP.
 */

const CHALLENGE = 'Bearer realm="aip"';

/** Names what was granted as well as what is missing, or the client would trade one for the other. */
export const insufficientScope = ({ scopes = [] }: Principal, missing: readonly string[]): AipError =>
  new AipError('INSUFFICIENT_SCOPE', `The access token lacks the scope ${missing.join(' ')}.`, {
    details: { scope: [...scopes, ...missing].join(' ') },
  });

/** The response to a request whose id may not be known, or be none. */
export const refusal = (error: AipError, id?: Json): JsonObject =>
  errorResponse(typeof id === 'string' || typeof id === 'number' ? id : null, asProtocolError(error));

const statusOf = (error: AipError): number =>
  error.code === 'CONTENT_TYPE_NOT_SUPPORTED' ? 415 : ERRORS[error.code].http;

/** Answers a request that fastify has, with the challenges of OAuth that go with the error. */
export function refuse(thrown: unknown, { headers }: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = thrown instanceof AipError ? thrown : unreadable(thrown);
  // RFC 6750 section 3.1: who has sent nothing has made no error.
  const fault = headers.authorization === undefined ? '' : ', error="invalid_token"';
  if (error.code === 'UNAUTHENTICATED') void reply.header('www-authenticate', CHALLENGE + fault);
  if (error.code === 'INSUFFICIENT_SCOPE')
    void reply.header(
      'www-authenticate',
      `Bearer error="insufficient_scope", scope="${error.details?.['scope'] as string}"`,
    );
  return reply.code(statusOf(error)).send(refusal(error));
}

/** What the server itself found wrong with the request before anybody read it. */
function unreadable(thrown: unknown): AipError {
  const status = (thrown as { statusCode?: unknown } | null)?.statusCode;
  if (status === 413) return new AipError('PAYLOAD_TOO_LARGE', `The body is larger than ${BODY_LIMIT} bytes.`);
  if (status === 415) return new AipError('CONTENT_TYPE_NOT_SUPPORTED', 'Content-Type must be application/json.');
  if (typeof status === 'number' && status < 500) return new AipError('INVALID_REQUEST', 'The request cannot be read.');
  return toAipError(thrown);
}

/** Answers a request that was taken from fastify, if nothing was answered yet. */
export function refuseRaw({ response, body }: HttpExchange, error: AipError): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  answerJson(response, statusOf(error), refusal(error, isJsonObject(body) ? body['id'] : undefined));
}

export function answerJson(response: ServerResponse, status: number, body: JsonObject): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
