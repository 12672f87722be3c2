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
  /** By what the target knows the work that it has begun before a restart: it is to be followed, not begun again. */
  readonly handle?: string;
  /** Which delivery of this step it is: 1, unless it is delivered again. */
  readonly delivery: number;
  /**
   * Puts one more delivery on record, before the step is sent again to a target that was lost while it worked on it;
   * resolves with its number. Rejects when the step has been delivered too often: then the task has ended.
   */
  redeliver(): Promise<number>;
}

/** The way to one target: local handler, gateway session, upstream, operation. */
export interface Route {
  /** `local` routes run inside this process; others leave it, so their accept must be durable first. */
  readonly reach: 'local' | 'session' | 'remote';
  deliver(call: RouteCall): AsyncIterable<RouteEvent>;
  /** Why a target of this owner may be unknown at the moment, as a sentence; undefined when all is well. */
  absence?(): string | undefined;
}
