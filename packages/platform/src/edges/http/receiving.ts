import { AipError } from '@aip/wire';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isRecognised, recognise, type Exchange } from '../../exchange/index.ts';
import { createShares } from '../../kernel/shares.ts';
import { whenClosed } from '../../kernel/when-closed.ts';
import { callerOf } from './caller.ts';

/** Bytes of bodies that are being received. */
const RECEIVED = { of: 'bytes of requests are being received', total: 512 * 1024 * 1024, each: 64 * 1024 * 1024 };
/** Bytes that a body may have whoever sends it: a login code, or a message to be told that a token is needed. */
const SMALL = 16 * 1024;
/** Bytes that are counted for one that does not say how many it has: what any edge takes. */
const LARGEST = 4 * 1024 * 1024;

/**
 * Asks who sends a request before its body is kept, for every edge that is mounted after it: strangers send little, and
 * nobody fills the memory with bodies that do not end.
 */
export function receiveBodies(app: FastifyInstance, exchange: Exchange): void {
  const shares = createShares(RECEIVED);
  const receiving = new WeakMap<FastifyRequest, () => void>();

  app.addHook('onRequest', async (request) => {
    const { socket } = request.raw;
    if (!isRecognised(socket) && isKnown(exchange, request)) recognise(socket);
  });
  app.addHook('onRequest', async (request, reply) => {
    const amount = sizeOf(request);
    if (amount <= SMALL) return;
    const { principal } = callerOf(exchange, request);
    if (principal.kind === 'anonymous')
      throw new AipError('UNAUTHENTICATED', 'Send "Authorization: Bearer <token>"; without one, bodies are small.');
    const received = shares.take(principal, { amount });
    receiving.set(request, received);
    whenClosed(reply.raw, received);
  });
  app.addHook('preValidation', async (request) => receiving.get(request)?.());
}

/** Whether a request says who sends it. What is wrong with it otherwise is said where it is answered. */
function isKnown(exchange: Exchange, request: FastifyRequest): boolean {
  try {
    return callerOf(exchange, request).principal.kind !== 'anonymous';
  } catch {
    return false;
  }
}

function sizeOf({ headers }: FastifyRequest): number {
  if (headers['transfer-encoding'] !== undefined) return LARGEST;
  return Math.min(LARGEST, Number(headers['content-length'] ?? 0));
}
