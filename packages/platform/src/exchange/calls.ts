import type { Crossing } from '../kernel/guard.ts';
import type { JournalReader } from '../kernel/journal.ts';
import type { CancelReason } from '../kernel/task.ts';
import type { Dispatcher } from './dispatch.ts';
import { storedMessage, taskEvents, taskHead } from './history.ts';
import { endedCall, type Call, type LiveTask } from './live-task.ts';

/** What is under way for a message: a task, or a delivery that makes none. */
export type Work = Pick<Crossing, 'message' | 'target' | 'scopes' | 'plane'>;

/** Tasks as edges handle them, live or ended. */
export interface Calls {
  of(task: LiveTask): Call;
  readonly get: (tenant: string, taskId: string) => Call | undefined;
  /** False when it has ended. */
  readonly cancel: (taskId: string, reason: CancelReason) => boolean;
  /** Returns how many it has canceled. */
  cancelAll(meant: (work: Work) => boolean, reason: CancelReason): number;
  /** Each resolves when one that is under way has ended; those that wait for a person are not among them. */
  ends(): readonly Promise<unknown>[];
}

export interface CallsOptions {
  readonly read: JournalReader;
  readonly live: ReadonlyMap<string, LiveTask>;
  readonly dispatcher: Pick<Dispatcher, 'cancel'>;
  /** Says that the caller has the result of a task that had been parked. */
  readonly delivered: (taskId: string) => void;
}

export function createCalls({ read, live, dispatcher, delivered }: CallsOptions): Calls {
  const deliveredTo =
    (taskId: string, caller: string): Call['delivered'] =>
    ({ id }) => {
      if (id === caller) delivered(taskId);
    };

  const of = (task: LiveTask): Call => ({
    taskId: task.id,
    message: task.message,
    events: (after = 0, listening) => task.stream.follow(after, listening),
    ended: task.stream.ended,
    get last() {
      return task.stream.last;
    },
    cancel: (reason) => dispatcher.cancel(task, reason),
    delivered: deliveredTo(task.id, task.message.from.id),
  });

  function cancel(taskId: string, reason: CancelReason): boolean {
    const task = live.get(taskId);
    if (!task || task.settling) return false;
    dispatcher.cancel(task, reason);
    return true;
  }

  return {
    of,
    cancel,
    get(tenant, taskId) {
      const task = live.get(taskId);
      if (task?.tenant === tenant) return of(task);
      const head = taskHead(read, tenant, taskId);
      if (!head) return undefined;
      return endedCall(
        (after) => taskEvents(read, tenant, taskId, after),
        taskId,
        head.n,
        storedMessage(read, tenant, head),
        deliveredTo(taskId, head.from),
      );
    },
    cancelAll: (meant, reason) =>
      [...live.values()].filter((task) => meant(task)).filter(({ id }) => cancel(id, reason)).length,
    ends: () => [...live.values()].filter((task) => !task.parked).map((task) => task.stream.ended),
  };
}
