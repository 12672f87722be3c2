/** First pause before a server is tried again, and the longest, in milliseconds. */
const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 30_000;
/** A connection that has held this long starts the pauses anew. */
const STABLE = 30_000;

export interface SupervisionOptions {
  /** Connects, and stays until the connection is lost. */
  readonly hold: () => Promise<void>;
  /**
   * Told that it is not connected any more, or has not been at all: what was thrown, if anything was, and after how many
   * milliseconds it is tried again.
   */
  readonly onLost: (thrown: unknown, retryIn: number) => void;
  /** Ends it. */
  readonly stopping: AbortSignal;
}

export interface Supervision {
  /** Resolves when it has been stopped. */
  readonly ended: Promise<void>;
  /** Tries again at once: what was in the way may be gone. */
  hurry(): void;
}

/** Keeps a server connected: tries again and again, ever more slowly. */
export function supervise({ hold, onLost, stopping }: SupervisionOptions): Supervision {
  let hurried = new AbortController();

  async function run(): Promise<void> {
    let pause = FIRST_PAUSE;
    while (!stopping.aborted) {
      const since = performance.now();
      hurried = new AbortController();
      const thrown: unknown = await hold().then(
        () => undefined,
        (error: unknown) => error,
      );
      if (performance.now() - since > STABLE) pause = FIRST_PAUSE;
      onLost(thrown, pause);
      await sleep(pause, AbortSignal.any([stopping, hurried.signal]));
      // Many servers that fell together do not come back together.
      pause = Math.round(Math.min(LONGEST_PAUSE, pause * 2) * (0.9 + Math.random() / 5));
    }
  }

  return { ended: run(), hurry: () => hurried.abort() };
}

/** Resolves when the signal aborts, too. */
export function sleep(ms: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve(undefined);
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener('abort', finish, { once: true });
    if (signal.aborted) finish();
  });
}
