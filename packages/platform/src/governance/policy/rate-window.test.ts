import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rounds } from '../../kernel/testing.ts';
import { createRateWindows } from './rate-window.ts';

test('no window of time ever holds more than the limit, and whoever waits as told gets through', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat({ max: 400 }), { maxLength: 100 }), (limit, pauses) => {
      let now = 0;
      const windows = createRateWindows(() => now);
      const used: number[] = [];
      for (const pause of pauses) {
        now += pause;
        const wait = windows.use('key', limit, 1_000);
        if (wait === 0) used.push(now);
        else {
          expect(wait).toBeLessThanOrEqual(1_000);
          now += wait;
          expect(windows.use('key', limit, 1_000)).toBe(0);
          used.push(now);
        }
      }
      // Fixed windows: any stretch of one window's length touches two of them at most.
      for (const start of used)
        expect(used.filter((at) => at >= start && at < start + 1_000).length).toBeLessThanOrEqual(limit * 2);
    }),
    { numRuns: rounds(100) },
  );
}, 60_000);

test('each key has a window of its own', () => {
  const windows = createRateWindows(() => 0);
  expect([windows.use('a', 1, 1_000), windows.use('b', 1, 1_000), windows.use('a', 1, 1_000)]).toEqual([0, 0, 1_000]);
});

test('a flood of other keys does not give back what a busy one has used', () => {
  const windows = createRateWindows(() => 0);
  windows.use('busy', 2, 1_000);
  for (let n = 0; n < 20_000; n++) windows.use(`other ${n}`, 1, 1_000);
  windows.use('busy', 2, 1_000);
  for (let n = 0; n < 20_000; n++) windows.use(`another ${n}`, 1, 1_000);
  expect(windows.use('busy', 2, 1_000)).toBe(1_000);
});
