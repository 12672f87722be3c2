import { createInterface } from 'node:readline';

/** Resolves when somebody presses Enter; never, where nobody can. */
export function enterPressed(signal: AbortSignal): Promise<'enter'> {
  if (!process.stdin.isTTY) return new Promise(() => {});
  return new Promise((resolve) => {
    const lines = createInterface({ input: process.stdin });
    lines.once('line', () => {
      lines.close();
      resolve('enter');
    });
    signal.addEventListener('abort', () => lines.close(), { once: true });
  });
}
