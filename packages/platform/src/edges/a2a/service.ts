import { AipError, type Json } from '@aip/wire';
import { everyTaskEvent } from '../../exchange/history.ts';
import { interrupted, type Call, type Exchange } from '../../exchange/index.ts';
import type { TaskView } from '../../exchange/task-view.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Trace } from '../../kernel/message.ts';
import type { Session } from '../../kernel/session.ts';
import { isTerminal, type TaskEvent } from '../../kernel/task.ts';
import { STOPPED } from '../../kernel/when-closed.ts';
import { bodyOf, draftOf } from './draft.ts';
import { contextOf, createKnownTasks, projectionOf } from './known-task.ts';
import {
  isInterrupted,
  type ListTasksResponse,
  type Message,
  type SendMessageResponse,
  type StreamResponse,
  type Task,
} from './protocol.ts';
import { readListRequest, readSendRequest, readTaskRequest, type ListRequest, type SendRequest } from './request.ts';
import { hasEnded, type TaskDetail } from './task-projection.ts';

/** Who calls, and through which interface. */
export interface Caller {
  readonly session: Session;
  /** The agent whose interface was called; undefined for the gateway's own. */
  readonly agent: CatalogueEntry | undefined;
  readonly trace: Trace | undefined;
  /** Aborted when nobody waits for the answer any more. */
  readonly listening: AbortSignal;
  /** Calls back once the whole answer has left for the client. */
  whenAnswered(then: () => void): void;
}

/** One event of a stream. `n` is set on the last of those that come from one recorded event: a place to resume from. */
export interface StreamItem<Response = StreamResponse> {
  readonly n?: number;
  readonly response: Response;
}

/** The operations of A2A (section 3.1), the same for every binding. Each throws an AipError before it has done anything. */
export interface A2aService {
  sendMessage(caller: Caller, params: Json | undefined): Promise<SendMessageResponse>;
  sendStreamingMessage(caller: Caller, params: Json | undefined): Promise<AsyncIterable<StreamItem>>;
  getTask(caller: Caller, params: Json | undefined): Promise<Task>;
  listTasks(caller: Caller, params: Json | undefined): Promise<ListTasksResponse>;
  cancelTask(caller: Caller, params: Json | undefined): Promise<Task>;
  /** `after`: the number of the last event that the caller has; it gets the task as it was then, and all that follows. */
  subscribeToTask(caller: Caller, params: Json | undefined, after?: number): Promise<AsyncIterable<StreamItem>>;
}

export function createA2aService(exchange: Exchange): A2aService {
  const known = createKnownTasks(exchange);

  // ── sending ────────────────────────────────────────────────────────────────────────────────────────

  async function sendMessage(caller: Caller, params: Json | undefined): Promise<SendMessageResponse> {
    const request = readSendRequest(params);
    const call = await begin(caller, request);
    const { n, waited } = await answerDue(caller, call, request);
    const projection = projectionOf(call);
    for await (const event of call.events(0, caller.listening)) {
      projection.apply(event);
      if (event.n >= n) break;
    }
    // An identical retry leads to this task until the client has its end.
    if (waited && hasEnded(projection)) caller.whenAnswered(() => call.delivered(caller.session.principal));
    const message = request.returnImmediately ? undefined : projection.directMessage;
    return message ? { message } : { task: projection.task(detailOf(request)) };
  }

  /**
   * The number of the event that a send is answered at, and whether the task had to wait for an operator. Nothing of the
   * task is held meanwhile: many may wait for it, for long.
   */
  async function answerDue(
    { listening }: Caller,
    call: Call,
    { returnImmediately }: SendRequest,
  ): Promise<{ n: number; waited: boolean }> {
    const reached = call.last?.n ?? 0;
    let waited = false;
    let n = 0;
    for await (const event of call.events(0, listening)) {
      n = event.n;
      waited ||= event.state === 'auth_required';
      if (n >= reached && (returnImmediately || mayReturn(call, event))) break;
    }
    if (listening.reason === STOPPED) throw interrupted(call.taskId);
    if (listening.aborted) throw new AipError('CANCELED', 'The client did not wait for the answer.');
    return { n, waited };
  }

  /** A blocking send waits for an end, or for somebody to act (section 3.2.2). */
  const mayReturn = (call: Call, event: TaskEvent): boolean =>
    isTerminal(event.state) || (isInterrupted(event.state) && event.n === call.last?.n);

  async function sendStreamingMessage(caller: Caller, params: Json | undefined): Promise<AsyncIterable<StreamItem>> {
    const request = readSendRequest(params);
    const call = await begin(caller, request);
    return follow(caller, call, request.message.taskId === undefined ? 1 : (call.last?.n ?? 1), detailOf(request));
  }

  async function begin(caller: Caller, request: SendRequest): Promise<Call> {
    const { message } = request;
    if (message.taskId !== undefined) return reply(caller, message, message.taskId);
    return exchange.send(caller.session, draftOf(exchange, caller, request));
  }

  /** A message to a task answers what the task has asked its caller (section 3.4.3); a task takes nothing else. */
  async function reply(caller: Caller, message: Message, taskId: string): Promise<Call> {
    const { view, events } = await known.task(caller, taskId);
    if (message.contextId !== undefined && message.contextId !== contextOf(view)) {
      throw new AipError('INVALID_ARGUMENT', `message.contextId: task ${taskId} belongs to another context.`, {
        details: { field: 'message.contextId' },
      });
    }
    const asked = [...events].findLast((event) => event.type === 'asked');
    if (view.state !== 'input_required' || asked?.type !== 'asked' || asked.ask.of !== 'caller')
      throw new AipError('UNSUPPORTED_OPERATION', cannotTake(view));
    await exchange.answer(caller.session, taskId, asked.ask.id, bodyOf(message));
    return known.call(caller, taskId);
  }

  // ── tasks ──────────────────────────────────────────────────────────────────────────────────────────

  async function getTask(caller: Caller, params: Json | undefined): Promise<Task> {
    const request = readTaskRequest(params);
    return known.projected(await known.task(caller, request.id), request).task(request);
  }

  async function listTasks(caller: Caller, params: Json | undefined): Promise<ListTasksResponse> {
    const request = readListRequest(params);
    const page = (await exchange.operate(caller.session, 'tasks.list', {
      limit: request.pageSize,
      ...(caller.agent ? { agent: caller.agent.owner } : {}),
      ...(request.contextId === undefined ? {} : { conversation: request.contextId }),
      ...(request.state === undefined ? {} : { state: request.state }),
      ...(request.pageToken === undefined ? {} : { cursor: request.pageToken }),
    })) as unknown as { tasks: TaskView[]; next?: string; total: number };
    const fresh = page.tasks.filter(
      (view) => request.updatedFrom === undefined || Date.parse(view.updated_at) >= request.updatedFrom,
    );
    const views = fresh.filter((view) => caller.agent === undefined || view.assignee === caller.agent.owner);
    // Newest first: the first task that is too old ends the list.
    const nextPageToken = fresh.length < page.tasks.length ? '' : (page.next ?? '');
    return {
      tasks: views.map((view) => listed(caller, view, request)),
      nextPageToken,
      pageSize: request.pageSize,
      totalSize: page.total,
    };
  }

  /** A row of a list shows artifacts and history only to those who ask for them (section 3.1.4). */
  function listed(caller: Caller, view: TaskView, request: ListRequest): Task {
    const { historyLength = 0, includeArtifacts } = request;
    const detail = { historyLength, artifacts: includeArtifacts };
    const { tenant } = caller.session.principal;
    const events =
      includeArtifacts || historyLength > 0 ? everyTaskEvent(exchange.journal.read, tenant, view.id) : [standing(view)];
    const task = known.projected({ tenant, view, events }, detail).task(detail);
    return includeArtifacts ? { ...task, artifacts: task.artifacts ?? [] } : task;
  }

  async function cancelTask(caller: Caller, params: Json | undefined): Promise<Task> {
    const { id } = readTaskRequest(params);
    const before = await known.task(caller, id);
    // Canceling twice has the effect of canceling once (section 3.3.1).
    if (before.view.state === 'canceled') return known.projected(before).task();
    await exchange.operate(caller.session, 'tasks.cancel', { task: id });
    const after = await known.task(caller, id);
    if (after.view.state !== 'canceled')
      throw new AipError('TASK_NOT_CANCELABLE', `Task ${id} ended as ${after.view.state} before it could be canceled.`);
    return known.projected(after).task();
  }

  async function subscribeToTask(
    caller: Caller,
    params: Json | undefined,
    after?: number,
  ): Promise<AsyncIterable<StreamItem>> {
    const { id } = readTaskRequest(params);
    const { view } = await known.task(caller, id);
    // Somebody who comes back for the rest of a stream may find that it has ended meanwhile; a newcomer asks GetTask.
    if (after === undefined && isTerminal(view.state))
      throw new AipError('UNSUPPORTED_OPERATION', `Task ${id} has ended as ${view.state}; GetTask returns it.`);
    const call = known.call(caller, id);
    const newest = call.last?.n ?? 1;
    return follow(caller, call, Math.min(after ?? newest, newest), {});
  }

  /** First the task as it stood at event `from`, then every update (section 3.1.2); ends with the task. */
  async function* follow(caller: Caller, call: Call, from: number, detail: TaskDetail): AsyncIterable<StreamItem> {
    const projection = projectionOf(call);
    let opened = false;
    for await (const event of call.events(0, caller.listening)) {
      const updates = projection.apply(event);
      if (opened) yield* numbered(event.n, updates);
      else if (event.n >= from || isTerminal(event.state)) {
        opened = true;
        const task = projection.task(detail);
        projection.forget();
        yield { n: event.n, response: { task } };
      }
    }
    if (hasEnded(projection)) call.delivered(caller.session.principal);
  }

  return { sendMessage, sendStreamingMessage, getTask, listTasks, cancelTask, subscribeToTask };
}

const detailOf = ({ historyLength }: SendRequest): TaskDetail => (historyLength === undefined ? {} : { historyLength });

/** A task's present state as one event, where its history is not wanted. */
const standing = (view: TaskView): TaskEvent => ({
  type: 'working',
  n: view.events,
  at: Date.parse(view.updated_at),
  state: view.state,
});

function cannotTake(view: TaskView): string {
  if (isTerminal(view.state))
    return `Task ${view.id} has ended as ${view.state} and takes no more messages; send one without a taskId.`;
  if (view.state === 'auth_required')
    return `Task ${view.id} waits for an operator, not for you; it goes on by itself once that is decided.`;
  return `Task ${view.id} is ${view.state} and has not asked you for anything.`;
}

function* numbered(n: number, updates: readonly StreamResponse[]): Iterable<StreamItem> {
  for (const [index, response] of updates.entries())
    yield index === updates.length - 1 ? { n, response } : { response };
}
