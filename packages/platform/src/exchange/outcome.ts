import { AipError, aipErrorFromBody, type Json } from '@aip/wire';
import { valueOf, type Body } from '../kernel/body.ts';
import { errorBody, type ErrorBody } from '../kernel/error-body.ts';
import type { CancelReason, EffectState, TaskEvent } from '../kernel/task.ts';
import type { Call } from './live-task.ts';

export type Outcome =
  | { readonly ok: true; readonly body: Body }
  | { readonly ok: false; readonly error: ErrorBody; readonly effect: EffectState; readonly body?: Body };

const CANCELED: Record<CancelReason, ErrorBody> = {
  caller: errorBody('CANCELED', 'The caller canceled this task.'),
  operator: errorBody('CANCELED', 'An operator canceled this task.'),
  assignee: errorBody('CANCELED', 'The agent that worked on this task canceled it.'),
  deadline: errorBody('DEADLINE_EXCEEDED', 'The deadline of this call passed before it ended.'),
  kill: errorBody('KILLED', 'This call was stopped by a kill.'),
  revoked: errorBody('CANCELED', 'This call was stopped: who sent it, or who worked on it, may no longer be here.'),
  disconnect: errorBody('CANCELED', 'The caller disconnected before this call ended.'),
  shutdown: errorBody('SHUTTING_DOWN', 'The platform is shutting down.'),
};

/** What whoever waits for something is told that has been canceled. */
export const canceledBy = (reason: CancelReason): ErrorBody => CANCELED[reason];

/** What ends the wait for a task when the platform stops: the task is taken up by the next start. */
export const interrupted = (taskId: string): AipError =>
  new AipError('SHUTTING_DOWN', `The platform is shutting down; task ${taskId} goes on when it is back.`, {
    details: { task: taskId },
  });

/** A terminal event as the caller's result. */
export function outcomeOf(event: TaskEvent): Outcome {
  if (event.type === 'done') return { ok: true, body: event.body };
  if (event.type === 'failed')
    return { ok: false, error: event.error, effect: event.effect, ...(event.body ? { body: event.body } : {}) };
  if (event.type === 'canceled') return { ok: false, error: canceledBy(event.reason), effect: event.effect };
  return {
    ok: false,
    error: errorBody('INTERNAL_ERROR', 'The content of this result has been erased.'),
    effect: 'unknown',
  };
}

/** The output of an operation that was called. Throws its failure, and APPROVAL_REQUIRED while it waits for an operator. */
export async function outputOf({ taskId, last, ended }: Call): Promise<Json> {
  if (last?.type === 'asked')
    throw new AipError('APPROVAL_REQUIRED', 'An operator has to approve this first.', {
      details: { task: taskId, ask: last.ask.id },
    });
  const outcome = outcomeOf(await ended);
  if (outcome.ok) return valueOf(outcome.body);
  throw aipErrorFromBody(outcome.error);
}
