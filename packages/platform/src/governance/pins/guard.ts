import { errorBody } from '../../kernel/error-body.ts';
import { PASS, type Guard } from '../../kernel/guard.ts';
import type { PinBook } from './book.ts';

/**
 * Nothing reaches a tool that is quarantined: {@link PinBook.vet} has found it, and an operator has to decide, or has
 * decided already.
 */
export const pinGuard = (pins: Pick<PinBook, 'rejected'>): Guard => ({
  name: 'pins',
  admit({ target }) {
    if (target.state !== 'quarantined') return PASS;
    const why = pins.rejected(target.owner, target.name)
      ? 'was rejected by an operator; it may not be called until one pins it.'
      : 'is quarantined: it is not what was agreed to; an operator has to look at it first.';
    return { verdict: 'deny', error: errorBody('QUARANTINED', `${target.ownerName}/${target.name} ${why}`) };
  },
});
