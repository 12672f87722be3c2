import { argumentsOf } from '../kernel/body.ts';
import { errorBody } from '../kernel/error-body.ts';
import { PASS, type Crossing, type Guard, type GuardVerdict } from '../kernel/guard.ts';
import type { Door } from './door.ts';
import type { Registry } from './registry.ts';

/** What an agent may do before it has been admitted: come to the door. */
const DOOR = 'operation:agents.connect';

/** Part of the trust slot: owning a DID is not admission, and nothing reaches who has gone. */
export function trustGuard(registry: Pick<Registry, 'get'>, door: Pick<Door, 'opens' | 'knock'>): Guard {
  /** Anybody can make a DID, so strangers are counted, not logged one by one; a first knock is kept for operators. */
  function turnAway({ principal, message }: Crossing): GuardVerdict {
    const { join_token: token, name } = message.to === DOOR ? argumentsOf(message.body) : {};
    if (typeof token === 'string' && door.opens(principal, token)) return PASS;
    const knocks = message.to === DOOR && token === undefined;
    const known = typeof name === 'string' ? name.slice(0, 63) : principal.id.slice(-8);
    const why =
      token === undefined
        ? `Join with a join token ("aip agent create"), or ask an operator to run "aip agent admit ${principal.id}".`
        : 'This join token has been used or has expired; ask an operator for a new one.';
    return {
      verdict: 'deny',
      error: errorBody('NOT_ADMITTED', `${principal.id} is not admitted. ${why}`),
      record: knocks && door.knock(principal, known, message.address),
    };
  }

  return {
    name: 'trust',
    admit(crossing) {
      const { principal, target } = crossing;
      const isStranger = principal.kind === 'agent' && !registry.get(principal.id);
      if (isStranger) {
        const verdict = turnAway(crossing);
        if (verdict.verdict !== 'pass') return verdict;
      }
      if (target.state === 'gone')
        return { verdict: 'deny', error: errorBody('UNKNOWN_TARGET', `${target.ownerName} is no longer here.`) };
      return PASS;
    },
  };
}
