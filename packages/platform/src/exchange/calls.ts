import { AipError } from '@aip/wire';
import type { Body } from '../kernel/body.ts';
import type { Crossing } from '../kernel/guard.ts';
import type { JournalReader } from '../kernel/journal.ts';
import type { Session } from '../kernel/session.ts';
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
  /** Throws TASK_NOT_FOUND for a task that is not the caller's own, NOT_FOUND for an ask that is not open. */
  readonly answer: (session: Session, taskId: string, askId: string, body: Body) => Promise<void>;
  /** False when it has ended. */
  readonly cancel: (taskId: string, reason: CancelReason) => boolean;
  /** Returns how many it has canceled. */
  cancelAll(meant: (work: Work) => boolean, reason: CancelReason): number;
  /** Resolves when all of them have ended, but those that wait for a person. */
  ended(): Promise<unknown>;
}

export interface CallsOptions {
  readonly read: JournalReader;
  readonly live: ReadonlyMap<string, LiveTask>;
  readonly dispatcher: Pick<Dispatcher, 'cancel' | 'record'>;
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
    async answer(session, taskId, askId, body) {
      const task = live.get(taskId);
      const own = task?.tenant === session.principal.tenant && task.message.from.id === session.principal.id;
      if (!task || !own) throw new AipError('TASK_NOT_FOUND', `There is no live task ${taskId} of yours.`);
      const waiting = task.answers.get(askId);
      if (!waiting) throw new AipError('NOT_FOUND', `Task ${taskId} does not wait for an answer to ${askId}.`);
      if (!(await dispatcher.record(task, { type: 'answered', askId }))) throw new AipError('NOT_RECORDED');
      task.answers.delete(askId);
      waiting.resolve(body);
    },
    cancelAll: (meant, reason) =>
      [...live.values()].filter((task) => meant(task)).filter(({ id }) => cancel(id, reason)).length,
    ended: () => Promise.all([...live.values()].filter((task) => !task.parked).map((task) => task.stream.ended)),
  };
}
