import { createRecentMap } from '../../kernel/recent-map.ts';

/** Windows kept; the least recently used leaves first. */
const MAX_WINDOWS = 50_000;

/** Counts uses per key in fixed windows: what `@rate` asks for. */
export interface RateWindows {
  /** Counts one use; returns 0, or the milliseconds to wait when the limit has been reached. */
  use(key: string, limit: number, windowMs: number): number;
}

export function createRateWindows(now: () => number): RateWindows {
  const windows = createRecentMap<{ until: number; used: number }>(MAX_WINDOWS);
  return {
    use(key, limit, windowMs) {
      const known = windows.get(key);
      const open = known !== undefined && known.until > now() ? known : { until: now() + windowMs, used: 0 };
      if (open.used >= limit) return open.until - now();
      open.used++;
      windows.set(key, open);
      windows.trim();
      return 0;
    },
  };
}
