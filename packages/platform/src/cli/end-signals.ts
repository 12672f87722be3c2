import type { EventEmitter } from 'node:events';

/** Signals that come this soon after the first are the same wish, in milliseconds. */
const SAME_WISH = 1_000;

interface Ending extends Pick<EventEmitter, 'on'> {
  exit(code: number): void;
}

/**
 * Resolves when the process is asked to end, by Ctrl-C or SIGTERM. One Ctrl-C can arrive several times: a terminal sends it to
 * every process in front of it, and npm, or whoever else has started this one, passes it on. Who asks again later does not
 * want to wait: then the process ends at once, with the exit code that shells give to the signal.
 */
export function askedToEnd(process: Ending, now: () => number = () => performance.now()): Promise<void> {
  return new Promise((resolve) => {
    let first: number | undefined;
    const ask = (code: number) => () => {
      first ??= now();
      if (now() - first > SAME_WISH) process.exit(code);
      resolve();
    };
    process.on('SIGINT', ask(130));
    process.on('SIGTERM', ask(143));
  });
}
