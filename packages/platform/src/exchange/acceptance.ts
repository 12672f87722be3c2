import { aipErrorFromBody, type ErrorBody, type JsonObject } from '@aip/wire';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { Clock } from '../kernel/clock.ts';
import type { EntryDraft, Verdict } from '../kernel/entry.ts';
import { errorBody } from '../kernel/error-body.ts';
import { PASS, type Crossing, type GuardVerdict } from '../kernel/guard.ts';
import type { Principal } from '../kernel/principal.ts';
import type { Route } from '../kernel/route.ts';
import { isTerminal, type RouteEvent, type TaskEvent, type TaskState } from '../kernel/task.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Dispatcher } from './dispatch.ts';
import type { LiveTask } from './live-task.ts';
import type { Slots } from './pipeline.ts';
import type { Recorder } from './recorder.ts';
import { denial, messageHead } from './records.ts';
import { endEntry, eventEntry, stateAfter } from './task-entries.ts';

export type Denial = Extract<GuardVerdict, { verdict: 'deny' }> & { guard?: string };

/** What happens to a message once the guards have spoken: its entry in the log, and the start of the work. */
export interface Acceptance {
  readonly commit: (sender: Principal, entry: EntryDraft) => Promise<Verdict>;
  /** Makes the acceptance durable and opens the stream. `body` is kept for a second delivery. */
  accept(task: LiveTask, crossing: Crossing, body?: string): Promise<ErrorBody | undefined>;
  /** Makes a message durable together with its whole answer: one step, as far as anybody can see. */
  acceptAnswered(
    task: LiveTask,
    crossing: Crossing,
    answer: readonly RouteEvent[],
    body: string,
  ): Promise<ErrorBody | undefined>;
  /** Dispatches an accepted message, unless it was canceled, or its scope stopped, while it was being accepted. */
  run(task: LiveTask, crossing: Crossing, route: Route): Promise<void>;
  /** Records the denial and throws it. */
  readonly deny: (crossing: Crossing, denial: Denial) => Promise<never>;
  /** Ends a task that has not been dispatched: nothing has happened outside. */
  fail(task: LiveTask, error: ErrorBody): Promise<void>;
  /** Why this message's scope has been stopped since it passed the gate, if it has. */
  stopFor(crossing: Crossing): ErrorBody | undefined;
}

export interface AcceptanceOptions {
  readonly recorder: Recorder;
  readonly slots: Slots;
  readonly dispatcher: Dispatcher;
  readonly isGone: (principal: Principal) => boolean;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export function createAcceptance(options: AcceptanceOptions): Acceptance {
  const { recorder, slots, dispatcher, isGone, clock, telemetry } = options;
  const commit = (sender: Principal, entry: EntryDraft): Promise<Verdict> => recorder(sender, [entry]);

  const fail = (task: LiveTask, error: ErrorBody): Promise<void> =>
    dispatcher.settle(task, { type: 'failed', error, effect: 'none' });

  const entryOf = (task: LiveTask, crossing: Crossing, body: string | undefined): EntryDraft => ({
    kind: 'accept',
    task: task.id,
    n: task.n + 1,
    head: messageHead(crossing) as unknown as JsonObject,
    ...(body === undefined ? {} : { body }),
  });

  async function accept(task: LiveTask, crossing: Crossing, body?: string): Promise<ErrorBody | undefined> {
    const verdict = await commit(crossing.principal, entryOf(task, crossing, body));
    if (!verdict.ok) return verdict.error;
    accepted(task, crossing, verdict.at);
    return undefined;
  }

  function accepted(task: LiveTask, crossing: Crossing, at: number): void {
    task.n++;
    task.state = 'submitted';
    task.crossing = crossing;
    task.stream.push({ type: 'submitted', state: 'submitted', n: task.n, at });
    telemetry.messages.add(1, { edge: crossing.message.edge, outcome: 'accepted', code: 'OK' });
  }

  async function acceptAnswered(
    task: LiveTask,
    crossing: Crossing,
    answer: readonly RouteEvent[],
    body: string,
  ): Promise<ErrorBody | undefined> {
    const entries = [entryOf(task, crossing, body)];
    const events: TaskEvent[] = [];
    let state: TaskState = 'submitted';
    for (const event of answer) {
      const n = entries.length + 1;
      state = stateAfter(event, state);
      entries.push(isTerminal(state) ? endEntry(task, n, event, state) : eventEntry(task, n, event, state));
      events.push({ ...event, n, at: 0, state });
    }
    const verdict = await recorder(crossing.principal, entries);
    if (!verdict.ok) return verdict.error;
    accepted(task, crossing, verdict.at);
    task.settling = true;
    task.n = entries.length;
    task.state = state;
    for (const event of events) task.stream.push({ ...event, at: verdict.at });
    return undefined;
  }

  async function run(task: LiveTask, crossing: Crossing, route: Route): Promise<void> {
    if (task.canceled !== undefined)
      return dispatcher.settle(task, { type: 'canceled', reason: task.canceled, effect: 'none' });
    if (isGone(task.message.from))
      return dispatcher.settle(task, { type: 'canceled', reason: 'revoked', effect: 'none' });
    const stop = stopFor(crossing);
    if (stop) return fail(task, stop);
    const started = clock.monotonic();
    await dispatcher.run(task, crossing, route);
    telemetry.duration.record((clock.monotonic() - started) / 1000, { edge: task.message.edge });
  }

  function stopFor(crossing: Crossing): ErrorBody | undefined {
    const gate = crossing.plane === 'control' ? PASS : slots.gate.admit(crossing);
    return gate.verdict === 'deny' ? gate.error : undefined;
  }

  async function deny(crossing: Crossing, { error, record, guard = 'commit' }: Denial): Promise<never> {
    telemetry.messages.add(1, { edge: crossing.message.edge, outcome: 'denied', code: error.code });
    // A denial that cannot be recorded is still a denial.
    if (record !== false) await commit(crossing.principal, record ?? denial(crossing, error, guard));
    throw aipErrorFromBody(error);
  }

  return { commit, accept, acceptAnswered, run, deny, fail, stopFor };
}

export const unavailable = (target: CatalogueEntry): Denial => ({
  verdict: 'deny',
  error: errorBody('AGENT_UNAVAILABLE', `${target.ownerName} is not connected; try again when it is.`),
  guard: 'resolve',
});

export const cannotWait = (what: string): Denial => ({
  verdict: 'deny',
  error: errorBody(
    'APPROVAL_REQUIRED',
    `${what} cannot wait for an approval, so the policy that asks for one denies it.`,
  ),
  guard: 'approve',
});
