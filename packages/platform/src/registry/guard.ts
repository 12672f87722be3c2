import { errorBody } from '../kernel/error-body.ts';
import { PASS, type Guard } from '../kernel/guard.ts';
import type { Registry } from './registry.ts';

/** What an agent may do before it has been admitted: knock. */
const DOOR = 'operation:agents.connect';

/** The trust slot: owning a DID is not admission, and nothing reaches what is quarantined or gone. */
export function trustGuard(registry: Pick<Registry, 'get'>): Guard {
  return {
    name: 'trust',
    admit({ principal, target, message }) {
      // Anybody can make a DID, so strangers are counted, not logged one by one.
      if (principal.kind === 'agent' && message.to !== DOOR && !registry.get(principal.id)) {
        return {
          verdict: 'deny',
          error: errorBody(
            'NOT_ADMITTED',
            'This agent has not been admitted; join with a join token, or ask an operator.',
          ),
          record: false,
        };
      }
      if (target.state === 'quarantined')
        return {
          verdict: 'deny',
          error: errorBody(
            'QUARANTINED',
            `${target.ownerName}/${target.name} has changed since it was approved; an operator has to look at it first.`,
          ),
        };
      if (target.state === 'gone')
        return { verdict: 'deny', error: errorBody('UNKNOWN_TARGET', `${target.ownerName} is no longer here.`) };
      return PASS;
    },
  };
}
