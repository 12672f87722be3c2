import type { RouteEvent } from '../../../kernel/task.ts';

/** Events that wait to be taken; what is only information is dropped beyond that. */
const MAX_WAITING = 256;

/** Turns events that arrive by callback into the stream that a route yields. */
export interface EventChannel {
  push(event: RouteEvent): void;
  events(): AsyncIterable<RouteEvent>;
}

/** The stream ends with the first `done` or `failed`. */
export function eventChannel(): EventChannel {
  const waiting: RouteEvent[] = [];
  let wake: (() => void) | undefined;
  return {
    push(event) {
      if (waiting.length >= MAX_WAITING && (event.type === 'progress' || event.type === 'log')) return;
      waiting.push(event);
      wake?.();
    },
    async *events() {
      for (;;) {
        const event = waiting.shift();
        if (!event) {
          await new Promise<void>((resolve) => (wake = resolve));
          continue;
        }
        yield event;
        if (event.type === 'done' || event.type === 'failed') return;
      }
    },
  };
}
