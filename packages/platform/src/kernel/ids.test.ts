import fc from 'fast-check';
import { beforeEach, expect, test, vi } from 'vitest';
import { rounds } from './testing.ts';

let uuidv7: (now?: number) => string;

/** Ids never go back in time: each test begins with a source that has made none yet. */
beforeEach(async () => {
  vi.resetModules();
  ({ uuidv7 } = await import('./ids.ts'));
});

const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const timeOf = (id: string): number => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);

test('an id has the form of RFC 9562 section 5.7 and begins with its time', () => {
  const now = Date.now() + 60_000;
  const id = uuidv7(now);
  expect(id).toMatch(FORM);
  expect(timeOf(id)).toBe(now);
});

test('ids sort in the order in which they were made, whatever the clock does', () => {
  const start = Date.now() + 120_000;
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -5_000, max: 5_000 }), { maxLength: 200 }), (steps) => {
      const made = steps.map((step) => uuidv7(start + step));
      expect(made).toEqual(made.toSorted());
      expect(new Set(made).size).toBe(made.length);
    }),
    { numRuns: rounds(50) },
  );
}, 60_000);

test('more ids than fit one millisecond stay unique and in order', () => {
  const now = Date.now() + 180_000;
  const made = Array.from({ length: 20_000 }, () => uuidv7(now));
  expect(new Set(made).size).toBe(made.length);
  expect(made).toEqual(made.toSorted());
  expect(made.every((id) => FORM.test(id))).toBe(true);
});
