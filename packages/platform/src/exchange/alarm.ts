/** The longest delay that a timer takes, in milliseconds: about 25 days. */
const LONGEST = 2 ** 31 - 1;

/** Calls `ring` after `delay` milliseconds, however many they are. The returned function prevents it. */
export function alarm(delay: number, ring: () => void): () => void {
  let left = Math.max(0, delay);
  let timer: NodeJS.Timeout;
  function wait(): void {
    const step = Math.min(left, LONGEST);
    left -= step;
    timer = setTimeout(left > 0 ? wait : ring, step).unref();
  }
  wait();
  return () => clearTimeout(timer);
}
