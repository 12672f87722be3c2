import { aipErrorFromBody, type ErrorBody, type JsonObject } from '@aip/wire';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { Clock } from '../kernel/clock.ts';
import type { EntryDraft, Verdict } from '../kernel/entry.ts';
import { errorBody } from '../kernel/error-body.ts';
import { PASS, type Crossing, type GuardVerdict } from '../kernel/guard.ts';
import type { Journal } from '../kernel/journal.ts';
import type { Route } from '../kernel/route.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Dispatcher } from './dispatch.ts';
import type { LiveTask } from './live-task.ts';
import type { Slots } from './pipeline.ts';
import { denial, messageHead } from './records.ts';

export type Denial = Extract<GuardVerdict, { verdict: 'deny' }> & { guard?: string };

/** What happens to a message once the guards have spoken: its entry in the log, and the start of the work. */
export interface Acceptance {
  readonly commit: (tenant: string, entry: EntryDraft) => Promise<Verdict>;
  /** Makes the acceptance durable and opens the stream. `body` is kept for a second delivery. */
  accept(task: LiveTask, crossing: Crossing, body?: string): Promise<ErrorBody | undefined>;
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
  readonly journal: Journal;
  readonly slots: Slots;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export function createAcceptance({ journal, slots, dispatcher, clock, telemetry }: AcceptanceOptions): Acceptance {
  const commit = (tenant: string, entry: EntryDraft): Promise<Verdict> => journal.commit({ tenant, entries: [entry] });

  const fail = (task: LiveTask, error: ErrorBody): Promise<void> =>
    dispatcher.settle(task, { type: 'failed', error, effect: 'none' });

  async function accept(task: LiveTask, crossing: Crossing, body?: string): Promise<ErrorBody | undefined> {
    const n = task.n + 1;
    const verdict = await commit(task.tenant, {
      kind: 'accept',
      task: task.id,
      n,
      head: messageHead(crossing) as unknown as JsonObject,
      ...(body === undefined ? {} : { body }),
    });
    if (!verdict.ok) return verdict.error;
    task.n = n;
    task.state = 'submitted';
    task.crossing = crossing;
    task.stream.push({ type: 'submitted', state: 'submitted', n, at: verdict.at });
    telemetry.messages.add(1, { edge: crossing.message.edge, outcome: 'accepted', code: 'OK' });
    return undefined;
  }

  async function run(task: LiveTask, crossing: Crossing, route: Route): Promise<void> {
    if (task.canceled !== undefined)
      return dispatcher.settle(task, { type: 'canceled', reason: task.canceled, effect: 'none' });
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
    if (record !== false) await commit(crossing.principal.tenant, record ?? denial(crossing, error, guard));
    throw aipErrorFromBody(error);
  }

  return { commit, accept, run, deny, fail, stopFor };
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
