import { toErrorBody } from '../kernel/error-body.ts';
import type { RouteEvent } from '../kernel/task.ts';

/** Events of one turn at most; whoever has more to say is a stream. */
const MAX_EVENTS = 64;

/** What a route has said before the event loop turned. */
export interface FirstTurn {
  /** Whether that was all of it. */
  readonly ended: boolean;
  readonly events: readonly RouteEvent[];
  /** The same delivery from its beginning on, for whoever goes on with it. */
  readonly all: () => AsyncIterable<RouteEvent>;
}

const TURNED = Symbol('turned');

/** Follows a delivery until it ends or the event loop turns, whichever comes first. */
export async function firstTurn(delivery: AsyncIterable<RouteEvent>): Promise<FirstTurn> {
  const source = delivery[Symbol.asyncIterator]();
  const events: RouteEvent[] = [];
  const { promise: turned, resolve: turn } = Promise.withResolvers<typeof TURNED>();
  const timer = setImmediate(turn, TURNED);
  let next = source.next();

  async function* all(): AsyncIterable<RouteEvent> {
    try {
      yield* events;
      for (let step = await next; !step.done; step = await source.next()) yield step.value;
    } finally {
      await source.return?.();
    }
  }

  try {
    while (events.length < MAX_EVENTS) {
      const step = await Promise.race([next, turned]);
      if (step === TURNED) break;
      if (step.done) return { ended: false, events, all };
      events.push(step.value);
      if (step.value.type === 'done' || step.value.type === 'failed') {
        await source.return?.();
        return { ended: true, events, all };
      }
      next = source.next();
    }
  } catch (error) {
    // Nothing has happened outside: a read that breaks is a read that failed.
    events.push({ type: 'failed', error: toErrorBody(error), effect: 'none' });
    return { ended: true, events, all };
  } finally {
    clearImmediate(timer);
  }
  // Its failure is for whoever goes on.
  next.catch(() => {});
  return { ended: false, events, all };
}
