import { aipErrorFromBody, AipError, type Json, type JsonObject } from '@aip/wire';
import { data } from '../kernel/body.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Journal } from '../kernel/journal.ts';
import type { Draft } from '../kernel/message.ts';
import type { Operation } from '../kernel/operation.ts';
import type { Credential, Principal } from '../kernel/principal.ts';
import type { Session } from '../kernel/session.ts';
import { createShares } from '../kernel/shares.ts';
import type { CancelReason, TaskHead } from '../kernel/task.ts';
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import { createAcceptance } from './acceptance.ts';
import { createAnswers, type AnswerTask } from './answers.ts';
import { createCalls, type Work } from './calls.ts';
import { createCatalogue, type Catalogue, type Vet } from './catalogue.ts';
import { createDirectDelivery, type Stands } from './direct-delivery.ts';
import { createDispatcher } from './dispatch.ts';
import { createHolds } from './holds.ts';
import { createKnownRequests } from './known-request.ts';
import type { Call, LiveTask } from './live-task.ts';
import { operationEntries } from './operation-route.ts';
import { outputOf } from './outcome.ts';
import { createParkedCalls, type Answer } from './parked-calls.ts';
import type { Slots } from './pipeline.ts';
import { createReception } from './reception.ts';
import { createRecorder } from './recorder.ts';
import { createRecovery } from './recovery.ts';
import { createRoutes, type Routes } from './routes.ts';
import { createSending } from './sending.ts';
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
  /**
   * Counts a message that ends in its edge, a ping say, against its sender's rate, and the bytes that it has if they are
   * kept. Throws RATE_LIMITED.
   */
  count(principal: Principal, bytes?: number): void;
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
   * Then signals and own reads are canceled, and whoever still waits is told; tasks are taken up by the next start. `begun` is told for how many it waits.
   */
  drain(timeout: number, begun?: (underWay: number) => void): Promise<void>;
  /**
   * Calls back when draining is over and connections are about to be ended: who still waits for an answer is told then
   * that its task goes on without it ({@link interrupted}). Returns what stops it.
   */
  readonly whenDrained: (tell: () => void) => () => void;
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

/** Calls that have not ended are in memory, whole; a target that never answers would fill it. */
const UNDER_WAY = { of: 'calls are under way', total: 10_000, each: 2_000 } as const;

export function createExchange(options: ExchangeOptions): Exchange {
  const { journal, slots, clock, isGone = () => false, telemetry = createTelemetry() } = options;
  const { asNow = (principal: Principal) => principal } = options;
  const catalogue = createCatalogue(options.vet);
  const routes = createRoutes();
  const sessions = createSessions(() => clock.now(), isGone);
  const known = createKnownRequests(journal.read, catalogue);
  const live = new Map<string, LiveTask>();
  const underWay = createShares(UNDER_WAY);
  const holds = createHolds(underWay, clock);
  const operations = new Map(options.operations.map((operation) => [operation.name, operation]));
  catalogue.put('operations', operationEntries(options.operations));
  const recorder = createRecorder(journal, slots.limit);
  const dispatcher = createDispatcher({
    journal,
    recorder,
    slots,
    clock,
    onEnded(task) {
      if (live.delete(task.id)) telemetry.tasksLive.add(-1);
    },
  });
  const reception = createReception({ catalogue, routes, known, live, operations, clock });
  const acceptance = createAcceptance({ recorder, slots, dispatcher, isGone, clock, telemetry });
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
  const path = createSending({
    journal,
    slots,
    clock,
    known,
    reception,
    acceptance,
    dispatcher,
    parked,
    calls,
    underWay,
    enlist,
  });
  let draining = false;
  const waiting = new Set<() => void>();

  async function send(session: Session, draft: Draft): Promise<Call> {
    open();
    const expected = reception.expected(draft);
    if (expected) {
      await holds.until(expected, session, draft);
      open();
    }
    return path.send(session, draft);
  }

  function open(): void {
    if (draining) throw new AipError('SHUTTING_DOWN');
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
    return outputOf(await send(session, draft));
  }

  async function drain(timeout: number, begun?: (underWay: number) => void): Promise<void> {
    draining = true;
    holds.end();
    const ends = [...calls.ends(), ...direct.ends()];
    begun?.(ends.length);
    const late = new Promise((resolve) => setTimeout(resolve, timeout).unref());
    await Promise.race([Promise.all(ends), late]);
    direct.cancelAll(() => true, 'shutdown');
    for (const tell of waiting) tell();
  }

  return {
    catalogue,
    routes,
    sessions,
    journal,
    clock,
    live,
    authenticate: slots.authenticate,
    count(principal, bytes = 0) {
      const verdict = slots.limit.admit({ principal, plane: 'data' });
      if (verdict.verdict === 'deny') throw aipErrorFromBody(verdict.error);
      if (bytes > 0) slots.limit.weigh(principal, bytes);
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
    whenDrained(tell) {
      waiting.add(tell);
      return () => void waiting.delete(tell);
    },
  };
}
