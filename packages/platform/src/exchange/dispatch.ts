import { setTimeout as delay } from 'node:timers/promises';
import type { Json, JsonObject } from '@aip/wire';
import { text, type Body } from '../kernel/body.ts';
import type { EntryDraft } from '../kernel/entry.ts';
import { errorBody, toErrorBody, type ErrorBody } from '../kernel/error-body.ts';
import type { Crossing } from '../kernel/guard.ts';
import type { Journal } from '../kernel/journal.ts';
import type { Route, RouteCall } from '../kernel/route.ts';
import type { CancelReason, EffectState, ExchangeEvent, RouteEvent, TaskHead, TaskState } from '../kernel/task.ts';
import { isTerminal } from '../kernel/task.ts';
import { alarm } from './alarm.ts';
import { coalesce } from './coalesce.ts';
import { taskHead } from './history.ts';
import type { LiveTask } from './live-task.ts';
import { inspect, type Slots } from './pipeline.ts';

/** How long a canceled route may take to end by itself, in milliseconds. */
const GRACE = 2_000;
/** Events of one task on their way to the disk before its route has to wait. */
const MAX_UNRECORDED = 64;
/** How often an end that the log could not take is tried again, in milliseconds. */
const RETRY = 1_000;

export interface Dispatcher {
  /** Delivers an accepted message and records what comes back until the task has ended. */
  run(task: LiveTask, crossing: Crossing, route: Route, resumeFrom?: number): Promise<void>;
  /** Records one event and announces it once it is durable. */
  record(task: LiveTask, event: RouteEvent | ExchangeEvent): Promise<boolean>;
  settle(task: LiveTask, event: RouteEvent | ExchangeEvent): Promise<void>;
  /** Ends a task of which only the head is left; false when the log could not take it. */
  settleLost(tenant: string, head: TaskHead, error: ErrorBody): Promise<boolean>;
  cancel(task: LiveTask, reason: CancelReason): void;
}

export function createDispatcher(journal: Journal, slots: Slots, onEnded: (task: LiveTask) => void): Dispatcher {
  async function record(task: LiveTask, event: RouteEvent | ExchangeEvent): Promise<boolean> {
    if (task.settling) return false;
    const n = ++task.n;
    const state = stateAfter(event, task.state);
    task.state = state;
    const verdict = await journal.commit({
      tenant: task.tenant,
      entries: [{ kind: 'event', task: task.id, n, head: { type: event.type, state }, body: JSON.stringify(event) }],
    });
    if (verdict.ok) task.stream.push({ ...event, n, at: verdict.at, state });
    else abandon(task, verdict.error);
    return verdict.ok;
  }

  async function settle(task: LiveTask, event: RouteEvent | ExchangeEvent): Promise<void> {
    if (task.settling) return;
    task.settling = true;
    const { entries = [], ...end } = event.type === 'done' ? event : { ...event, entries: [] as readonly EntryDraft[] };
    const recorded =
      end.type === 'done' && end.secret ? { ...end, body: text('Not recorded: it holds a secret.') } : end;
    const n = ++task.n;
    const state = stateAfter(end, task.state);
    const verdict = await journal.commit({
      tenant: task.tenant,
      entries: [
        { kind: 'settle', task: task.id, n, head: settlement(task, end, state), body: JSON.stringify(recorded) },
        ...entries,
      ],
    });
    if (verdict.ok) {
      task.state = state;
      task.stream.push({ ...end, n, at: verdict.at, state });
      onEnded(task);
      return;
    }
    task.n--;
    task.settling = false;
    // The end itself was refused: with its entries (a decider said no), the task fails with that reason.
    if (entries.length > 0) await settle(task, { type: 'failed', error: verdict.error, effect: 'none' });
    else abandon(task, verdict.error);
  }

  /** The log does not take this task any further: its followers are told, and the log as soon as it can be written. */
  function abandon(task: LiveTask, error: ErrorBody): void {
    // Everything that was under way is refused as well, and each refusal leads here.
    if (task.stream.last && isTerminal(task.stream.last.state)) return;
    task.settling = true;
    task.controller.abort('shutdown' satisfies CancelReason);
    task.stream.push({ type: 'failed', error, effect: 'unknown', n: ++task.n, at: Date.now(), state: 'failed' });
    onEnded(task);
    // A log that has been closed meanwhile is taken up by the next start.
    settleLater(task, error).catch(() => {});
  }

  async function settleLater({ tenant, id }: LiveTask, error: ErrorBody): Promise<void> {
    for (;;) {
      await delay(RETRY, undefined, { ref: false });
      const head = taskHead(journal.read, tenant, id);
      if (!head || isTerminal(head.state) || (await settleLost(tenant, head, error))) return;
    }
  }

  async function pump(task: LiveTask, crossing: Crossing, route: Route, call: RouteCall): Promise<void> {
    let unrecorded = 0;
    for await (const raw of coalesce(route.deliver(call))) {
      const event = inspect(slots, crossing, raw);
      if (task.settling) return;
      if (event.type === 'done' || event.type === 'failed') return settle(task, ended(task, event));
      // A kill lets nothing out any more, while the route ends.
      if (task.canceled === 'kill') continue;
      const recorded = record(task, event).finally(() => unrecorded--);
      if (++unrecorded >= MAX_UNRECORDED) await recorded;
    }
    await settle(
      task,
      ended(task, {
        type: 'failed',
        error: errorBody('UPSTREAM_FAILED', 'The target ended without a result.'),
        effect: effectOf(task),
      }),
    );
  }

  async function run(task: LiveTask, crossing: Crossing, route: Route, resumeFrom?: number): Promise<void> {
    const call: RouteCall = {
      message: task.message,
      entry: task.target,
      signal: task.controller.signal,
      answer: (askId) => awaitAnswer(task, askId),
      ...(resumeFrom === undefined ? {} : { resumeFrom }),
    };
    const deadline = task.message.deadline;
    const stopDeadline =
      deadline === undefined ? undefined : alarm(deadline - Date.now(), () => cancel(task, 'deadline'));
    try {
      await pump(task, crossing, route, call);
    } catch (error) {
      await settle(task, ended(task, { type: 'failed', error: toErrorBody(error), effect: effectOf(task) }));
    } finally {
      stopDeadline?.();
      for (const answer of task.answers.values()) answer.reject(new Error('The call has ended.'));
    }
  }

  function cancel(task: LiveTask, reason: CancelReason): void {
    if (task.settling || task.canceled !== undefined) return;
    task.canceled = reason;
    if (task.askId !== undefined) {
      void settle(task, { type: 'canceled', reason, effect: 'none' });
      return;
    }
    task.controller.abort(reason);
    const timer = setTimeout(() => void settle(task, { type: 'canceled', reason, effect: effectOf(task) }), GRACE);
    void task.stream.ended.then(() => clearTimeout(timer));
  }

  async function settleLost(tenant: string, head: TaskHead, error: ErrorBody): Promise<boolean> {
    const end = { type: 'failed', error, effect: 'unknown' } as const;
    const hold = head.hold ? { hold: head.hold as unknown as Json, resolution: 'kept' } : {};
    const entry = {
      kind: 'settle',
      task: head.id,
      n: head.n + 1,
      head: { type: 'failed', state: 'failed', effect: 'unknown', code: error.code, message: head.message, ...hold },
      body: JSON.stringify(end),
    };
    return (await journal.commit({ tenant, entries: [entry] })).ok;
  }

  return { run, record, settle, settleLost, cancel };
}

/** A route that ends after a cancellation ends as canceled, with what it says about its effect. */
function ended(task: LiveTask, event: Extract<RouteEvent, { type: 'done' | 'failed' }>): RouteEvent | ExchangeEvent {
  if (task.canceled === undefined) return event;
  if (event.type === 'failed') return { type: 'canceled', reason: task.canceled, effect: event.effect };
  // A result that still came in time is the caller's, unless a kill stopped the work: then nothing leaves.
  return task.canceled === 'kill' ? { type: 'canceled', reason: 'kill', effect: 'applied' } : event;
}

const effectOf = (task: LiveTask): EffectState => (task.target.effect === 'read' ? 'none' : 'unknown');

function awaitAnswer(task: LiveTask, askId: string) {
  const known = task.answers.get(askId);
  if (known) return known.promise;
  const answer = Promise.withResolvers<Body>();
  // A call may end before anybody asks for the answer; that is not an unhandled failure.
  answer.promise.catch(() => {});
  task.answers.set(askId, answer);
  return answer.promise;
}

function stateAfter(event: RouteEvent | ExchangeEvent, current: TaskState): TaskState {
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
    ...(task.askId === undefined ? {} : { ask: task.askId }),
    ...(hold
      ? {
          hold: hold as unknown as Json,
          resolution:
            effect === 'unknown' ? 'kept' : effect === 'applied' || event.type === 'done' ? 'captured' : 'released',
        }
      : {}),
  };
}
