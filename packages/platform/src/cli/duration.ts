import { InvalidArgumentError } from 'commander';

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** A duration such as `90s`, `5m`, `12h` or `30d`, in seconds. Throws what commander shows as wrong usage. */
export function secondsOf(text: string): number {
  const [, count, unit = 's'] = /^(\d{1,9})([smhd])?$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('Expected a duration such as 90s, 5m, 12h or 30d.');
  return Number(count) * (SECONDS[unit] ?? 1);
}

/** Milliseconds as people say them: `1h`, `90s`, `1500 ms`. */
export function spoken(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  const [unit, size] = Object.entries(SECONDS).findLast(([, each]) => seconds >= each && seconds % each === 0) ?? [];
  return unit === undefined || size === undefined ? `${milliseconds} ms` : `${seconds / size}${unit}`;
}
