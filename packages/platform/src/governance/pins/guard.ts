import { errorBody } from '../../kernel/error-body.ts';
import { PASS, type Guard } from '../../kernel/guard.ts';

/** Nothing reaches a tool that is quarantined: {@link PinBook.vet} has found it, and an operator has to decide. */
export const pinGuard: Guard = {
  name: 'pins',
  admit({ target }) {
    if (target.state !== 'quarantined') return PASS;
    const error = errorBody(
      'QUARANTINED',
      `${target.ownerName}/${target.name} is quarantined: it is not what was agreed to; an operator has to look at it first.`,
    );
    return { verdict: 'deny', error };
  },
};
