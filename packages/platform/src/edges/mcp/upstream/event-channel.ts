import type { RouteEvent } from '../../../kernel/task.ts';

/** Progress and logs of one call: so many at once, then so many a second. Each is recorded, so a flood is thinned out. */
const BURST = 100;
const PER_SECOND = 20;

/** Turns events that arrive by callback into the stream that a route yields. */
export interface EventChannel {
  push(event: RouteEvent): void;
  events(): AsyncIterable<RouteEvent>;
}

/** The stream ends with the first `done` or `failed`. */
export function eventChannel(): EventChannel {
  const waiting: RouteEvent[] = [];
  let wake: (() => void) | undefined;
  let allowed = BURST;
  let since = performance.now();

  function exceeds(): boolean {
    const now = performance.now();
    allowed = Math.min(BURST, allowed + ((now - since) / 1000) * PER_SECOND);
    since = now;
    if (allowed < 1) return true;
    allowed--;
    return false;
  }

  return {
    push(event) {
      if ((event.type === 'progress' || event.type === 'log') && exceeds()) return;
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
