import type { Writable } from 'node:stream';

/**
 * Calls back once when the other end is gone or has its whole answer. Whoever waits for something before answering may
 * be too late for the event: then it is gone already, and is told so at once.
 *
 * @returns stops it
 */
export function whenClosed(response: Pick<Writable, 'destroyed' | 'once' | 'off'>, then: () => void): () => void {
  if (response.destroyed) then();
  else response.once('close', then);
  return () => void response.off('close', then);
}
