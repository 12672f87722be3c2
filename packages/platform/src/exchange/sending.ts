import type { ErrorBody, Json } from '@aip/wire';
import { data } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { Clock } from '../kernel/clock.ts';
import { toErrorBody } from '../kernel/error-body.ts';
import type { Crossing, GuardVerdict } from '../kernel/guard.ts';
import type { Journal } from '../kernel/journal.ts';
import type { Draft } from '../kernel/message.ts';
import type { Route } from '../kernel/route.ts';
import type { Session } from '../kernel/session.ts';
import type { Shares } from '../kernel/shares.ts';
import { unavailable, type Acceptance, type Denial } from './acceptance.ts';
import type { Calls } from './calls.ts';
import type { Dispatcher } from './dispatch.ts';
import type { KnownRequests } from './known-request.ts';
import { createLiveTask, type Call, type LiveTask } from './live-task.ts';
import type { ParkedCalls } from './parked-calls.ts';
import { admit, type Admission, type Slots } from './pipeline.ts';
import type { Reception } from './reception.ts';
import { messageBody } from './records.ts';

/** The path of one message: the guards, the log, the route. */
export interface Sending {
  /** Crosses, passes the guards, is recorded, goes its route. Throws the denial; resolves once it is accepted or parked. */
  send(session: Session, draft: Draft): Promise<Call>;
}

export interface SendingOptions {
  readonly journal: Journal;
  readonly slots: Slots;
  readonly clock: Clock;
  readonly known: KnownRequests;
  readonly reception: Reception;
  readonly acceptance: Acceptance;
  readonly dispatcher: Dispatcher;
  readonly parked: ParkedCalls;
  readonly calls: Calls;
  /** Room for calls that have not ended. */
  readonly underWay: Shares;
  /** From now on the task is under way. */
  readonly enlist: (task: LiveTask) => void;
}

/** The log refused because it cannot be written, not because of what was to be written. */
const UNWRITABLE: ReadonlySet<string> = new Set(['NOT_RECORDED', 'DISK_FULL']);

/** Changes nothing, and leaves this process for nothing: it need not wait until its accept is durable. */
const isOwnRead = (target: CatalogueEntry, route: Route): boolean =>
  route.reach === 'local' && target.effect === 'read';

export function createSending(options: SendingOptions): Sending {
  const { journal, slots, clock, known, reception, acceptance, dispatcher, parked, calls, underWay, enlist } = options;

  async function send(session: Session, draft: Draft): Promise<Call> {
    const { crossing, verdict } = decide(reception.cross(session, draft));
    if (verdict.verdict === 'deny')
      return verdict.guard === slots.budget.name ? foundOr(crossing, verdict) : acceptance.deny(crossing, verdict);
    if (verdict.verdict === 'ask') return park(crossing, verdict);
    const route = reception.routeTo(crossing.target);
    if (!route) return foundOr(crossing, unavailable(crossing.target));
    const inForce = reception.latch(crossing);
    const task = createLiveTask(journal.read, crossing);
    const body = messageBody(crossing.message, crossing.target);
    using place = new DisposableStack();
    const full = enter(crossing, place);
    if (full) return foundOr(crossing, full);
    const prompt = isOwnRead(crossing.target, route) ? await dispatcher.tryAtOnce(task, crossing, route) : undefined;
    const refusal = prompt?.ended
      ? await acceptance.acceptAnswered(task, crossing, prompt.events, body)
      : await acceptance.accept(task, crossing, body);
    if (refusal && inForce !== undefined && UNWRITABLE.has(refusal.code)) return unrecorded(task, inForce);
    if (refusal) return refused(crossing, refusal);
    if (prompt?.ended) return calls.of(task);
    enlist(task);
    const taken = place.move();
    void task.stream.ended.then(() => taken.dispose());
    void acceptance.run(task, crossing, prompt ? { ...route, deliver: prompt.all } : route);
    return calls.of(task);
  }

  /** Takes room for one more call until `place` is disposed of; what steers the platform always has it. */
  function enter({ plane, principal }: Crossing, place: DisposableStack): Denial | undefined {
    if (plane === 'control') return undefined;
    try {
      place.defer(underWay.take(principal));
      return undefined;
    } catch (error) {
      return { verdict: 'deny', error: toErrorBody(error), guard: 'limit', record: false };
    }
  }

  /** An identical retry of a call that waits is no use of its own, unless nothing makes it wait any more. */
  function decide(crossing: Crossing): { crossing: Crossing; verdict: Admission } {
    if (parked.repeats(crossing)) {
      const retry: Crossing = { ...crossing, repeats: true, obligations: [], policies: [] };
      const verdict = admit(slots, retry);
      if (verdict.verdict !== 'pass') return { crossing: retry, verdict };
    }
    return { crossing, verdict: admit(slots, crossing) };
  }

  async function park(crossing: Crossing, verdict: Extract<GuardVerdict, { verdict: 'ask' }>): Promise<Call> {
    try {
      return calls.of(await parked.park(crossing, verdict));
    } catch (error) {
      return refused(crossing, toErrorBody(error));
    }
  }

  /** Who comes back for a call is led to it: it has been paid for, and has its place. */
  function foundOr(crossing: Crossing, denial: Denial): Call | Promise<never> {
    return knownCall(crossing) ?? acceptance.deny(crossing, denial);
  }

  /** The task of a request that was accepted before: nothing has to be there for it any more. */
  function knownCall(crossing: Crossing): Call | undefined {
    const task = known.task(crossing);
    return task === undefined ? undefined : calls.get(crossing.principal.tenant, task);
  }

  /** What has taken effect without the log: the answer says that it is not durable. */
  function unrecorded(task: LiveTask, output: Json): Call {
    task.stream.push({ type: 'done', body: data(output), n: 1, at: clock.now(), state: 'completed' });
    return calls.of(task);
  }

  /** The commit said no. A repeated request is led to its task; anything else is a recorded denial. */
  async function refused(crossing: Crossing, refusal: ErrorBody): Promise<Call> {
    const error = known.judged(crossing, refusal);
    const task = error.code === 'DUPLICATE' ? error.details?.['task'] : undefined;
    const existing = typeof task === 'string' ? calls.get(crossing.principal.tenant, task) : undefined;
    return existing ?? acceptance.deny(crossing, { verdict: 'deny', error });
  }

  return { send };
}
