import type { Json, JsonObject } from '@aip/wire';
import { saysFailed, text } from '../kernel/body.ts';
import type { EntryDraft } from '../kernel/entry.ts';
import { errorBody } from '../kernel/error-body.ts';
import type { EffectState, ExchangeEvent, RouteEvent, TaskState } from '../kernel/task.ts';
import { isTerminal } from '../kernel/task.ts';
import type { LiveTask } from './live-task.ts';

/** One event of a task, as it is recorded; `more` is what else may be public about it. */
export const eventEntry = (
  task: LiveTask,
  n: number,
  event: RouteEvent | ExchangeEvent,
  state: TaskState,
  more: JsonObject = {},
): EntryDraft => ({
  kind: 'event',
  task: task.id,
  n,
  head: { ...more, type: event.type, state },
  body: JSON.stringify(event),
});

/** The end of a task, as it is recorded: without what is a secret. */
export function endEntry(task: LiveTask, n: number, end: RouteEvent | ExchangeEvent, state: TaskState): EntryDraft {
  const recorded = end.type === 'done' && end.secret ? { ...end, body: text('Not recorded: it holds a secret.') } : end;
  return { kind: 'settle', task: task.id, n, head: settlement(task, end, state), body: JSON.stringify(recorded) };
}

/** A tool that ran and says that it failed has not done what it was called for: the task fails, its result stays whole. */
export function judged({ target }: LiveTask, event: RouteEvent): RouteEvent {
  if (event.type !== 'done' || !saysFailed(event.body)) return event;
  // What it says of its failure is content, which policies may redact: it stands in the result alone.
  const error = errorBody(
    'TOOL_FAILED',
    `${target.name} of ${target.ownerName} ran and says that it failed; its result says why.`,
  );
  return { type: 'failed', error, effect: target.effect === 'read' ? 'none' : 'unknown', body: event.body };
}

export function stateAfter(event: RouteEvent | ExchangeEvent, current: TaskState): TaskState {
  switch (event.type) {
    case 'submitted':
      return 'submitted';
    case 'asked':
      return event.ask.kind === 'approval' || event.ask.kind === 'payment' ? 'auth_required' : 'input_required';
    case 'done':
      return 'completed';
    case 'failed':
      return event.error.code === 'APPROVAL_DENIED' ? 'rejected' : 'failed';
    case 'canceled':
      return 'canceled';
    default:
      return isTerminal(current) ? current : 'working';
  }
}

/** Public head of the end of a task: enough to verify its money and its effect without its content. */
function settlement(task: LiveTask, event: RouteEvent | ExchangeEvent, state: TaskState): JsonObject {
  const effect: EffectState =
    event.type === 'done'
      ? task.target.effect === 'read'
        ? 'none'
        : 'applied'
      : event.type === 'failed' || event.type === 'canceled'
        ? event.effect
        : 'unknown';
  const hold = task.crossing.hold;
  return {
    type: event.type,
    state,
    effect,
    message: task.message.id,
    assignee: task.target.owner,
    ...(event.type === 'failed' ? { code: event.error.code } : {}),
    ...(event.type === 'canceled' ? { reason: event.reason } : {}),
    ...(task.askId === undefined ? {} : { ask: task.askId, from: task.message.from.id }),
    ...(hold ? { hold: hold as unknown as Json, resolution: resolutionOf(event, effect) } : {}),
  };
}

/**
 * Only a result is paid. Whoever says itself that it failed is not, whatever it says of its effect; where nobody knows, or
 * a stop has kept the result back, the money waits for a person.
 */
function resolutionOf(event: RouteEvent | ExchangeEvent, effect: EffectState): 'kept' | 'captured' | 'released' {
  if (event.type === 'done') return 'captured';
  if (event.type === 'failed' && (event.error.code === 'TOOL_FAILED' || effect === 'applied')) return 'released';
  return effect === 'none' ? 'released' : 'kept';
}

/** What a task that ends without saying so may have changed. */
export const effectOf = (task: LiveTask): EffectState => (task.target.effect === 'read' ? 'none' : 'unknown');
