import { expect, it } from 'vitest';
import { atTheDoor, DEFAULT_BACKOFF, waitAfter } from './backoff.ts';

it('waits from one second to thirty, doubling, half of it at random', () => {
  const longest = [1, 2, 3, 4, 5, 6, 7, 2_000].map((failures) => waitAfter(failures, DEFAULT_BACKOFF, () => 1));
  expect(longest).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  expect(waitAfter(3, DEFAULT_BACKOFF, () => 0)).toBe(2_000);
});

it('waits for an operator at the door no longer than one waits who has just admitted somebody', () => {
  expect(atTheDoor({ code: 'AGENT_UNAVAILABLE' })).toBe(DEFAULT_BACKOFF);
  expect(waitAfter(9, atTheDoor({ code: 'NOT_ADMITTED' }), () => 1)).toBe(5_000);
  expect(atTheDoor({ code: 'NOT_ADMITTED' }, { min: 10, max: 20 })).toEqual({ min: 10, max: 20 });
});
