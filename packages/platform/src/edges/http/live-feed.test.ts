import { claim } from '@aip/conformance';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLiveFeed } from './live-feed.ts';
import { createEventStreams } from './sse.ts';
import { createTestEdge, readEvents, type Received, type TestEdge } from './testing.ts';

let edge: TestEdge;
let url: string;
beforeEach(async () => {
  edge = await createTestEdge();
  url = await edge.listen();
});
afterEach(() => edge[Symbol.asyncDispose]());

interface Head {
  readonly seq: number;
  readonly kind: string;
}

const follow = (query = '', headers = {}): Promise<Response> =>
  fetch(`${url}/v1/events${query}`, { headers: { authorization: 'Bearer alice', ...headers } });
const note = (text: string, kind = 'test.note') =>
  edge.exchange.journal.commit({ tenant: 'default', entries: [{ kind, head: { text }, body: '"private"' }] });
const entries = (events: Received[]): Head[] =>
  events.filter(({ event }) => event === 'entries').flatMap(({ data }) => data as Head[]);
const seqs = (events: Received[]): number[] => entries(events).map(({ seq }) => seq);

describe(`the live feed ${claim('T-DASH.feed')}`, () => {
  it('begins with the place it follows from, then shows entries without their bodies', async () => {
    const answer = await follow('?kinds=test.note');
    const size = edge.exchange.journal.read.size('default');
    await note('hello');
    const events = await readEvents(answer, (seen) => seen.length === 2);
    expect(events).toEqual([
      { event: 'snapshot', id: String(size - 1), data: { seq: size - 1, missed: 0 } },
      {
        event: 'entries',
        id: String(size),
        data: [{ seq: size, at: expect.any(Number), kind: 'test.note', head: { text: 'hello' } }],
      },
    ]);
    expect(JSON.stringify(events)).not.toContain('private');
  });

  it('shows only the kinds that are asked for', async () => {
    const answer = await follow('?kinds=test.other');
    await note('one');
    await note('two', 'test.other');
    const events = await readEvents(answer, (seen) => entries(seen).length > 0);
    expect(entries(events).map(({ kind }) => kind)).toEqual(['test.other']);
  });

  it('goes on after the last entry the client has, missing none and repeating none', async () => {
    for (let i = 0; i < 20; i++) await note(`${i}`);
    const last = edge.exchange.journal.read.size('default') - 1;
    const writing = (async () => {
      for (let i = 0; i < 50; i++) await note(`later ${i}`);
    })();
    const answer = await follow('?kinds=test.note', { 'last-event-id': String(last - 10) });
    const events = await readEvents(answer, (seen) => entries(seen).length >= 60);
    await writing;
    const got = entries(events);
    expect(got.map(({ seq }) => seq)).toEqual(got.map(({ seq }) => seq).toSorted((a, b) => a - b));
    expect(new Set(got.map(({ seq }) => seq)).size).toBe(60);
    expect(seqs(events)[0]).toBe(last - 9);
  });

  it('sends at most ten events a second, however fast the log grows', async () => {
    const answer = await follow('?kinds=test.note');
    const begun = performance.now();
    for (let i = 0; i < 300; i++) await Promise.all([note('a'), note('b')]);
    const events = await readEvents(answer, (seen) => entries(seen).length === 600);
    const tenths = Math.ceil((performance.now() - begun) / 100);
    expect(events.length - 1).toBeLessThanOrEqual(tenths);
  });

  it('gives a client that is too far behind a snapshot instead of everything', async () => {
    for (let i = 0; i < 6; i++)
      await edge.exchange.journal.commit({
        tenant: 'default',
        entries: Array.from({ length: 1_000 }, () => ({ kind: 'test.note', head: {} })),
      });
    const size = edge.exchange.journal.read.size('default');
    const [first] = await readEvents(await follow('', { 'last-event-id': '0' }), (seen) => seen.length === 1);
    expect(first).toMatchObject({ event: 'snapshot', data: { missed: size } });
  });

  it('begins with the first entry for whoever wants it whole', async () => {
    await edge.exchange.journal.commit({ tenant: 'default', entries: [{ kind: 'test.note', head: {} }] });
    const [first] = await readEvents(await follow('?from=0'), (seen) => seen.length === 1);
    expect(first).toMatchObject({
      event: 'entries',
      data: expect.arrayContaining([expect.objectContaining({ seq: 0 })]),
    });
  });

  it('drops a follower that does not read out of its window, with a snapshot, and keeps memory bounded', async () => {
    const feed = createLiveFeed(edge.exchange);
    const stop = new AbortController();
    const followed = feed.follow({ tenant: 'default', kinds: undefined, after: undefined }, stop.signal);
    const events = followed[Symbol.asyncIterator]();
    await events.next();
    for (let i = 0; i < 12; i++)
      await edge.exchange.journal.commit({
        tenant: 'default',
        entries: Array.from({ length: 1_000 }, () => ({ kind: 'test.note', head: {} })),
      });
    expect((await events.next()).value).toEqual({
      event: 'snapshot',
      id: 11_999,
      data: { seq: 11_999, missed: 12_000 },
    });
    await note('after');
    expect((await events.next()).value).toMatchObject({ event: 'entries', id: 12_000 });
    stop.abort();
    expect((await events.next()).done).toBe(true);
  });

  it('shows one tenant nothing of another', async () => {
    const answer = await follow('?kinds=test.note');
    await edge.exchange.journal.commit({
      tenant: 'other',
      entries: [{ kind: 'test.note', head: { text: 'not yours' } }],
    });
    await note('yours');
    const events = await readEvents(answer, (seen) => entries(seen).length > 0);
    expect(entries(events)).toHaveLength(1);
  });

  it('needs the permission to follow events', async () => {
    await using closed = await createTestEdge({
      slots: {
        policy: {
          name: 'policy',
          admit: () => ({ verdict: 'deny', error: { code: 'PERMISSION_DENIED', message: 'No.', retryable: false } }),
        },
      },
    });
    expect((await closed.app.inject('/v1/events')).json().error.code).toBe('PERMISSION_DENIED');
  });

  it.each([
    '?kinds=DROP%20TABLE',
    '?kinds=',
    `?kinds=${Array.from({ length: 65 }, (_, i) => `k${'x'.repeat(i % 5)}`).join(',')}`,
    '?after=-1',
    '?after=1e3',
  ])('refuses %s', async (query) => {
    const answer = await follow(query);
    expect(answer.status).toBe(400);
    await answer.body?.cancel();
  });

  it('lets go of a client that has gone', async () => {
    const gone = new AbortController();
    const answer = await fetch(`${url}/v1/events`, { headers: { authorization: 'Bearer alice' }, signal: gone.signal });
    expect(edge.exchange.sessions.size).toBe(1);
    await readEvents(answer, (seen) => seen.length === 1);
    gone.abort();
    await expect.poll(() => edge.exchange.sessions.size).toBe(0);
  });
});

describe(`event streams ${claim('G-GUARD.shares')}`, () => {
  it('have a share for each caller, and places for the live feed when all others are taken', async () => {
    const streams = createEventStreams(edge.exchange);
    const caller = (name: string) => edge.exchange.authenticate({ kind: 'bearer', token: name });
    const limited = expect.objectContaining({ code: 'RATE_LIMITED' });
    const held = Array.from({ length: 200 }, () => streams.open(caller('mallory')));
    expect(() => streams.open(caller('mallory'))).toThrow(limited);
    for (let n = 0; n < 1_700; n++) held.push(streams.open(caller(`other-${n}`)));
    expect(() => streams.open(caller('bob'))).toThrow(limited);
    held.push(streams.open(caller('bob'), 'oversight'));
    for (const { discard } of held) discard();
    expect(() => streams.open(caller('mallory')).discard()).not.toThrow();
  });
});
