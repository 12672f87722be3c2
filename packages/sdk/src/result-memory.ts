/** Results kept, and the characters they may have together. */
const MAX_RESULTS = 1_000;
const MAX_CHARS = 16 * 1024 * 1024;

/** What has been worked out lately, by idempotency key: asked again, it is answered again without being done twice. */
export interface ResultMemory<R> {
  get(key: string): R | undefined;
  /** @param size of the result, in characters */
  set(key: string, result: R, size: number): void;
}

export function createResultMemory<R>(maxResults: number = MAX_RESULTS, maxChars: number = MAX_CHARS): ResultMemory<R> {
  const results = new Map<string, { result: R; size: number }>();
  let total = 0;

  function drop(key: string): void {
    total -= results.get(key)?.size ?? 0;
    results.delete(key);
  }

  return {
    get: (key) => results.get(key)?.result,
    set(key, result, size) {
      drop(key);
      results.set(key, { result, size });
      total += size;
      // A Map keeps the order of insertion, so the first one is the oldest; the newest always stays.
      for (const oldest of results.keys()) {
        if (results.size <= 1 || (results.size <= maxResults && total <= maxChars)) return;
        drop(oldest);
      }
    },
  };
}
