import { aipErrorFromBody, AipError, type ErrorBody, type Json, type JsonObject } from '@aip/wire';
import { data, valueOf } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { Clock } from '../kernel/clock.ts';
import { toErrorBody } from '../kernel/error-body.ts';
import type { Crossing, GuardVerdict } from '../kernel/guard.ts';
import type { Journal } from '../kernel/journal.ts';
import type { Draft } from '../kernel/message.ts';
import type { Operation } from '../kernel/operation.ts';
import type { Credential, Principal } from '../kernel/principal.ts';
import type { Route } from '../kernel/route.ts';
import type { Session } from '../kernel/session.ts';
import type { CancelReason, TaskHead } from '../kernel/task.ts';
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import { createAcceptance, unavailable } from './acceptance.ts';
import { createAnswers, type AnswerTask } from './answers.ts';
import { createCalls, type Work } from './calls.ts';
import { createCatalogue, type Catalogue, type Vet } from './catalogue.ts';
import { createDirectDelivery, type Stands } from './direct-delivery.ts';
import { createDispatcher } from './dispatch.ts';
import { createKnownRequests } from './known-request.ts';
import { createLiveTask, type Call, type LiveTask } from './live-task.ts';
import { operationEntries } from './operation-route.ts';
import { outcomeOf } from './outcome.ts';
import { createParkedCalls, type Answer } from './parked-calls.ts';
import { admit, type Admission, type Slots } from './pipeline.ts';
import { createReception } from './reception.ts';
import { messageBody } from './records.ts';
import { createRecovery } from './recovery.ts';
import { createRoutes, type Routes } from './routes.ts';
import { createSessions, type Sessions } from './sessions.ts';

/** The one point that every message crosses. */
export interface Exchange {
  readonly catalogue: Catalogue;
  readonly routes: Routes;
  readonly sessions: Sessions;
  readonly journal: Journal;
  readonly clock: Clock;
  /** Throws UNAUTHENTICATED. */
  authenticate(credential: Credential): Principal;
  /** Counts a message that ends in its edge, a ping say, against its sender's rate. Throws RATE_LIMITED. */
  count(principal: Principal): void;
  /** A request: crosses the guards, becomes a task. Throws the denial; resolves once it is durably accepted or parked. */
  send(session: Session, draft: Draft): Promise<Call>;
  /**
   * A signal (OFFER, ANSWER, ICE_CANDIDATE, subscriptions): crosses the guards, leaves an entry, makes no task. What it
   * has begun goes on for as long as it `Stands`. `caller` is aborted when the sender goes away.
   */
  signal(session: Session, draft: Draft, caller?: AbortSignal): Promise<Stands>;
  /**
   * Runs one of the platform's operations and returns its output. Throws the denial or failure. `caller` is aborted when
   * the caller goes away: that ends what only reads; a change that has begun is made.
   */
  operate(session: Session, name: string, input: JsonObject, caller?: AbortSignal): Promise<Json>;
  /** The call of a task, live or ended. Who may see it is decided by the operation that names it (`tasks.get`). */
  call(tenant: string, taskId: string): Call | undefined;
  /** Answers an ask that was put to the caller of a task. */
  readonly answer: AnswerTask;
  /** Cancels a live task; false when it has ended. */
  cancel(taskId: string, reason: CancelReason): boolean;
  /** Cancels what is meant of all that is under way, signals and own reads too. Returns how many of them were tasks. */
  cancelAll(meant: (work: Work) => boolean, reason: CancelReason): number;
  /** Tasks that have not ended, by id. */
  readonly live: ReadonlyMap<string, LiveTask>;
  /** Ends the wait of a parked task: approved, it passes all slots again; denied, it is rejected. */
  resume(taskId: string, answer: Answer): Promise<void>;
  /** Takes up again what a restart has interrupted. */
  recover(tenant: string, head: TaskHead): void;
  /**
   * Refuses new messages from now on; resolves when what is under way has ended or `timeout` milliseconds have passed.
   * Then signals and own reads are canceled; tasks are taken up by the next start.
   */
  drain(timeout: number): Promise<void>;
}

export interface ExchangeOptions {
  readonly journal: Journal;
  readonly slots: Slots;
  readonly operations: readonly Operation[];
  readonly clock: Clock;
  readonly telemetry?: Telemetry;
  /** Whether somebody who was let in before may no longer be here (a revoked token). */
  readonly isGone?: (principal: Principal) => boolean;
  /** A sender as it is now: what it sent has waited, and it may have lost, or got, roles since. */
  readonly asNow?: (principal: Principal) => Principal;
  readonly vet?: Vet;
}

/** The log refused because it cannot be written, not because of what was to be written. */
const UNWRITABLE: ReadonlySet<string> = new Set(['NOT_RECORDED', 'DISK_FULL']);

/** Changes nothing, and leaves this process for nothing: it need not wait until its accept is durable. */
const isOwnRead = (target: CatalogueEntry, route: Route): boolean =>
  route.reach === 'local' && target.effect === 'read';

export function createExchange(options: ExchangeOptions): Exchange {
  const { journal, slots, clock, isGone = () => false, telemetry = createTelemetry() } = options;
  const { asNow = (principal: Principal) => principal } = options;
  const catalogue = createCatalogue(options.vet);
  const routes = createRoutes();
  const sessions = createSessions(() => clock.now(), isGone);
  const known = createKnownRequests(journal.read, catalogue);
  const live = new Map<string, LiveTask>();
  const operations = new Map(options.operations.map((operation) => [operation.name, operation]));
  catalogue.put('operations', operationEntries(options.operations));
  const dispatcher = createDispatcher({
    journal,
    slots,
    clock,
    onEnded(task) {
      if (live.delete(task.id)) telemetry.tasksLive.add(-1);
    },
  });
  const reception = createReception({ catalogue, routes, known, live, operations, clock });
  const acceptance = createAcceptance({ journal, slots, dispatcher, isGone, clock, telemetry });
  const parked = createParkedCalls({
    journal,
    slots,
    catalogue,
    reception,
    acceptance,
    live,
    clock,
    telemetry,
    asNow,
    enlist,
  });
  const calls = createCalls({ read: journal.read, live, dispatcher, delivered: parked.delivered });
  const direct = createDirectDelivery({ slots, reception, acceptance, known, isGone, telemetry });
  let draining = false;

  /** The path of one message: cross, the guards, the log, the route. */
  async function send(session: Session, draft: Draft): Promise<Call> {
    open();
    const expected = reception.expected(draft);
    if (expected) await expected;
    const { crossing, verdict } = decide(reception.cross(session, draft));
    if (verdict.verdict === 'deny') return acceptance.deny(crossing, verdict);
    if (verdict.verdict === 'ask') return park(crossing, verdict);
    const route = reception.routeTo(crossing.target);
    if (!route) return knownCall(crossing) ?? acceptance.deny(crossing, unavailable(crossing.target));
    const inForce = reception.latch(crossing);
    const task = createLiveTask(journal.read, crossing);
    const body = messageBody(crossing.message, crossing.target);
    const prompt = isOwnRead(crossing.target, route) ? await dispatcher.tryAtOnce(task, crossing, route) : undefined;
    const refusal = prompt?.ended
      ? await acceptance.acceptAnswered(task, crossing, prompt.events, body)
      : await acceptance.accept(task, crossing, body);
    if (refusal && inForce !== undefined && UNWRITABLE.has(refusal.code)) return unrecorded(task, inForce);
    if (refusal) return refused(crossing, refusal);
    if (prompt?.ended) return calls.of(task);
    enlist(task);
    void acceptance.run(task, crossing, prompt ? { ...route, deliver: prompt.all } : route);
    return calls.of(task);
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

  function open(): void {
    if (draining) throw new AipError('SHUTTING_DOWN');
  }

  async function park(crossing: Crossing, verdict: Extract<GuardVerdict, { verdict: 'ask' }>): Promise<Call> {
    try {
      return calls.of(await parked.park(crossing, verdict));
    } catch (error) {
      return refused(crossing, toErrorBody(error));
    }
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

  function enlist(task: LiveTask): void {
    live.set(task.id, task);
    telemetry.tasksLive.add(1);
  }

  async function operate(session: Session, name: string, input: JsonObject, caller?: AbortSignal): Promise<Json> {
    const draft: Draft = { to: `operation:${name}`, action: 'operate', body: data(input) };
    if (operations.get(name)?.effect === 'read') {
      open();
      return direct.read(session, draft, caller);
    }
    const running = await send(session, draft);
    const asked = running.last;
    if (asked?.type === 'asked') {
      throw new AipError('APPROVAL_REQUIRED', 'An operator has to approve this first.', {
        details: { task: running.taskId, ask: asked.ask.id },
      });
    }
    const outcome = outcomeOf(await running.ended);
    if (outcome.ok) return valueOf(outcome.body);
    throw aipErrorFromBody(outcome.error);
  }

  async function drain(timeout: number): Promise<void> {
    draining = true;
    const late = new Promise((resolve) => setTimeout(resolve, timeout).unref());
    await Promise.race([Promise.all([calls.ended(), direct.ended()]), late]);
    direct.cancelAll(() => true, 'shutdown');
  }

  return {
    catalogue,
    routes,
    sessions,
    journal,
    clock,
    live,
    authenticate: slots.authenticate,
    count(principal) {
      const verdict = slots.limit.admit({ principal, plane: 'data' });
      if (verdict.verdict === 'deny') throw aipErrorFromBody(verdict.error);
    },
    send,
    async signal(session, draft, caller) {
      open();
      return direct.signal(session, draft, caller);
    },
    operate,
    call: calls.get,
    answer: createAnswers({ live, slots, catalogue, acceptance, dispatcher, clock }),
    cancel: calls.cancel,
    cancelAll(meant, reason) {
      direct.cancelAll(meant, reason);
      return calls.cancelAll(meant, reason);
    },
    resume: parked.resume,
    recover: createRecovery({
      journal,
      catalogue,
      dispatcher,
      slots,
      isGone,
      asNow,
      enlist,
      park: parked.waitFor,
      routeTo: reception.routeSoon,
    }),
    drain,
  };
}
