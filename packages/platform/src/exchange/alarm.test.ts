import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { alarm } from './alarm.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const DAY = 86_400_000;

test.for([1, 20 * DAY, 30 * DAY, 400 * DAY])('an alarm in %d ms rings then, and not before', (delay) => {
  const ring = vi.fn();
  alarm(delay, ring);
  vi.advanceTimersByTime(delay - 1);
  expect(ring).toHaveBeenCalledTimes(0);
  vi.advanceTimersByTime(2);
  expect(ring).toHaveBeenCalledTimes(1);
});

test('an alarm for the past rings at once', () => {
  const ring = vi.fn();
  alarm(-5 * DAY, ring);
  vi.advanceTimersByTime(1);
  expect(ring).toHaveBeenCalledOnce();
});

test('an alarm that has been stopped never rings, near or far', () => {
  const ring = vi.fn();
  const stop = alarm(60 * DAY, ring);
  vi.advanceTimersByTime(50 * DAY);
  stop();
  vi.advanceTimersByTime(60 * DAY);
  expect(ring).not.toHaveBeenCalled();
});
