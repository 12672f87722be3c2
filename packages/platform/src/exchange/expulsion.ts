import type { Principal } from '../kernel/principal.ts';
import type { Exchange } from './exchange.ts';

/** Somebody who may no longer be here. */
export interface Expulsion {
  /** Whether a principal is meant; asked of everybody in a delegation chain. */
  readonly who: (principal: Principal) => boolean;
  /** Whose assignments end as well: an agent's DID. */
  readonly assignee?: string;
  /** Why connections are closed: a code of the error table, and a sentence. */
  readonly code: string;
  readonly reason: string;
}

/**
 * Ends what somebody has open: what it has sent or works on is canceled as `revoked`, tasks on record, and its
 * connections are closed; in this order, so that who works on a task is still told.
 */
export function expel(exchange: Exchange, { who, assignee, code, reason }: Expulsion): void {
  const involves = (principal: Principal): boolean =>
    who(principal) || (principal.onBehalfOf !== undefined && involves(principal.onBehalfOf));
  exchange.cancelAll(({ message, target }) => involves(message.from) || target.owner === assignee, 'revoked');
  for (const session of Array.from(exchange.sessions.all()))
    if (involves(session.principal)) session.close(code, reason);
}
