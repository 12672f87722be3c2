import { describe, expect, test } from 'vitest';
import type { AuditEntry } from './api.ts';
import { MAX_LOOKED, pageBefore } from './audit-pages.ts';

/** A log of reads with other entries at these numbers, and how often it was asked. */
function logWith(others: (seq: number) => boolean) {
  const asked: [from: number, limit: number][] = [];
  const load = async (from: number, limit: number): Promise<AuditEntry[]> => {
    asked.push([from, limit]);
    return Array.from({ length: limit }, (_, index) => {
      const seq = from + index;
      return { seq, at: 1, kind: others(seq) ? 'kill' : 'read', text: '{}', leaf: '' };
    });
  };
  return { asked, load };
}

const numbers = ({ entries }: Awaited<ReturnType<typeof pageBefore>>): number[] => entries.map(({ seq }) => seq);

describe('a page of the audit', () => {
  test('is filled with what is shown, however many reads lie between, and the next one goes on before it', async () => {
    const { load, asked } = logWith((seq) => seq % 30 === 0);
    const page = await pageBefore(load, 3_000, false);
    expect(numbers(page)).toEqual(Array.from({ length: 50 }, (_, index) => 2_970 - 30 * index));
    expect(page.from).toBe(1_500);
    expect(asked.length).toBeLessThan(6);
    const next = await pageBefore(load, page.from, false);
    expect(numbers(next)).toEqual(Array.from({ length: 50 }, (_, index) => 1_470 - 30 * index));
    expect(next.from).toBe(0);
  });

  test('with reads is one request', async () => {
    const { load, asked } = logWith(() => false);
    const page = await pageBefore(load, 120, true);
    expect([numbers(page).at(0), page.from, asked]).toEqual([119, 70, [[70, 50]]]);
    expect((await pageBefore(load, 20, true)).from).toBe(0);
  });

  test('gives up after a bound, from where one can go on', async () => {
    const { load, asked } = logWith(() => false);
    expect(await pageBefore(load, 20_000, false)).toEqual({ entries: [], from: 20_000 - MAX_LOOKED });
    expect(asked.every(([, limit]) => limit <= 1_000)).toBe(true);
  });
});
