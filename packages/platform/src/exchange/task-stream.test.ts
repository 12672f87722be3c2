import fc from 'fast-check';
import { expect, test } from 'vitest';
import { text } from '../kernel/body.ts';
import type { TaskEvent } from '../kernel/task.ts';
import { rounds } from '../kernel/testing.ts';
import { createTaskStream } from './task-stream.ts';

const event = (n: number, last: boolean): TaskEvent =>
  last
    ? { type: 'canceled', reason: 'caller', effect: 'none', n, at: n, state: 'canceled' }
    : { type: 'working', n, at: n, state: 'working' };

const numbers = async (events: AsyncIterable<TaskEvent>): Promise<number[]> =>
  (await Array.fromAsync(events)).map(({ n }) => n);

test('every follower sees every event above its number once, in order, whenever it comes and however slow it is', async () => {
  const follower = fc.record({ after: fc.nat({ max: 60 }), joins: fc.nat({ max: 60 }), slow: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 60 }),
      fc.array(follower, { minLength: 1, maxLength: 6 }),
      fc.nat({ max: 5 }),
      async (total, followers, ahead) => {
        const log = Array.from({ length: total }, (_, i) => event(i + 1, i + 1 === total));
        // The log is durable before an event is announced, so it may be ahead of the stream.
        let announced = 0;
        const stream = createTaskStream((after) => log.filter(({ n }) => n > after && n <= announced + ahead));
        const reading: Promise<number[]>[] = [];
        const join = (at: number): void => {
          for (const { after, joins, slow } of followers.filter((one) => Math.min(one.joins, total) === at)) {
            reading.push(
              (async () => {
                const seen: number[] = [];
                for await (const { n } of stream.follow(Math.min(after, total - 1))) {
                  seen.push(n);
                  if (slow) await new Promise((resolve) => setImmediate(resolve));
                }
                expect(seen, `after ${after}, joined at ${joins}`).toEqual(
                  log.map(({ n }) => n).filter((n) => n > Math.min(after, total - 1)),
                );
                return seen;
              })(),
            );
          }
        };
        join(0);
        for (const next of log) {
          announced = next.n;
          stream.push(next);
          join(next.n);
          if (next.n % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        expect(await Promise.all(reading)).toHaveLength(followers.length);
      },
    ),
    { numRuns: rounds(60) },
  );
}, 60_000);

test('a follower that asks for more than is kept in memory gets the rest from the log', async () => {
  const log: TaskEvent[] = [];
  let reads = 0;
  const stream = createTaskStream((after) => {
    reads++;
    // A page at a time, as the log hands them out.
    return log.filter(({ n }) => n > after).slice(0, 400);
  });
  for (let n = 1; n <= 3_000; n++) {
    log.push(event(n, n === 3_000));
    stream.push(log.at(-1)!);
  }
  expect(await numbers(stream.follow(0))).toEqual(log.map(({ n }) => n));
  expect(reads).toBeGreaterThan(1);
  const before = reads;
  expect(await numbers(stream.follow(2_900))).toHaveLength(100);
  expect(reads).toBe(before);
});

test('large events are not kept in memory, but read from the log by those who come later', async () => {
  const log: TaskEvent[] = [];
  const read: number[] = [];
  const stream = createTaskStream((after) => {
    const page = log.filter(({ n }) => n > after).slice(0, 1);
    read.push(...page.map(({ n }) => n));
    return page;
  });
  const body = text('x'.repeat(1_000_000));
  for (let n = 1; n <= 20; n++) {
    const next = event(n, n === 20);
    log.push(next.type === 'working' ? { ...next, body } : next);
    stream.push(log.at(-1)!);
  }
  expect(await numbers(stream.follow(0))).toEqual(log.map(({ n }) => n));
  expect(read).toEqual(Array.from({ length: 14 }, (_, index) => index + 1));
});

test('the end resolves once, and a follower that comes after it sees it, too', async () => {
  const stream = createTaskStream(() => []);
  stream.push(event(1, false));
  stream.push(event(2, true));
  expect(await stream.ended).toMatchObject({ type: 'canceled', n: 2 });
  expect(await numbers(stream.follow(1))).toEqual([2]);
  expect(await numbers(stream.follow(2))).toEqual([]);
});
