import type { TaskEvent } from '../kernel/task.ts';
import { isTerminal } from '../kernel/task.ts';

/** Events kept in memory per task; older ones are read from the log. */
const KEPT = 1_000;
/** The same in characters of JSON. */
const KEPT_LENGTH = 4 * 1024 * 1024;

/** A task's durable events, for any number of followers, each from the number it names. */
export interface TaskStream {
  push(event: TaskEvent): void;
  /** Events above `after`, then live ones; ends with the terminal event, or when `signal` says that nobody listens. */
  follow(after: number, signal?: AbortSignal): AsyncIterable<TaskEvent>;
  /** Resolves with the terminal event. */
  readonly ended: Promise<TaskEvent>;
  readonly last: TaskEvent | undefined;
}

export function createTaskStream(older: (after: number) => TaskEvent[]): TaskStream {
  let kept: TaskEvent[] = [];
  let length = 0;
  let last: TaskEvent | undefined;
  const wakers = new Set<() => void>();
  const { promise: ended, resolve: end } = Promise.withResolvers<TaskEvent>();

  async function* follow(after: number, signal?: AbortSignal): AsyncIterable<TaskEvent> {
    let position = after;
    for (;;) {
      if (signal?.aborted) return;
      const first = kept[0];
      const missed = first === undefined || first.n > position + 1;
      const batch =
        missed && (last === undefined || last.n > position || first === undefined)
          ? older(position)
          : kept.filter((event) => event.n > position);
      for (const event of batch) {
        // The log may already be ahead of what has been announced; nothing is yielded twice.
        if (event.n <= position) continue;
        position = event.n;
        yield event;
        if (isTerminal(event.state)) return;
      }
      if (last !== undefined && last.n > position) continue;
      if (last !== undefined && isTerminal(last.state)) return;
      await grown(signal);
    }
  }

  /** Resolves with the next event, or when nobody waits for it any more. */
  function grown(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        wakers.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      wakers.add(wake);
      signal?.addEventListener('abort', wake);
    });
  }

  function keep(event: TaskEvent): void {
    kept.push(event);
    // Nothing follows the end, and most tasks have little else.
    if (!isTerminal(event.state)) length += JSON.stringify(event).length;
    if (kept.length > KEPT) kept = kept.slice(-KEPT / 2);
    if (length <= KEPT_LENGTH) return;
    kept = [event];
    length = 0;
  }

  return {
    push(event) {
      keep(event);
      last = event;
      if (isTerminal(event.state)) end(event);
      const waiting = [...wakers];
      wakers.clear();
      for (const wake of waiting) wake();
    },
    follow,
    ended,
    get last() {
      return last;
    },
  };
}
