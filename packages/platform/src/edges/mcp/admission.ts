import { AipError } from '@aip/wire';
import type { FastifyInstance } from 'fastify';
import { bindCaller, credentialOf, type Exchange } from '../../exchange/index.ts';
import { createUnread } from './unread.ts';

/**
 * Who may send a request at all, asked before anything of its body is kept: whoever is known, and reads what it is
 * answered. Nothing here is for strangers, so they are told at once that a token is needed.
 */
export function admitCallers(endpoint: FastifyInstance, exchange: Exchange): void {
  const unread = createUnread();
  endpoint.addHook('onRequest', async (request, reply) => {
    const principal = exchange.authenticate(credentialOf(request.raw));
    if (principal.kind === 'anonymous') throw new AipError('UNAUTHENTICATED', 'Send "Authorization: Bearer <token>".');
    bindCaller(request.raw, principal);
    unread.watch(principal, reply.raw);
  });
}
