import { afterEach, describe, expect, test, vi } from 'vitest';
import { createEventParser, followLog, type FeedListener, type FeedStatus, type LogEntry } from './feed.ts';

describe('events of a stream', () => {
  function parsed(...chunks: string[]): unknown[] {
    const events: unknown[] = [];
    const parse = createEventParser((event) => events.push(event));
    for (const chunk of chunks) parse(chunk);
    return events;
  }

  test('arrive whole, wherever the network cuts them', () => {
    const text = 'retry: 1000\n\n: still here\n\nevent: entries\nid: 7\ndata: [1,\ndata: 2]\n\n';
    const whole = [{ event: 'entries', id: '7', data: '[1,\n2]' }];
    expect(parsed(text)).toEqual(whole);
    expect(parsed(...text.split(''))).toEqual(whole);
    expect(parsed(text.replaceAll('\n', '\r\n'))).toEqual(whole);
  });

  test('an event whose end has not come is not handed out', () => {
    expect(parsed('event: entries\ndata: []\n')).toEqual([]);
  });

  test('an event without end is refused', () => {
    expect(() => parsed('data: '.padEnd(9 * 1024 * 1024, 'x'))).toThrow('no end');
  });
});

describe('following the log', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  const stream = (text: string): Response => new Response(text);
  const entries = (last: number, ...seqs: number[]): string =>
    `event: entries\nid: ${last}\ndata: ${JSON.stringify(seqs.map((seq) => ({ seq, at: 0, kind: 'accept', head: {} })))}\n\n`;

  /** Answers one connection after the other, then ends the test's following. */
  async function follow(after: number, ...answers: (() => Response | Promise<Response>)[]) {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const controller = new AbortController();
    const from: (string | undefined)[] = [];
    const paths: string[] = [];
    const seen: number[] = [];
    const snapshots: [number, number][] = [];
    const statuses: FeedStatus[] = [];
    vi.stubGlobal('fetch', async (path: string, init: { headers: Record<string, string> }) => {
      paths.push(path);
      from.push(init.headers['last-event-id']);
      const answer = answers.shift();
      if (answer) return answer();
      controller.abort();
      throw new Error('over');
    });
    const listener: FeedListener = {
      entries: (got: readonly LogEntry[]) => void seen.push(...got.map(({ seq }) => seq)),
      snapshot: (seq, missed) => void snapshots.push([seq, missed]),
      status: (status) => void statuses.push(status),
    };
    const done = followLog(after, listener, controller.signal);
    const advance = setInterval(() => void vi.advanceTimersByTime(20_000), 1);
    await done;
    clearInterval(advance);
    return { from, paths, seen, snapshots, statuses };
  }

  test('connects again behind the last entry it has seen', async () => {
    const { from, seen, statuses } = await follow(
      4,
      () => stream(entries(6, 5, 6)),
      () => stream(entries(9, 7, 9)),
    );
    expect(seen).toEqual([5, 6, 7, 9]);
    expect(from).toEqual(['4', '6', '9']);
    expect(statuses).toEqual(['connecting', 'live', 'reconnecting', 'live', 'reconnecting']);
  });

  test('whoever has nothing yet asks for the log from its first entry on', async () => {
    const { from, paths } = await follow(-1, () => stream(entries(0, 0)));
    expect(paths).toEqual(['/v1/events?from=0', '/v1/events']);
    expect(from).toEqual([undefined, '0']);
  });

  test('outages and refusals are waited out', async () => {
    const { from, seen } = await follow(
      4,
      () => Promise.reject(new TypeError('network')),
      () => new Response('', { status: 503 }),
      () => stream(entries(5, 5)),
    );
    expect(seen).toEqual([5]);
    expect(from).toEqual(['4', '4', '4', '5']);
  });

  test('a snapshot moves the place', async () => {
    const { from, snapshots } = await follow(4, () =>
      stream('event: snapshot\nid: 900\ndata: {"seq":900,"missed":895}\n\n'),
    );
    expect(snapshots).toEqual([[900, 895]]);
    expect(from).toEqual(['4', '900']);
  });

  test('a session that has ended is not tried again', async () => {
    const { from, statuses } = await follow(4, () => new Response('', { status: 401 }));
    expect(from).toEqual(['4']);
    expect(statuses).toEqual(['connecting', 'signed out']);
  });
});
