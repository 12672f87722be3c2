/** Windows kept; the least recently used leaves first. */
const MAX_WINDOWS = 50_000;

/** Counts uses per key in fixed windows: what `@rate` asks for. */
export interface RateWindows {
  /** Counts one use; returns 0, or the milliseconds to wait when the limit has been reached. */
  use(key: string, limit: number, windowMs: number): number;
}

export function createRateWindows(now: () => number): RateWindows {
  const windows = new Map<string, { until: number; used: number }>();
  return {
    use(key, limit, windowMs) {
      const known = windows.get(key);
      const open = known !== undefined && known.until > now() ? known : { until: now() + windowMs, used: 0 };
      if (open.used >= limit) return open.until - now();
      open.used++;
      windows.delete(key);
      if (windows.size >= MAX_WINDOWS) windows.delete(windows.keys().next().value as string);
      windows.set(key, open);
      return 0;
    },
  };
}
