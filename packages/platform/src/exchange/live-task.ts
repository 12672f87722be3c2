import type { Body } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { Crossing } from '../kernel/guard.ts';
import type { JournalReader } from '../kernel/journal.ts';
import type { Message } from '../kernel/message.ts';
import type { Principal } from '../kernel/principal.ts';
import type { CancelReason, TaskEvent, TaskState } from '../kernel/task.ts';
import { isTerminal } from '../kernel/task.ts';
import { taskEvents } from './history.ts';
import { createTaskStream, type TaskStream } from './task-stream.ts';

/** A task that has not ended, in memory. Everything about it that matters is in the log as well. */
export interface LiveTask {
  readonly id: string;
  readonly tenant: string;
  /** Its sender is the one that was decided on last. */
  message: Message;
  /** As remembered after a restart, until the target has come back. */
  target: CatalogueEntry;
  readonly scopes: readonly string[];
  readonly depth: number;
  readonly plane: 'data' | 'control';
  readonly stream: TaskStream;
  /** Aborted with the CancelReason. */
  readonly controller: AbortController;
  /** Asks that wait for an answer. */
  readonly answers: Map<string, PromiseWithResolvers<Body>>;
  /** Number of the last event handed to the journal. */
  n: number;
  /** How often it has been delivered, the one under way included. */
  deliveries: number;
  state: TaskState;
  /** How it was decided last: when it was sent, or when its approval was answered. */
  crossing: Crossing;
  /** Set once the end has been handed to the journal: nothing may follow. */
  settling: boolean;
  canceled?: CancelReason;
  /** The ask to operators that still stands between this task and its dispatch. */
  askId?: string;
  /** Set while that ask waits for its answer; the function stops its expiry. */
  parked?: { readonly hash: string; readonly stopExpiry: () => void };
}

export function createLiveTask(read: JournalReader, crossing: Crossing): LiveTask {
  const { message, target, scopes, depth, plane } = crossing;
  return {
    id: message.taskId,
    tenant: message.from.tenant,
    message,
    target,
    scopes,
    depth,
    plane,
    crossing,
    stream: createTaskStream((after) => taskEvents(read, message.from.tenant, message.taskId, after)),
    controller: new AbortController(),
    answers: new Map(),
    n: 0,
    deliveries: 1,
    state: 'submitted',
    settling: false,
  };
}

/** A call as edges see it: durable events, the end, and a way to cancel. */
export interface Call {
  readonly taskId: string;
  readonly message: Message | undefined;
  /** Events with a number above `after`; ends with the terminal one. */
  events(after?: number, signal?: AbortSignal): AsyncIterable<TaskEvent>;
  /** The terminal event. */
  readonly ended: Promise<TaskEvent>;
  /** The last durable event. */
  readonly last: TaskEvent | undefined;
  cancel(reason: CancelReason): void;
  /**
   * Says that somebody has the result of a call that had been parked. If that is its caller, an identical retry is a new
   * call from then on; whoever else may read it takes nothing away.
   */
  delivered(to: Pick<Principal, 'id'>): void;
}

/** A call on a task that ended before: replayed from the log. `read` returns the next events, as many as fit a page. */
export function endedCall(
  read: (after: number) => TaskEvent[],
  taskId: string,
  lastEvent: number,
  message: Message | undefined,
  delivered: Call['delivered'],
): Call {
  const [last] = read(lastEvent - 1);
  return {
    taskId,
    message,
    async *events(after = 0) {
      for (let page = read(after); page.length > 0; page = read(page.at(-1)?.n as number)) yield* page;
    },
    ended: last && isTerminal(last.state) ? Promise.resolve(last) : new Promise(() => {}),
    last,
    cancel() {},
    delivered,
  };
}
