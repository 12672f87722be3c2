import { AipError, isJsonObject, type JsonObject } from '@aip/wire';
import {
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ProtocolErrorCode,
  type Server,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { outcomeOf, type Call } from '../../exchange/index.ts';
import type { Ask } from '../../kernel/ask.ts';
import { isTerminal, type TaskEvent } from '../../kernel/task.ts';
import { answerOf, requestOf } from './asks.ts';
import type { Client, Edge } from './edge.ts';
import { declaredCapabilities } from './metadata.ts';
import { toolResult } from './results.ts';

/**
 * The tasks extension (io.modelcontextprotocol/tasks, 2026-07-28): a call that has to wait for a person is answered
 * with a handle, if the client takes one. The tasks are the exchange's own, durable and visible to their caller only.
 *
 * The experimental tasks of 2025-11-25 are not offered: the SDK's server refuses their results.
 */
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';

/** How often a client should look, in milliseconds. */
const POLL_INTERVAL = 2_000;

const TaskParams = z.looseObject({ taskId: z.string().min(1).max(128) });
const UpdateParams = TaskParams.extend({ inputResponses: z.record(z.string(), z.looseObject({})) });

export function takesTasks(capabilities: unknown): boolean {
  const extensions = isJsonObject(capabilities) ? capabilities['extensions'] : undefined;
  return isJsonObject(extensions) && isJsonObject(extensions[TASKS_EXTENSION]);
}

/** CreateTaskResult for a call that has been recorded and waits. */
export function createdTask(call: Call, now: number): JsonObject {
  const at = call.last?.at ?? now;
  return {
    resultType: 'task',
    ...taskOf(call.taskId, 'working', at, at),
    statusMessage: 'Waiting for an operator to approve this call.',
  };
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
    if (!takesTasks(declaredCapabilities(ctx)))
      throw new MissingRequiredClientCapabilityError({
        requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } },
      });
    try {
      const found = await exchange.operate(client.session, 'tasks.get', { task: taskId });
      const call = exchange.call(client.session.principal.tenant, taskId);
      if (call && isJsonObject(found)) return { call, events: found['events'] as unknown as TaskEvent[] };
    } catch (error) {
      if (!(error instanceof AipError) || error.code !== 'TASK_NOT_FOUND') throw error;
    }
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, `There is no task ${taskId} of yours.`);
  }

  server.setRequestHandler('tasks/get', { params: TaskParams }, async ({ taskId }, ctx) => {
    const { events } = await own(taskId, ctx);
    return detailed(taskId, events, declaredCapabilities(ctx));
  });

  server.setRequestHandler('tasks/update', { params: UpdateParams }, async ({ taskId, inputResponses }, ctx) => {
    const { events } = await own(taskId, ctx);
    for (const ask of openAsks(events)) {
      const response = inputResponses[ask.id];
      if (response !== undefined)
        await exchange.answer(client.session, taskId, ask.id, answerOf(ask, response as JsonObject));
    }
    return {};
  });

  server.setRequestHandler('tasks/cancel', { params: TaskParams }, async ({ taskId }, ctx) => {
    const { call } = await own(taskId, ctx);
    call.cancel('caller');
    return {};
  });
}

function detailed(taskId: string, events: readonly TaskEvent[], capabilities: unknown): JsonObject {
  const [first, last] = [events[0], events.at(-1)];
  if (!first || !last) throw new ProtocolError(ProtocolErrorCode.InternalError, `Task ${taskId} has no events.`);
  const task = (status: string): JsonObject => taskOf(taskId, status, first.at, last.at);
  if (isTerminal(last.state)) return { ...task('completed'), ...ending(last) };
  const requests = openAsks(events).flatMap((ask) => {
    const request = requestOf(ask, capabilities);
    return request ? [[ask.id, request] as const] : [];
  });
  if (requests.length > 0)
    return { ...task('input_required'), inputRequests: Object.fromEntries(requests) as unknown as JsonObject };
  return {
    ...task('working'),
    ...(last.state === 'auth_required' ? { statusMessage: 'Waiting for an operator to approve this call.' } : {}),
  };
}

/** A refusal is a completed task with an error result; `failed` is for JSON-RPC errors alone. */
function ending(last: TaskEvent): JsonObject {
  if (last.type === 'canceled') return { status: 'cancelled', statusMessage: `Canceled (${last.reason}).` };
  try {
    return { status: 'completed', result: toolResult(outcomeOf(last)) };
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
