import { describe, expect, it } from 'vitest';
import { ago, relativeToT, clock, took, when, whenAndAgo } from './times.ts';

/** Times of people are local, whatever the machine's zone is. */
const at = (day: number, hour: number, minute = 0, second = 0): number =>
  new Date(2026, 10, day, hour, minute, second).getTime();

describe('times for people', () => {
  it('are the time of day here, with the day where that is another one', () => {
    const now = at(21, 14);
    expect(clock(at(21, 9, 5, 7))).toBe('09:05:07');
    expect(when(at(21, 9, 5, 7), now)).toBe('09:05:07');
    expect(when(at(20, 23, 59, 59), now)).toBe('2026-11-20 23:59:59');
    expect(when(new Date(at(21, 9)).toISOString(), now)).toBe('09:00:00');
    expect(when(undefined, now)).toBe('');
    expect(when('soon', now)).toBe('soon');
  });

  it('say how far away they are', () => {
    const now = at(21, 14);
    expect(whenAndAgo(at(21, 13, 55), now)).toBe('13:55:00 (5 min ago)');
    expect(ago(at(21, 13, 59, 20), now)).toBe('40 s ago');
    expect(ago(at(21, 17), now)).toBe('in 3 h');
    expect(ago(at(20, 10), now)).toBe('28 h ago');
    expect(ago(at(10, 10), now)).toBe('11 d ago');
    expect(ago(now, now)).toBe('now');
  });

  it('say how long something took', () => {
    expect([12.4, 3_400, 300_000, 3 * 3_600_000].map(took)).toEqual(['12 ms', '3.4 s', '5 min', '3 h']);
  });

  it('say where a moment lies beside T: exactly where it is near', () => {
    expect([0, 3, -9_999, 10_000, -343_360].map(relativeToT)).toEqual([
      'T+0 ms',
      'T+3 ms',
      'T-9999 ms',
      'T+10.0 s',
      'T-6 min',
    ]);
  });
});
