import type { Exchange } from '../exchange/index.ts';
import { expel } from '../exchange/index.ts';

/** A token that is revoked takes along what was opened with it, once its end is durable. */
export function endRevoked(exchange: Exchange): () => void {
  return exchange.journal.follow(['token.revoke'], ({ head, tenant }) =>
    expel(exchange, {
      who: (principal) => principal.tenant === tenant && principal.token === head['id'],
      code: 'UNAUTHENTICATED',
      reason: 'The token of this connection has been revoked.',
    }),
  );
}
