import type { Body } from './body.ts';
import type { CatalogueEntry } from './catalogue.ts';
import type { Message } from './message.ts';
import type { RouteEvent } from './task.ts';

/** One delivery to a target. */
export interface RouteCall {
  readonly message: Message;
  readonly entry: CatalogueEntry;
  /** Aborted with a CancelReason; the route has 2 s to end by itself. */
  readonly signal: AbortSignal;
  /** Answers to asks this call has yielded; rejects when the call ends first. */
  answer(askId: string): Promise<Body>;
  /** Number of the last event recorded before a restart, when this is a second delivery. */
  readonly resumeFrom?: number;
}

/** The way to one target: local handler, gateway session, upstream, operation. */
export interface Route {
  /** `local` routes run inside this process; others leave it, so their accept must be durable first. */
  readonly reach: 'local' | 'session' | 'remote';
  deliver(call: RouteCall): AsyncIterable<RouteEvent>;
}
