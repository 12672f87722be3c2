import type { RouteEvent } from '../kernel/task.ts';

/** Pieces of one artifact that arrive within this time are recorded as one, in milliseconds. */
const WINDOW = 50;
/** A coalesced piece is recorded once it is this long, in characters, however fast more arrives. */
const MAX_TEXT = 32 * 1024;

type Output = Extract<RouteEvent, { type: 'output' }>;

/**
 * Joins text pieces that follow each other quickly, so that a token stream costs a few entries a second
 * instead of hundreds. The first piece leaves at once; order is kept.
 */
export async function* coalesce(events: AsyncIterable<RouteEvent>): AsyncIterable<RouteEvent> {
  const source = events[Symbol.asyncIterator]();
  let held: Output | undefined;
  let release = 0;
  let pending: Promise<IteratorResult<RouteEvent>> | undefined;
  try {
    for (;;) {
      pending ??= source.next();
      const next = held ? await within(pending, release - performance.now()) : await pending;
      if (next === LATE) {
        yield held as Output;
        held = undefined;
        continue;
      }
      pending = undefined;
      if (next.done) {
        if (held) yield held;
        return;
      }
      const event = next.value;
      if (held && joins(held, event)) {
        held = joined(held, event as Output);
        if (textLength(held) < MAX_TEXT) continue;
        yield held;
        held = undefined;
        continue;
      }
      if (held) yield held;
      held = undefined;
      const now = performance.now();
      if (event.type === 'output' && event.body.type === 'text' && event.append && now < release) held = event;
      else yield event;
      if (event.type === 'output' && now >= release) release = now + WINDOW;
    }
  } catch (error) {
    // What was said before the failure was said.
    if (held) yield held;
    throw error;
  } finally {
    await source.return?.();
  }
}

const LATE = Symbol('late');

async function within<T>(promise: Promise<T>, ms: number): Promise<T | typeof LATE> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, ms), LATE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

const textLength = (event: Output): number => (event.body.type === 'text' ? event.body.value.length : 0);

const joins = (held: Output, next: RouteEvent): boolean =>
  next.type === 'output' &&
  next.append === true &&
  next.artifactId === held.artifactId &&
  next.body.type === 'text' &&
  held.last !== true;

function joined(held: Output, next: Output): Output {
  const body = { type: 'text', value: `${held.body.value as string}${next.body.value as string}` } as const;
  return { ...held, body, ...(next.last === undefined ? {} : { last: next.last }) };
}
