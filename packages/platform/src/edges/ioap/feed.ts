/** What one side pushes and the other side awaits. Ends after `end`, once everything has been taken. */
export interface Feed<T> extends AsyncIterable<T> {
  push(item: T): void;
  end(): void;
}

const FULL = 64;

/** @param hold called when the feed is full; the function it returns when it has run dry again */
export function createFeed<T>(hold: () => () => void): Feed<T> {
  const items: T[] = [];
  let ended = false;
  let wake: (() => void) | undefined;
  let release: (() => void) | undefined;

  function letGo(): void {
    release?.();
    release = undefined;
  }

  async function* take(): AsyncGenerator<T> {
    try {
      for (;;) {
        while (items.length > 0) yield items.shift() as T;
        letGo();
        if (ended) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      ended = true;
      letGo();
    }
  }

  return {
    push(item) {
      if (ended) return;
      items.push(item);
      if (items.length >= FULL) release ??= hold();
      wake?.();
    },
    end() {
      ended = true;
      wake?.();
    },
    [Symbol.asyncIterator]: take,
  };
}
