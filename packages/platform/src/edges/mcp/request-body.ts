import { AipError, isJsonObject, parseJson, type Json, type JsonObject } from '@aip/wire';
import { isJsonContentType } from '@modelcontextprotocol/server';
import type { FastifyRequest } from 'fastify';

/** Largest request body, in bytes: tools that write files take their content as an argument. */
export const BODY_LIMIT = 4 * 1024 * 1024;
/** The only revision with batches; 2025-06-18 has taken them away again. */
const BATCHING = '2025-03-26';
/** Messages in one of them. */
const MAX_BATCH = 16;

/** Throws CONTENT_TYPE_NOT_SUPPORTED, and what parsing throws. */
export function parseBody(request: FastifyRequest): Json {
  if (!isJsonContentType(request.headers['content-type'] ?? null)) {
    throw new AipError('CONTENT_TYPE_NOT_SUPPORTED', 'Content-Type must be application/json.');
  }
  return parseJson(request.body instanceof Buffer ? request.body : '', { maxBytes: BODY_LIMIT });
}

/** The messages of a body: one, or those of a batch. */
export const messagesIn = (body: Json | undefined): JsonObject[] => [body].flat().filter(isJsonObject);

/** Throws INVALID_REQUEST for several messages in one body where that is not spoken, or for too many of them. */
export function requireBatching(body: unknown, version: string | readonly string[] | undefined): void {
  if (!Array.isArray(body)) return;
  if (version !== BATCHING)
    throw new AipError('INVALID_REQUEST', `Only ${BATCHING} has batches; send each message by itself.`);
  if (body.length > MAX_BATCH) throw new AipError('INVALID_REQUEST', `A batch holds at most ${MAX_BATCH} messages.`);
}
