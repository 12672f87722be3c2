import { AipError, isJsonObject, type JsonObject } from '@aip/wire';
import {
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ProtocolErrorCode,
  type Server,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { everyTaskEvent } from '../../exchange/history.ts';
import { outcomeOf, type Call } from '../../exchange/index.ts';
import { splitOwned } from '../../kernel/address.ts';
import type { Ask } from '../../kernel/ask.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import { isTerminal, type TaskEvent } from '../../kernel/task.ts';
import { answerOf, requestOf } from './asks.ts';
import { gathersOwners } from './directory.ts';
import type { Client, Edge } from './edge.ts';
import { declaredCapabilities } from './metadata.ts';
import { toolResult } from './results.ts';
import { wrapLinks } from './uris.ts';

/**
 * The tasks extension (io.modelcontextprotocol/tasks, 2026-07-28): a call that waits for a person, takes long, or is
 * of a tool that is made for it is answered with a handle, if the client takes one. The tasks are the exchange's own,
 * durable and visible to their caller only; the one who is called need not know of them.
 *
 * The experimental tasks of 2025-11-25 are not offered: the SDK's server refuses their results.
 */
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';

/** How often a client should look, in milliseconds. */
const POLL_INTERVAL = 1_000;

const TaskParams = z.looseObject({ taskId: z.string().min(1).max(128) });

export function takesTasks(capabilities: unknown): boolean {
  const extensions = isJsonObject(capabilities) ? capabilities['extensions'] : undefined;
  return isJsonObject(extensions) && isJsonObject(extensions[TASKS_EXTENSION]);
}

/** Throws -32021 for a tool that only runs as a task, called by a client that takes none. */
export function demandTasks(entry: CatalogueEntry, capabilities: unknown): void {
  if (entry.tasks === 'required' && !takesTasks(capabilities)) throw missingExtension();
}

const missingExtension = (): ProtocolError =>
  new MissingRequiredClientCapabilityError({ requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } });

/** CreateTaskResult for a call that has been recorded and goes on without its client. */
export function createdTask(call: Call, now: number): JsonObject {
  const at = call.last?.at ?? now;
  return { resultType: 'task', ...taskOf(call.taskId, 'working', at, at), ...standing(call.last) };
}

/** What can be said of a task that is under way. */
function standing(last: TaskEvent | undefined): JsonObject {
  if (last?.state === 'auth_required') return { statusMessage: 'Waiting for an operator to approve this call.' };
  return last?.type === 'progress' && last.message !== undefined ? { statusMessage: last.message } : {};
}

const taskOf = (taskId: string, status: string, created: number, updated: number): JsonObject => ({
  taskId,
  status,
  createdAt: new Date(created).toISOString(),
  lastUpdatedAt: new Date(updated).toISOString(),
  ttlMs: null,
  pollIntervalMs: POLL_INTERVAL,
});

/** tasks/get, tasks/update and tasks/cancel on a connection of 2026-07-28. */
export function serveTasks(server: Server, edge: Edge, client: Client): void {
  const { exchange } = edge;

  /** The caller's own task with everything that has happened in it. */
  async function own(taskId: string, ctx: ServerContext): Promise<{ call: Call; events: TaskEvent[] }> {
    if (!takesTasks(declaredCapabilities(ctx))) throw missingExtension();
    try {
      await exchange.operate(client.session, 'tasks.get', { task: taskId, limit: 1 });
      const { tenant } = client.session.principal;
      const call = exchange.call(tenant, taskId);
      if (call) return { call, events: [...everyTaskEvent(exchange.journal.read, tenant, taskId)] };
    } catch (error) {
      if (!(error instanceof AipError) || error.code !== 'TASK_NOT_FOUND') throw error;
    }
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, `There is no task ${taskId} of yours.`);
  }

  server.setRequestHandler('tasks/get', { params: TaskParams }, async ({ taskId }, ctx) => {
    const { call, events } = await own(taskId, ctx);
    const last = events.at(-1);
    if (last && isTerminal(last.state)) call.delivered();
    return detailed(taskId, events, declaredCapabilities(ctx), (result) => shown(client, call, result));
  });

  server.setRequestHandler('tasks/update', { params: TaskParams }, async ({ taskId }, ctx) => {
    const { events } = await own(taskId, ctx);
    // The SDK lifts the answers out of every request's parameters.
    const responses = ctx.mcpReq.inputResponses ?? {};
    for (const ask of openAsks(events)) {
      const response = responses[ask.id];
      if (response !== undefined)
        await exchange.answer(client.session, taskId, ask.id, answerOf(ask, response as unknown as JsonObject));
    }
    return {};
  });

  server.setRequestHandler('tasks/cancel', { params: TaskParams }, async ({ taskId }, ctx) => {
    const { call } = await own(taskId, ctx);
    call.cancel('caller');
    return {};
  });
}

/** The result as the endpoint shows it. */
function shown({ scope }: Client, { message }: Call, result: JsonObject): JsonObject {
  if (!gathersOwners(scope) || !message?.to.startsWith('tool:')) return result;
  return wrapLinks(splitOwned(message.to.slice('tool:'.length)).owner, result);
}

/** DetailedTask: a status, and what belongs to it. */
function detailed(
  taskId: string,
  events: readonly TaskEvent[],
  capabilities: unknown,
  show: (result: JsonObject) => JsonObject,
): JsonObject {
  const [first, last] = [events[0], events.at(-1)];
  if (!first || !last) throw new ProtocolError(ProtocolErrorCode.InternalError, `Task ${taskId} has no events.`);
  const task = (status: string): JsonObject => taskOf(taskId, status, first.at, last.at);
  if (isTerminal(last.state)) return { ...task('completed'), ...ending(last, show) };
  const requests = openAsks(events).flatMap((ask) => {
    const request = requestOf(ask, capabilities);
    return request ? [[ask.id, request] as const] : [];
  });
  if (requests.length > 0)
    return { ...task('input_required'), inputRequests: Object.fromEntries(requests) as unknown as JsonObject };
  return { ...task('working'), ...standing(last) };
}

/** A refusal is a completed task with an error result; `failed` is for JSON-RPC errors alone. */
function ending(last: TaskEvent, show: (result: JsonObject) => JsonObject): JsonObject {
  if (last.type === 'canceled') return { status: 'cancelled', statusMessage: `Canceled (${last.reason}).` };
  try {
    return { status: 'completed', result: show(toolResult(outcomeOf(last))) };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { status: 'failed', statusMessage: error.message, error: { code: error.code, message: error.message } };
  }
}

/** What was asked of the caller and is not yet answered. */
function openAsks(events: readonly TaskEvent[]): Ask[] {
  const answered = new Set(events.map((event) => (event.type === 'answered' ? event.askId : undefined)));
  return events.flatMap((event) =>
    event.type === 'asked' && event.ask.of === 'caller' && !answered.has(event.ask.id) ? [event.ask] : [],
  );
}
