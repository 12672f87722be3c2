import { aipErrorFromBody, AipError, type ErrorBody, type Json, type JsonObject } from '@aip/wire';
import { data, valueOf, type Body } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { Clock } from '../kernel/clock.ts';
import type { EntryDraft } from '../kernel/entry.ts';
import { errorBody, toErrorBody } from '../kernel/error-body.ts';
import { PASS, type Crossing, type GuardVerdict } from '../kernel/guard.ts';
import { uuidv7 } from '../kernel/ids.ts';
import type { Journal } from '../kernel/journal.ts';
import type { Draft } from '../kernel/message.ts';
import type { Operation } from '../kernel/operation.ts';
import type { Credential, Principal } from '../kernel/principal.ts';
import type { Route } from '../kernel/route.ts';
import type { Session } from '../kernel/session.ts';
import type { CancelReason, TaskHead } from '../kernel/task.ts';
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import { createCatalogue, type Catalogue } from './catalogue.ts';
import { chainOf, crossingOf, messageFrom } from './crossing.ts';
import { createDispatcher } from './dispatch.ts';
import { storedMessage, taskEvents, taskHead } from './history.ts';
import { createKnownRequests } from './known-request.ts';
import { createLiveTask, endedCall, type Call, type LiveTask } from './live-task.ts';
import { operationEntries, operationRoute, validInput } from './operation-route.ts';
import { outcomeOf } from './outcome.ts';
import { createParking } from './parking.ts';
import { admit, inspect, type Slots } from './pipeline.ts';
import { denial, messageBody, messageHead } from './records.ts';
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
  /** A request: crosses the guards, becomes a task. Throws the denial; resolves once it is durably accepted or parked. */
  send(session: Session, draft: Draft): Promise<Call>;
  /** A signal (OFFER, ANSWER, ICE_CANDIDATE, notifications): crosses the guards, leaves an entry, makes no task. */
  signal(session: Session, draft: Draft): Promise<void>;
  /** Runs one of the platform's operations and returns its output. Throws the denial or failure. */
  operate(session: Session, name: string, input: JsonObject): Promise<Json>;
  /** The call of a task, live or ended. Who may see it is decided by the operation that names it (`tasks.get`). */
  call(tenant: string, taskId: string): Call | undefined;
  /** Answers an ask that was put to the caller of a task. */
  answer(session: Session, taskId: string, askId: string, body: Body): Promise<void>;
  /** Cancels a live task; false when it has ended. */
  cancel(taskId: string, reason: CancelReason): boolean;
  /** Tasks that have not ended, by id. */
  readonly live: ReadonlyMap<string, LiveTask>;
  /** Ends the wait of a parked task: approved, it passes all slots again; denied, it is rejected. */
  resume(
    taskId: string,
    answer: { readonly approval: NonNullable<Crossing['approval']> } | { readonly denied: ErrorBody },
  ): Promise<void>;
  /** Takes up again what a restart has interrupted. */
  recover(tenant: string, head: TaskHead): void;
  /** Refuses new messages from now on; resolves when live tasks have ended or `timeout` milliseconds have passed. */
  drain(timeout: number): Promise<void>;
}

export interface ExchangeOptions {
  readonly journal: Journal;
  readonly slots: Slots;
  readonly operations: readonly Operation[];
  readonly clock: Clock;
  readonly telemetry?: Telemetry;
}

/** How long an approved call waits for a target that is not connected, in milliseconds. */
const COMEBACK = 30_000;

/** The log refused because it cannot be written, not because of what was to be written. */
const UNWRITABLE: ReadonlySet<string> = new Set(['NOT_RECORDED', 'DISK_FULL']);

type Denial = Extract<GuardVerdict, { verdict: 'deny' }> & { guard?: string };

export function createExchange({
  journal,
  slots,
  operations,
  clock,
  telemetry = createTelemetry(),
}: ExchangeOptions): Exchange {
  const catalogue = createCatalogue();
  const routes = createRoutes();
  const sessions = createSessions(() => clock.now());
  const known = createKnownRequests(journal.read, catalogue);
  const parking = createParking();
  const live = new Map<string, LiveTask>();
  const byName = new Map(operations.map((operation) => [operation.name, operation]));
  const ownRoute = operationRoute(byName);
  catalogue.put('operations', operationEntries(operations));
  const dispatcher = createDispatcher(journal, slots, (task) => {
    if (live.delete(task.id)) telemetry.tasksLive.add(-1);
  });
  let draining = false;

  // ── the path of one message ────────────────────────────────────────────────────────────────────────

  async function send(session: Session, draft: Draft): Promise<Call> {
    const crossing = cross(session, draft);
    const verdict = admit(slots, crossing);
    if (verdict.verdict === 'deny') return deny(crossing, verdict);
    if (verdict.verdict === 'ask') return park(crossing, verdict);
    const route = routeTo(crossing.target);
    if (!route) return knownCall(crossing) ?? deny(crossing, unavailable(crossing.target));
    const inForce = latch(crossing);
    const task = createLiveTask(journal.read, crossing);
    const refusal = await accept(task, crossing, messageBody(crossing.message, operationOf(crossing.target)?.secrets));
    if (refusal)
      return inForce !== undefined && UNWRITABLE.has(refusal.code)
        ? unrecorded(task, inForce)
        : refused(crossing, refusal);
    enlist(task);
    void run(task, crossing, route);
    return callOf(task);
  }

  function cross(session: Session, draft: Draft): Crossing {
    if (draining) throw new AipError('SHUTTING_DOWN');
    if (draft.deadline !== undefined && draft.deadline <= clock.now()) throw new AipError('DEADLINE_EXCEEDED');
    const target = targetOf(session.principal, draft);
    const message = messageFrom(session, draft, target, clock.now());
    return crossingOf(message, target, parentOf(session, draft.parentId));
  }

  /** A capability has whoever offers it, unless the request is known: then it stays where it went. */
  function targetOf(principal: Principal, draft: Draft): CatalogueEntry {
    if (draft.to.startsWith('capability:'))
      return known.target(principal, draft) ?? catalogue.resolve(draft.to, principal.tenant);
    try {
      return catalogue.resolve(draft.to, principal.tenant);
    } catch (error) {
      const target = known.target(principal, draft);
      if (target) return target;
      throw error;
    }
  }

  /** The sender's own live assignment, which it names as the reason of this message. */
  function parentOf(session: Session, parentId: string | undefined): LiveTask | undefined {
    if (parentId === undefined) return undefined;
    const parent = live.get(parentId);
    if (parent && parent.askId === undefined && parent.target.owner === session.principal.id) return parent;
    throw new AipError(
      'INVALID_ARGUMENT',
      `parentId ${parentId} is not a live task assigned to ${session.principal.name}.`,
    );
  }

  /** The task of a request that was accepted before: nothing has to be there for it any more. */
  function knownCall({ message }: Crossing): Call | undefined {
    const task = known.task(message);
    return task === undefined ? undefined : call(message.from.tenant, task);
  }

  const operationOf = (target: CatalogueEntry): Operation | undefined =>
    target.kind === 'operation' ? byName.get(target.name) : undefined;

  /** What must work even when the log cannot be written takes effect here. */
  function latch({ target, principal, message }: Crossing): Json | undefined {
    const operation = operationOf(target);
    return operation?.latch?.({ principal, message }, validInput(operation, message)) as Json | undefined;
  }

  /** What has taken effect without the log: the answer says that it is not durable. */
  function unrecorded(task: LiveTask, output: Json): Call {
    task.stream.push({ type: 'done', body: data(output), n: 1, at: clock.now(), state: 'completed' });
    return callOf(task);
  }

  const routeTo = (target: CatalogueEntry): Route | undefined =>
    target.kind === 'operation' ? ownRoute : routes.get(target.owner);

  const routeSoon = async (target: CatalogueEntry, wait: number): Promise<Route | undefined> =>
    routeTo(target) ?? routes.whenBound(target.owner, wait);

  /** Makes the acceptance durable and opens the stream. `body` is kept for a second delivery. */
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

  /** Dispatches an accepted message, unless it was canceled, or its scope stopped, while it was being accepted. */
  async function run(task: LiveTask, crossing: Crossing, route: Route): Promise<void> {
    if (task.canceled !== undefined)
      return dispatcher.settle(task, { type: 'canceled', reason: task.canceled, effect: 'none' });
    const stop = stopFor(crossing);
    if (stop) return fail(task, stop);
    const started = clock.monotonic();
    await dispatcher.run(task, crossing, route);
    telemetry.duration.record((clock.monotonic() - started) / 1000, { edge: task.message.edge });
  }

  /** Why this message's scope has been stopped since it passed the gate, if it has. */
  function stopFor(crossing: Crossing): ErrorBody | undefined {
    const gate = crossing.plane === 'control' ? PASS : slots.gate.admit(crossing);
    return gate.verdict === 'deny' ? gate.error : undefined;
  }

  async function deny(crossing: Crossing, { error, record, guard = 'commit' }: Denial): Promise<never> {
    telemetry.messages.add(1, { edge: crossing.message.edge, outcome: 'denied', code: error.code });
    // A denial that cannot be recorded is still a denial.
    if (record !== false) await commit(crossing.principal.tenant, denial(crossing, error, guard));
    throw aipErrorFromBody(error);
  }

  /** The commit said no. A repeated request is led to its task; anything else is a recorded denial. */
  async function refused(crossing: Crossing, error: ErrorBody): Promise<Call> {
    const task = error.code === 'DUPLICATE' ? error.details?.['task'] : undefined;
    const existing = typeof task === 'string' ? call(crossing.principal.tenant, task) : undefined;
    return existing ?? deny(crossing, { verdict: 'deny', error });
  }

  const commit = (tenant: string, entry: EntryDraft) => journal.commit({ tenant, entries: [entry] });

  function enlist(task: LiveTask): void {
    live.set(task.id, task);
    telemetry.tasksLive.add(1);
  }

  // ── parked calls ───────────────────────────────────────────────────────────────────────────────────

  async function park(crossing: Crossing, verdict: Extract<GuardVerdict, { verdict: 'ask' }>): Promise<Call> {
    try {
      return callOf(await parking.find(crossing.argumentsHash(), () => openAsk(crossing, verdict)));
    } catch (error) {
      return refused(crossing, toErrorBody(error));
    }
  }

  /** Writes the ask and the message it is about. Throws what the commit refuses. */
  async function openAsk(crossing: Crossing, verdict: Extract<GuardVerdict, { verdict: 'ask' }>): Promise<LiveTask> {
    const hash = crossing.argumentsHash();
    const { message } = crossing;
    const task = createLiveTask(journal.read, crossing);
    const expires = Math.min(verdict.expires, message.deadline ?? Number.MAX_SAFE_INTEGER);
    const ask = { id: uuidv7(clock.now()), of: 'operators', kind: verdict.kind, body: verdict.body, expires } as const;
    const head = { ...messageHead(crossing), argumentsHash: hash, ask };
    const body = messageBody(message, operationOf(crossing.target)?.secrets);
    const committed = await commit(task.tenant, {
      kind: 'park',
      task: task.id,
      n: 1,
      head: head as unknown as JsonObject,
      body,
    });
    if (!committed.ok) throw aipErrorFromBody(committed.error);
    task.n = 1;
    task.state = 'auth_required';
    task.stream.push({ type: 'asked', ask, state: 'auth_required', n: 1, at: committed.at });
    enlist(task);
    waitFor(task, ask.id, hash, expires);
    telemetry.messages.add(1, { edge: message.edge, outcome: 'parked', code: 'APPROVAL_REQUIRED' });
    const stop = stopFor(crossing);
    if (stop) void fail(task, stop);
    return task;
  }

  function waitFor(task: LiveTask, askId: string, hash: string, expires: number): void {
    const expired = errorBody(
      'APPROVAL_EXPIRED',
      'Nobody answered the approval in time; send the call again to ask anew.',
    );
    parking.park(task, askId, hash, expires - clock.now(), () => void fail(task, expired));
  }

  const resume: Exchange['resume'] = async (taskId, verdict) => {
    const task = live.get(taskId);
    if (!task?.parked || task.settling) return;
    parking.leave(task);
    if ('denied' in verdict) return fail(task, verdict.denied);
    try {
      await redecide(task, verdict.approval);
    } catch (error) {
      await fail(task, toErrorBody(error));
    }
  };

  /** A parked message is never a revived coroutine: the stored message passes all slots again. */
  async function redecide(task: LiveTask, approval: NonNullable<Crossing['approval']>): Promise<void> {
    // After a restart the target may still be on its way back.
    const route = await routeSoon(task.target, COMEBACK);
    if (task.settling) return;
    const target = catalogue.resolve(task.message.to, task.tenant);
    task.target = target;
    if (!route) return fail(task, unavailable(target).error);
    const crossing = crossingOf(task.message, target, chainOf(task), approval);
    const verdict = admit(slots, crossing);
    if (verdict.verdict === 'deny') return fail(task, verdict.error);
    if (verdict.verdict === 'ask')
      return fail(
        task,
        errorBody('APPROVAL_REQUIRED', 'The policy has changed and asks for another approval; send the call again.'),
      );
    latch(crossing);
    // From here on a cancellation no longer finds it waiting.
    const { askId } = task;
    delete task.askId;
    const refusal = await accept(task, crossing);
    if (refusal) {
      task.askId = askId as string;
      return fail(task, refusal);
    }
    await run(task, crossing, route);
  }

  /** Ends a task that has not been dispatched: nothing has happened outside. */
  const fail = (task: LiveTask, error: ErrorBody): Promise<void> =>
    dispatcher.settle(task, { type: 'failed', error, effect: 'none' });

  // ── signals and operations ─────────────────────────────────────────────────────────────────────────

  async function signal(session: Session, draft: Draft): Promise<void> {
    const crossing = cross(session, { ...draft, kind: 'signal' });
    const verdict = admit(slots, crossing);
    if (verdict.verdict === 'deny') return deny(crossing, verdict);
    if (verdict.verdict === 'ask') return deny(crossing, cannotWait('A signal'));
    const route = routeTo(crossing.target);
    if (!route) return deny(crossing, unavailable(crossing.target));
    const head = messageHead(crossing) as unknown as JsonObject;
    const committed = await commit(crossing.principal.tenant, {
      kind: 'signal',
      head,
      body: messageBody(crossing.message),
    });
    if (!committed.ok) return deny(crossing, { verdict: 'deny', error: committed.error });
    telemetry.messages.add(1, { edge: crossing.message.edge, outcome: 'signal', code: 'OK' });
    await deliverOnce(route, crossing);
  }

  async function operate(session: Session, name: string, input: JsonObject): Promise<Json> {
    const draft: Draft = { to: `operation:${name}`, action: 'operate', body: data(input) };
    if (byName.get(name)?.effect === 'read') return read(session, draft);
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

  /** The platform's own reads make no task: guarded, run, and recorded as one entry before the answer leaves. */
  async function read(session: Session, draft: Draft): Promise<Json> {
    const crossing = cross(session, draft);
    const verdict = admit(slots, crossing);
    if (verdict.verdict === 'deny') return deny(crossing, verdict);
    if (verdict.verdict === 'ask') return deny(crossing, cannotWait('A reading operation'));
    const result = await deliverOnce(ownRoute, crossing);
    const head = {
      message: crossing.message.id,
      from: session.principal.id,
      to: crossing.message.to,
      edge: session.edge,
      policies: crossing.policies,
    };
    const committed = await commit(session.principal.tenant, { kind: 'read', head });
    if (!committed.ok) throw aipErrorFromBody(committed.error);
    return result ? valueOf(result) : null;
  }

  /** Delivers outside of any task; there is nobody to cancel it or to answer for it. */
  async function deliverOnce(route: Route, crossing: Crossing): Promise<Body | undefined> {
    const nobody = (): Promise<Body> => Promise.reject(new AipError('UNSUPPORTED_OPERATION'));
    const delivery = {
      message: crossing.message,
      entry: crossing.target,
      signal: new AbortController().signal,
      answer: nobody,
    };
    for await (const raw of route.deliver(delivery)) {
      const event = inspect(slots, crossing, raw);
      if (event.type === 'failed') throw aipErrorFromBody(event.error);
      if (event.type === 'done') return event.body;
    }
    return undefined;
  }

  async function answer(session: Session, taskId: string, askId: string, body: Body): Promise<void> {
    const task = live.get(taskId);
    const own = task?.tenant === session.principal.tenant && task.message.from.id === session.principal.id;
    if (!task || !own) throw new AipError('TASK_NOT_FOUND', `There is no live task ${taskId} of yours.`);
    const waiting = task.answers.get(askId);
    if (!waiting) throw new AipError('NOT_FOUND', `Task ${taskId} does not wait for an answer to ${askId}.`);
    if (!(await dispatcher.record(task, { type: 'answered', askId }))) throw new AipError('NOT_RECORDED');
    task.answers.delete(askId);
    waiting.resolve(body);
  }

  // ── calls, restart, shutdown ───────────────────────────────────────────────────────────────────────

  function callOf(task: LiveTask): Call {
    return {
      taskId: task.id,
      message: task.message,
      events: (after = 0, listening) => task.stream.follow(after, listening),
      ended: task.stream.ended,
      get last() {
        return task.stream.last;
      },
      cancel: (reason) => dispatcher.cancel(task, reason),
      delivered: () => parking.delivered(task.id),
    };
  }

  function call(tenant: string, taskId: string): Call | undefined {
    const task = live.get(taskId);
    if (task?.tenant === tenant) return callOf(task);
    const head = taskHead(journal.read, tenant, taskId);
    if (!head) return undefined;
    return endedCall(
      (after) => taskEvents(journal.read, tenant, taskId, after),
      taskId,
      head.n,
      storedMessage(journal.read, tenant, head),
      () => parking.delivered(taskId),
    );
  }

  async function drain(timeout: number): Promise<void> {
    draining = true;
    const busy = [...live.values()].filter((task) => !task.parked).map((task) => task.stream.ended);
    const late = new Promise((resolve) => setTimeout(resolve, timeout).unref());
    await Promise.race([Promise.all(busy), late]);
  }

  return {
    catalogue,
    routes,
    sessions,
    journal,
    clock,
    live,
    authenticate: slots.authenticate,
    send,
    signal,
    operate,
    call,
    answer,
    cancel(taskId, reason) {
      const task = live.get(taskId);
      if (!task || task.settling) return false;
      dispatcher.cancel(task, reason);
      return true;
    },
    resume,
    recover: createRecovery({ journal, catalogue, dispatcher, slots, enlist, park: waitFor, routeTo: routeSoon }),
    drain,
  };
}

const unavailable = (target: CatalogueEntry): Denial => ({
  verdict: 'deny',
  error: errorBody('AGENT_UNAVAILABLE', `${target.ownerName} is not connected; try again when it is.`),
  guard: 'resolve',
});

const cannotWait = (what: string): Denial => ({
  verdict: 'deny',
  error: errorBody(
    'APPROVAL_REQUIRED',
    `${what} cannot wait for an approval, so the policy that asks for one denies it.`,
  ),
  guard: 'approve',
});
