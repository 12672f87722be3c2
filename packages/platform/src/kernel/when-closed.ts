import type { Writable } from 'node:stream';

type Response = Pick<Writable, 'destroyed' | 'once' | 'off'>;

/**
 * Calls back once when the other end is gone or has its whole answer. Whoever waits for something before answering may
 * be too late for the event: then it is gone already, and is told so at once.
 *
 * @returns stops it
 */
export function whenClosed(response: Response, then: () => void): () => void {
  if (response.destroyed) then();
  else response.once('close', then);
  return () => void response.off('close', then);
}

/** Made once: the one that an abort makes by itself comes with a stack trace, for every request. */
const OVER = new DOMException('The request is over.', 'AbortError');

/** The reason of a wait that ends while the other end is still there, since the platform stops. */
export const STOPPED = new DOMException('The platform is shutting down.', 'AbortError');

/**
 * The same as a signal, for what is done before there is an answer.
 *
 * @param whenDrained aborts it with {@link STOPPED}, in time for an answer that says so
 */
export function closing(response: Response, whenDrained?: (tell: () => void) => () => void): AbortSignal {
  const controller = new AbortController();
  const forget = whenDrained?.(() => controller.abort(STOPPED));
  whenClosed(response, () => {
    forget?.();
    controller.abort(OVER);
  });
  return controller.signal;
}
