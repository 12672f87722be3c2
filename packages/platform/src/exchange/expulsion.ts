import type { Principal } from '../kernel/principal.ts';
import type { Exchange } from './exchange.ts';

/** Whose connections are closed, and why. */
export interface Closing {
  /** Whether a principal is meant; asked of everybody in a delegation chain. */
  readonly who: (principal: Principal) => boolean;
  /** A code of the error table, and a sentence. */
  readonly code: string;
  readonly reason: string;
}

/** Somebody who may no longer be here. */
export interface Expulsion extends Closing {
  /** Whose assignments end as well: an agent's DID. */
  readonly assignee?: string;
}

const involves = (who: Closing['who'], principal: Principal): boolean =>
  who(principal) || (principal.onBehalfOf !== undefined && involves(who, principal.onBehalfOf));

/**
 * Ends what somebody has open: what it has sent or works on is canceled as `revoked`, tasks on record, and its
 * connections are closed; in this order, so that who works on a task is still told.
 */
export function expel(exchange: Exchange, { assignee, ...closing }: Expulsion): void {
  exchange.cancelAll(
    ({ message, target }) => involves(closing.who, message.from) || target.owner === assignee,
    'revoked',
  );
  closeSessions(exchange, closing);
}

/** Closes connections and leaves what was accepted alone: whoever opens another is known as what they are by then. */
export function closeSessions(exchange: Exchange, { who, code, reason }: Closing): void {
  for (const session of Array.from(exchange.sessions.all()))
    if (involves(who, session.principal)) session.close(code, reason);
}
