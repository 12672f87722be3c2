import type { Json } from '@aip/wire';
import { expect, test } from 'vitest';
import type { Entry, Rows } from '../kernel/entry.ts';
import { taskDecider } from './task-decider.ts';

const message = {
  message: 'm',
  from: 'service:a',
  fromName: 'a',
  to: 'agent:b',
  action: 'invoke',
  edge: 'http',
  assignee: 'b',
  scopes: ['global'],
  depth: 0,
  effect: 'external',
  idempotent: false,
};

const entry = (kind: string, n: number, head: object = {}): Entry => ({
  kind,
  task: 't',
  n,
  tenant: 'default',
  seq: n,
  at: n,
  head: { ...message, ...head },
});

/** Decides entries in order; what each became. */
function decide(...entries: readonly Entry[]): string[] {
  const rows = new Map<string, Json>();
  const read: Rows = (key) => rows.get(key);
  return entries.map((one) => {
    const decision = taskDecider.decide(read, one);
    if ('refuse' in decision) return decision.refuse.code;
    for (const { key, value } of decision) rows.set(key, value);
    return (rows.get('task:t') as { state: string }).state;
  });
}

const ask = { ask: { id: 'ask' } };

test('a task is accepted once', () => {
  expect(decide(entry('accept', 1), entry('accept', 2))).toEqual(['submitted', 'CONFLICT']);
});

test('a parked task is accepted once it has been approved, and not parked again', () => {
  expect(decide(entry('park', 1, ask), entry('park', 2, ask), entry('accept', 2), entry('accept', 3))).toEqual([
    'auth_required',
    'CONFLICT',
    'submitted',
    'CONFLICT',
  ]);
});

test('events are numbered without a gap, and nothing follows the end', () => {
  expect(
    decide(
      entry('accept', 1),
      entry('event', 3, { state: 'working' }),
      entry('event', 2, { state: 'working' }),
      entry('settle', 3, { state: 'completed' }),
      entry('event', 4, { state: 'working' }),
    ),
  ).toEqual(['submitted', 'CONFLICT', 'working', 'completed', 'CONFLICT']);
});

test('an event of a task that was never accepted is refused', () => {
  expect(decide(entry('event', 1, { state: 'working' }))).toEqual(['TASK_NOT_FOUND']);
});
