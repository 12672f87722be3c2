import { AipError, ERRORS, toAipError, type ErrorBody } from '@aip/wire';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Answers any failure as `{ error: { code, message, details?, retryable } }` with the HTTP status of the error table. */
export function sendError(thrown: unknown, reply: FastifyReply): FastifyReply {
  const error = asAipError(thrown);
  if (error.code === 'UNAUTHENTICATED') reply.header('www-authenticate', 'Bearer');
  const wait = error.details?.['retry_after_ms'];
  if (typeof wait === 'number') reply.header('retry-after', Math.ceil(wait / 1000));
  return reply.code(ERRORS[error.code].http).type('application/json').send(errorDocument(error));
}

export const errorDocument = (error: AipError): { error: ErrorBody } => ({ error: error.toJSON() });

/** What fastify itself refuses, in the words of the one error table. */
export function asAipError(thrown: unknown): AipError {
  if (thrown instanceof AipError || !(thrown instanceof Error) || !('statusCode' in thrown)) return toAipError(thrown);
  switch (thrown.statusCode) {
    case 413:
      return new AipError('PAYLOAD_TOO_LARGE', 'The body is larger than the limit of this path.');
    case 415:
      return new AipError('CONTENT_TYPE_NOT_SUPPORTED', 'Send the body as application/json.');
    case 404:
      return new AipError('NOT_FOUND');
    case 503:
      return new AipError('SHUTTING_DOWN');
    default:
      return isClientError(thrown.statusCode) ? new AipError('MALFORMED_MESSAGE', thrown.message) : toAipError(thrown);
  }
}

const isClientError = (status: unknown): boolean => typeof status === 'number' && status >= 400 && status < 500;

export function notFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split('?', 1)[0]?.slice(0, 200);
  const message = `There is nothing at ${request.method} ${path}; /openapi.json lists what there is.`;
  return sendError(new AipError('NOT_FOUND', message), reply);
}
