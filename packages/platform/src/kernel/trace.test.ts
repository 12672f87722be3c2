import { expect, test } from 'vitest';
import { traceIn } from './trace.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const traceparent = `00-${TRACE}-${PARENT}-01`;

test('a trace is taken with its state, and without a state that is too long', () => {
  expect(traceIn({ traceparent, tracestate: 'vendor=1' })).toEqual({ traceparent, tracestate: 'vendor=1' });
  expect(traceIn({ traceparent, tracestate: 'x'.repeat(513) })).toEqual({ traceparent });
  expect(traceIn({ traceparent, tracestate: ['a', 'b'] })).toEqual({ traceparent });
});

test.each([`01-${TRACE}-${PARENT}-01`, `cc-${TRACE}-${PARENT}-01-what-the-future-says`])(
  '%s is passed on as version 00',
  (later) => {
    expect(traceIn({ traceparent: later })).toEqual({ traceparent });
  },
);

test.each([
  undefined,
  7,
  '',
  `00-${TRACE}-${PARENT}`,
  `00-${TRACE.toUpperCase()}-${PARENT}-01`,
  `ff-${TRACE}-${PARENT}-01`,
  `00-${'0'.repeat(32)}-${PARENT}-01`,
  `00-${TRACE}-${'0'.repeat(16)}-01`,
  `${traceparent}-more`,
  `${traceparent}\nx-other: 1`,
])('%j is no trace', (malformed) => {
  expect(traceIn({ traceparent: malformed, tracestate: 'vendor=1' })).toBeUndefined();
});
