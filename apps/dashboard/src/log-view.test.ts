import type { JsonObject } from '@aip/wire';
import { describe, expect, test } from 'vitest';
import type { LogEntry } from './feed.ts';
import {
  EMPTY_VIEW,
  MAX_ENTRIES,
  MAX_SECONDS,
  messageRate,
  withEntries,
  withSnapshot,
  type LogView,
} from './log-view.ts';
import { MAX_ROWS, withoutRepeats, type MessageRow } from './stream-rows.ts';

let seq = 0;
const entry = (kind: string, head: JsonObject = {}, task?: string, at = 1_000): LogEntry => ({
  seq: seq++,
  at,
  kind,
  head,
  ...(task === undefined ? {} : { task }),
});

const HEAD = {
  message: 'm',
  from: 'did:key:a',
  fromName: 'a',
  to: 'skill:did:key:b/search',
  action: 'invoke',
  edge: 'ioap',
};

function after(...entries: LogEntry[]): LogView {
  seq = 0;
  return withEntries(EMPTY_VIEW, entries);
}
const rows = (view: LogView): MessageRow[] => view.stream.filter((row) => row.row === 'message');

describe('the stream of messages', () => {
  test('a message keeps its row from acceptance to its end', () => {
    const view = after(
      entry('accept', { ...HEAD, hold: { amount: 5 } }, 't1'),
      entry('accept', HEAD, 't2'),
      entry('settle', { type: 'done', state: 'completed' }, 't1'),
    );
    expect(rows(view).map(({ key, outcome, price, seq: at }) => [key, outcome, price, at])).toEqual([
      ['t2', 'accepted', 0, 1],
      ['t1', 'completed', 5, 2],
    ]);
  });

  test('a denial says why, without a task', () => {
    const [row] = rows(
      after(entry('deny', { ...HEAD, code: 'BUDGET_EXCEEDED', reason: 'The daily budget is used up.' })),
    );
    expect(row).toMatchObject({ key: 'm', outcome: 'denied', reason: 'The daily budget is used up.' });
    expect(row).not.toHaveProperty('task');
  });

  test('a parked message goes on in its row and keeps the time it was sent', () => {
    const parked = after(entry('park', HEAD, 't1', 1_000));
    expect(rows(parked)[0]?.outcome).toBe('parked');
    const going = withEntries(parked, [{ seq: 1, at: 9_000, kind: 'accept', head: HEAD, task: 't1' }]);
    expect(rows(going)).toMatchObject([{ outcome: 'accepted', at: 1_000 }]);
  });

  test('a failure shows its code, a cancellation its reason', () => {
    const view = after(
      entry('accept', HEAD, 't1'),
      entry('accept', HEAD, 't2'),
      entry('settle', { type: 'failed', state: 'rejected', code: 'APPROVAL_DENIED' }, 't1'),
      entry('settle', { type: 'canceled', state: 'canceled', reason: 'kill' }, 't2'),
    );
    expect(rows(view).map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ['canceled', 'kill'],
      ['failed', 'APPROVAL_DENIED'],
    ]);
  });

  test('a kill is a line across the stream', () => {
    const view = after(entry('accept', HEAD, 't1'), entry('kill', { scope: 'global', mode: 'pause', reason: 'drill' }));
    expect(view.stream[0]).toMatchObject({ row: 'stop', what: 'pause', scope: 'global', reason: 'drill' });
  });

  test('the end of a message that has scrolled out is no row', () => {
    expect(after(entry('settle', { type: 'done', state: 'completed' }, 'long gone')).stream).toEqual([]);
  });

  test('a loop is one line, however long it runs', () => {
    const denied = { ...HEAD, reason: 'used up' };
    const view = after(
      ...Array.from({ length: 40 }, (_, n) => entry('deny', { ...denied, message: `m${n}` })),
      entry('accept', HEAD, 't1'),
      entry('deny', { ...denied, message: 'last' }),
    );
    expect(withoutRepeats(view.stream, 10).map(({ times }) => times)).toEqual([1, 1, 40]);
    expect(withoutRepeats(view.stream, 2)).toHaveLength(2);
  });
});

describe('bounds', () => {
  test('reads push out nothing but reads', () => {
    const reads = Array.from({ length: 2 * MAX_ENTRIES }, () => entry('read'));
    const { entries } = after(entry('kill', { scope: 'global' }), ...reads);
    expect(entries).toHaveLength(MAX_ENTRIES + 1);
    expect(entries.at(-1)?.kind).toBe('kill');
  });

  test('entries, rows and seconds are kept to their limits, the newest first', () => {
    const many = Array.from({ length: 2 * MAX_ROWS }, (_, n) =>
      entry('accept', { ...HEAD, message: `m${n}` }, `t${n}`, n * 1000),
    );
    const view = after(...many);
    expect(view.entries).toHaveLength(MAX_ENTRIES);
    expect(view.stream).toHaveLength(MAX_ROWS);
    expect(view.seconds).toHaveLength(MAX_SECONDS);
    expect(rows(view)[0]?.key).toBe(`t${2 * MAX_ROWS - 1}`);
    expect(view.seconds.at(-1)?.second).toBe(2 * MAX_ROWS - 1);
  });

  test('entries that come twice after a reconnect count once', () => {
    const first = after(entry('accept', HEAD, 't1'), entry('accept', HEAD, 't2'));
    const again = withEntries(first, [...first.entries].toReversed());
    expect(again).toBe(first);
  });
});

describe('traffic', () => {
  test('counts messages by the second, not the clicks of operators', () => {
    const view = after(
      entry('accept', HEAD, 't1', 5_100),
      entry('deny', HEAD, undefined, 5_900),
      entry('accept', { ...HEAD, to: 'operation:kills.kill' }, 't2', 5_950),
    );
    expect(view.seconds).toEqual([{ second: 5, accepted: 1, denied: 1 }]);
  });

  test('the rate leaves the running second out', () => {
    const seconds = [4, 5, 6, 7, 8, 9].map((second) => ({ second, accepted: 3, denied: 1 }));
    expect(messageRate(seconds, 9_999)).toBe(4);
    expect(messageRate(seconds, 60_000)).toBe(0);
  });
});

describe('what has to be read anew', () => {
  const touched = (...entries: LogEntry[]): string[] =>
    Object.entries(after(...entries).revisions).flatMap(([subject, revision]) => (revision > 0 ? [subject] : []));

  test.each([
    ['agent.connect', {}, ['agents']],
    ['park', HEAD, ['asks']],
    ['answer', {}, ['asks']],
    ['kill', { scope: 'global' }, ['stops']],
    ['release', { scope: 'global' }, ['stops']],
    ['deny', { ...HEAD, code: 'KILLED' }, ['proofs']],
    ['deny', { ...HEAD, code: 'POLICY_DENIED' }, []],
    ['accept', HEAD, []],
    ['accept', { ...HEAD, hold: { amount: 1 } }, ['budgets']],
    ['settle', { type: 'done', hold: { amount: 1 } }, ['budgets']],
    ['settle', { type: 'failed' }, ['asks']],
    ['budget.set', {}, ['budgets']],
    ['policy.put', {}, ['policies']],
  ])('%s %o', (kind, head, subjects) => {
    expect(touched(entry(kind, head as JsonObject, 't'))).toEqual(subjects);
  });

  test('what was in the log when the page was opened is known: everything was read after it', () => {
    seq = 0;
    const kill = entry('kill', { scope: 'global' });
    expect(withEntries({ ...EMPTY_VIEW, known: 1 }, [kill])).toMatchObject({
      size: 1,
      stream: [{ row: 'stop' }],
      revisions: EMPTY_VIEW.revisions,
    });
  });

  test('a read never leads to another read', () => {
    expect(touched(entry('read', { ...HEAD, to: 'operation:agents.list' }))).toEqual([]);
  });

  test('everything, after entries were missed', () => {
    const view = withSnapshot(after(entry('accept', HEAD, 't1')), 900, 899);
    expect(view.size).toBe(901);
    expect(new Set(Object.values(view.revisions))).toEqual(new Set([1]));
    expect(withSnapshot(EMPTY_VIEW, -1, 0)).toBe(EMPTY_VIEW);
  });
});
