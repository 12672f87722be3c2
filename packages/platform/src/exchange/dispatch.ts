import { setTimeout as delay } from 'node:timers/promises';
import { AipError, type Json, type JsonObject } from '@aip/wire';
import type { Body } from '../kernel/body.ts';
import type { Clock } from '../kernel/clock.ts';
import type { EntryDraft } from '../kernel/entry.ts';
import { errorBody, toErrorBody, type ErrorBody } from '../kernel/error-body.ts';
import type { Crossing } from '../kernel/guard.ts';
import type { Journal } from '../kernel/journal.ts';
import type { Route, RouteCall } from '../kernel/route.ts';
import type { CancelReason, ExchangeEvent, RouteEvent, TaskHead } from '../kernel/task.ts';
import { isTerminal } from '../kernel/task.ts';
import { alarm } from './alarm.ts';
import { coalesce } from './coalesce.ts';
import { firstTurn, type FirstTurn } from './first-turn.ts';
import { taskHead } from './history.ts';
import type { LiveTask } from './live-task.ts';
import { inspect, type Slots } from './pipeline.ts';
import type { Recorder } from './recorder.ts';
import { effectOf, endEntry, eventEntry, judged, stateAfter } from './task-entries.ts';

/** How long a canceled route may take to end by itself, in milliseconds. */
const GRACE = 2_000;
/** Events of one task on their way to the disk before its route has to wait. */
const MAX_UNRECORDED = 64;
/** How often an end that the log could not take is tried again, in milliseconds. */
const RETRY = 1_000;

/** Where a step stood that a restart has cut; see RouteCall. */
export type Resumed = Pick<RouteCall, 'resumeFrom' | 'handle'>;

export interface Dispatcher {
  /** Delivers an accepted message and records what comes back until the task has ended. */
  run(task: LiveTask, crossing: Crossing, route: Route, resumed?: Resumed): Promise<void>;
  /** Starts a delivery that needs no accept before it, for as long as the event loop has not turned. */
  tryAtOnce(task: LiveTask, crossing: Crossing, route: Route): Promise<FirstTurn>;
  /** Records one event and announces it once it is durable. */
  record(task: LiveTask, event: RouteEvent | ExchangeEvent): Promise<boolean>;
  /** Records an answer with its content and who gave it; a refusal is returned and leaves the task as it was. */
  recordAnswer(
    task: LiveTask,
    event: RouteEvent & { readonly type: 'answered' },
    head: JsonObject,
  ): Promise<ErrorBody | undefined>;
  /** Records that the step is delivered once more; returns which time it is. undefined: the task has ended instead. */
  redeliver(task: LiveTask): Promise<number | undefined>;
  settle(task: LiveTask, event: RouteEvent | ExchangeEvent): Promise<void>;
  /** Ends a task of which only the head is left; false when the log could not take it. */
  settleLost(tenant: string, head: TaskHead, error: ErrorBody): Promise<boolean>;
  cancel(task: LiveTask, reason: CancelReason): void;
}

export interface DispatcherOptions {
  readonly journal: Journal;
  readonly recorder: Recorder;
  readonly slots: Slots;
  readonly clock: Clock;
  readonly onEnded: (task: LiveTask) => void;
}

export function createDispatcher({ journal, recorder, slots, clock, onEnded }: DispatcherOptions): Dispatcher {
  /** Why the log has refused the event; undefined once it is durable. */
  async function append(
    task: LiveTask,
    event: RouteEvent | ExchangeEvent,
    more?: JsonObject,
  ): Promise<ErrorBody | undefined> {
    const n = ++task.n;
    const state = stateAfter(event, task.state);
    task.state = state;
    const verdict = await recorder(task.message.from, [eventEntry(task, n, event, state, more)]);
    if (!verdict.ok) return verdict.error;
    task.stream.push({ ...event, n, at: verdict.at, state });
    return undefined;
  }

  async function record(task: LiveTask, event: RouteEvent | ExchangeEvent): Promise<boolean> {
    if (task.settling) return false;
    const refusal = await append(task, event);
    if (refusal?.code === 'DELIVERED_TOO_OFTEN') {
      task.n--;
      await settle(task, { type: 'failed', error: refusal, effect: effectOf(task) });
    } else if (refusal) abandon(task, refusal);
    return refusal === undefined;
  }

  async function recordAnswer(
    task: LiveTask,
    event: RouteEvent & { readonly type: 'answered' },
    head: JsonObject,
  ): Promise<ErrorBody | undefined> {
    const { n, state } = task;
    const refusal = await append(task, event, head);
    // What has been numbered after it has no place any more; else the task waits on as it was.
    if (refusal && task.n !== n + 1) abandon(task, refusal);
    else if (refusal) Object.assign(task, { n, state });
    return refusal;
  }

  async function redeliver(task: LiveTask): Promise<number | undefined> {
    return (await record(task, { type: 'redelivered' })) ? ++task.deliveries : undefined;
  }

  async function settle(task: LiveTask, event: RouteEvent | ExchangeEvent): Promise<void> {
    if (task.settling) return;
    task.settling = true;
    const { entries = [], ...end } = event.type === 'done' ? event : { ...event, entries: [] as readonly EntryDraft[] };
    const n = ++task.n;
    const state = stateAfter(end, task.state);
    const verdict = await recorder(task.message.from, [endEntry(task, n, end, state), ...entries]);
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
    task.stream.push({ type: 'failed', error, effect: 'unknown', n: ++task.n, at: clock.now(), state: 'failed' });
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
      const event = inspect(slots, crossing, judged(task, raw));
      if (task.settling) return;
      if (event.type === 'done' || event.type === 'failed') return settle(task, ended(task, event));
      if (isSilenced(task.canceled)) continue;
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

  const callOf = (task: LiveTask, resumed: Resumed = {}): RouteCall => ({
    message: task.message,
    entry: task.target,
    signal: task.controller.signal,
    answer: (askId) => awaitAnswer(task, askId),
    delivery: task.deliveries,
    async redeliver() {
      const delivery = await redeliver(task);
      if (delivery === undefined) throw new AipError('DELIVERED_TOO_OFTEN');
      return delivery;
    },
    ...resumed,
  });

  async function tryAtOnce(task: LiveTask, crossing: Crossing, route: Route): Promise<FirstTurn> {
    const turn = await firstTurn(coalesce(route.deliver(callOf(task))));
    const changes = turn.events.some((event) => event.type === 'done' && event.entries !== undefined);
    if (!turn.ended || changes) return { ...turn, ended: false };
    return { ...turn, events: turn.events.map((event) => inspect(slots, crossing, judged(task, event))) };
  }

  async function run(task: LiveTask, crossing: Crossing, route: Route, resumed?: Resumed): Promise<void> {
    const call = callOf(task, resumed);
    const deadline = task.message.deadline;
    const stopDeadline =
      deadline === undefined ? undefined : alarm(deadline - clock.now(), () => cancel(task, 'deadline'));
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
    if (task.settling) return;
    // Who gave up on it may still be told its result; whoever stops it means that nothing leaves any more.
    if (task.canceled !== undefined) {
      if (isSilenced(reason)) task.canceled = reason;
      return;
    }
    task.canceled = reason;
    if (task.askId !== undefined) {
      void settle(task, { type: 'canceled', reason, effect: 'none' });
      return;
    }
    task.controller.abort(reason);
    const timer = setTimeout(
      () => void settle(task, { type: 'canceled', reason: task.canceled ?? reason, effect: effectOf(task) }),
      GRACE,
    );
    void task.stream.ended.then(() => clearTimeout(timer));
  }

  async function settleLost(tenant: string, head: TaskHead, error: ErrorBody): Promise<boolean> {
    const end = { type: 'failed', error, effect: 'unknown' } as const;
    const hold = head.hold ? { hold: head.hold as unknown as Json, resolution: 'kept' } : {};
    const entry = {
      kind: 'settle',
      task: head.id,
      n: head.n + 1,
      head: {
        type: 'failed',
        state: 'failed',
        effect: 'unknown',
        code: error.code,
        message: head.message,
        ...(head.askId === undefined ? {} : { ask: head.askId, from: head.from }),
        ...hold,
      },
      body: JSON.stringify(end),
    };
    return (await journal.commit({ tenant, entries: [entry] })).ok;
  }

  return { run, tryAtOnce, record, recordAnswer, redeliver, settle, settleLost, cancel };
}

/** A route that ends after a cancellation ends as canceled, with what it says about its effect. */
function ended(task: LiveTask, event: Extract<RouteEvent, { type: 'done' | 'failed' }>): RouteEvent | ExchangeEvent {
  if (task.canceled === undefined) return event;
  if (event.type === 'failed') return { type: 'canceled', reason: task.canceled, effect: event.effect };
  // A result that still came in time is the caller's, unless nothing may leave any more.
  return isSilenced(task.canceled) ? { type: 'canceled', reason: task.canceled, effect: 'applied' } : event;
}

/** A kill lets nothing out any more, while the route ends; nor does anybody who may no longer be here. */
export const isSilenced = (reason: CancelReason | undefined): boolean => reason === 'kill' || reason === 'revoked';

function awaitAnswer(task: LiveTask, askId: string) {
  const known = task.answers.get(askId);
  if (known) return known.promise;
  const answer = Promise.withResolvers<Body>();
  // A call may end before anybody asks for the answer; that is not an unhandled failure.
  answer.promise.catch(() => {});
  task.answers.set(askId, answer);
  return answer.promise;
}
