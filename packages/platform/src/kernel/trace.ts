import type { Trace } from './message.ts';

/** Version; trace, parent and flags; what later versions may add. What the specification calls invalid is none. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(-.*)?$/;
/** Characters; what is longer need not be passed on (W3C Trace Context §3.3.1.5). */
const MAX_TRACESTATE = 512;

/**
 * The trace that headers, or metadata under the same names, put a message in, as version 00, which is what is passed on of
 * a later one (W3C Trace Context §4.3). Undefined for none and for a malformed one.
 */
export function traceIn({ traceparent, tracestate }: Readonly<Record<string, unknown>>): Trace | undefined {
  const [, version, ids, more] = (typeof traceparent === 'string' && TRACEPARENT.exec(traceparent)) || [];
  if (ids === undefined || (version === '00' && more !== undefined)) return undefined;
  const isPassed = typeof tracestate === 'string' && tracestate.length <= MAX_TRACESTATE;
  return { traceparent: `00-${ids}`, ...(isPassed ? { tracestate } : {}) };
}
