import fc from 'fast-check';
import { expect, test } from 'vitest';
import { text } from '../kernel/body.ts';
import type { RouteEvent } from '../kernel/task.ts';
import { rounds } from '../kernel/testing.ts';
import { coalesce } from './coalesce.ts';

type Step = { readonly wait: boolean; readonly event: RouteEvent };

const piece = (value: string, artifactId: string, append: boolean, last: boolean | undefined): RouteEvent => ({
  type: 'output',
  body: text(value),
  artifactId,
  append,
  ...(last === undefined ? {} : { last }),
});

const outputs = fc
  .record({
    value: fc.string({ maxLength: 5 }),
    artifact: fc.constantFrom('a', 'b'),
    append: fc.boolean(),
    last: fc.constantFrom(undefined, undefined, true, false),
  })
  .map(({ value, artifact, append, last }) => piece(value, artifact, append, last));
const others: fc.Arbitrary<RouteEvent> = fc.constantFrom<RouteEvent>(
  { type: 'working' },
  { type: 'progress', progress: 1 },
  { type: 'output', body: { type: 'data', value: { n: 1 } }, artifactId: 'a', append: true },
);
const steps = fc.array(
  fc.record({
    wait: fc.nat({ max: 20 }).map((n) => n === 0),
    event: fc.oneof({ weight: 4, arbitrary: outputs }, others),
  }),
  { maxLength: 40 },
);

async function* yielding(script: readonly Step[]): AsyncIterable<RouteEvent> {
  for (const { wait, event } of script) {
    if (wait) await new Promise((resolve) => setTimeout(resolve, 60));
    yield event;
  }
}

/** What a reader that puts appended text together has seen: artifacts' texts, and everything else in its place. */
function read(events: readonly RouteEvent[]): unknown[] {
  const seen: unknown[] = [];
  for (const event of events) {
    const before = seen.at(-1) as { artifact?: string; text?: string; ended?: boolean } | undefined;
    const isText = event.type === 'output' && event.body.type === 'text';
    if (isText && event.append && before?.artifact === event.artifactId && before?.ended !== true) {
      before!.text += event.body.value;
      before!.ended = event.last === true;
    } else if (isText)
      seen.push({
        artifact: event.artifactId,
        append: event.append,
        text: event.body.value,
        ended: event.last === true,
      });
    else seen.push(event);
  }
  return seen;
}

test('coalescing changes how a stream is cut, never what it says or in which order', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const seen = await Array.fromAsync(coalesce(yielding(script)));
      expect(read(seen)).toEqual(read(script.map(({ event }) => event)));
      expect(seen.length).toBeLessThanOrEqual(script.length);
    }),
    { numRuns: rounds(40) },
  );
}, 60_000);

test('the first piece leaves at once, later ones no later than the window', async () => {
  const more = Promise.withResolvers<void>();
  const stream = coalesce(
    (async function* () {
      yield piece('one ', 'a', true, undefined);
      yield piece('two ', 'a', true, undefined);
      yield piece('three', 'a', true, undefined);
      await more.promise;
    })(),
  )[Symbol.asyncIterator]();
  expect(await stream.next()).toMatchObject({ value: { body: text('one ') } });
  // The source is silent, so what is held leaves without waiting for it.
  expect(await stream.next()).toMatchObject({ value: { body: text('two three') } });
  more.resolve();
  expect(await stream.next()).toMatchObject({ done: true });
});

test('a piece does not grow without bound', async () => {
  const many = Array.from({ length: 100 }, () => ({
    wait: false,
    event: piece('x'.repeat(4096), 'a', true, undefined),
  }));
  const seen = await Array.fromAsync(coalesce(yielding(many)));
  const lengths = seen.map((event) => (event.type === 'output' ? (event.body.value as string).length : 0));
  expect(Math.max(...lengths)).toBeLessThanOrEqual(36 * 1024);
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(100 * 4096);
});

test('whoever stops listening ends the source', async () => {
  let ended = false;
  const source = async function* (): AsyncIterable<RouteEvent> {
    try {
      for (;;) yield { type: 'working' };
    } finally {
      ended = true;
    }
  };
  for await (const event of coalesce(source())) if (event.type === 'working') break;
  expect(ended).toBe(true);
});

test('a failing source fails its reader, after what it has said before', async () => {
  const seen: RouteEvent[] = [];
  const source = async function* (): AsyncIterable<RouteEvent> {
    yield piece('one', 'a', true, undefined);
    yield piece('two', 'a', true, undefined);
    throw new Error('broken');
  };
  await expect(async () => {
    for await (const event of coalesce(source())) seen.push(event);
  }).rejects.toThrow('broken');
  expect(read(seen)).toEqual([{ artifact: 'a', append: true, text: 'onetwo', ended: false }]);
});
