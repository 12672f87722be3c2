import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRecentMap } from './recent-map.ts';
import { rounds } from './testing.ts';

test('what has been used within half the bound is there, and what is there is what was set last', () => {
  const keys = fc.integer({ min: 0, max: 30 }).map(String);
  const step = fc.record({ key: keys, what: fc.constantFrom('set', 'get', 'delete') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const map = createRecentMap<number>(10);
      const last = new Map<string, number | undefined>();
      const used: string[] = [];
      steps.forEach(({ key, what }, at) => {
        if (what === 'set') {
          map.set(key, at);
          last.set(key, at);
        } else if (what === 'delete') {
          map.delete(key);
          last.delete(key);
        } else {
          const found = map.get(key);
          if (found !== undefined) expect(found).toBe(last.get(key));
          if (new Set(used.slice(used.lastIndexOf(key))).size <= 4 && used.includes(key))
            expect(found).toBe(last.get(key));
        }
        used.push(key);
        map.trim();
        expect([...last.keys()].filter((known) => map.has(known)).length).toBeLessThanOrEqual(10);
        expect(map.has(key)).toBe(map.get(key) !== undefined);
      });
    }),
    { numRuns: rounds(200) },
  );
}, 60_000);

test('absence can be kept, too', () => {
  const map = createRecentMap<number | null>(10);
  map.set('gone', null);
  expect(map.has('gone')).toBe(true);
  expect(map.has('never')).toBe(false);
  for (let n = 0; n < 5; n++) map.set(`k${n}`, n);
  map.trim();
  expect(map.has('gone')).toBe(true);
  expect(map.get('gone')).toBeNull();
});

test('a row that is asked for stays while nothing trims', () => {
  const map = createRecentMap<number>(4);
  for (let n = 0; n < 100; n++) map.set(`k${n}`, n);
  expect(map.get('k0')).toBe(0);
});
