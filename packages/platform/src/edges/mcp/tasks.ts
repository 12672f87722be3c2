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
import type { Call } from '../../exchange/index.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import { isTerminal } from '../../kernel/task.ts';
import { answerOf } from './asks.ts';
import type { Client, Edge } from './edge.ts';
import { TASKS_EXTENSION } from './extensions.ts';
import { declaredCapabilities } from './metadata.ts';
import { messageOf, POLL_INTERVAL, standingOf, storyOf, type TaskStory } from './task-status.ts';

/*
 * The tasks extension (io.modelcontextprotocol/tasks, 2026-07-28): a call that waits for a person, takes long, or is
 * of a tool that is made for it is answered with a handle, if the client takes one. The tasks are the exchange's own,
 * durable and visible to their caller only; the one who is called need not know of them.
 */
export const TaskParams = z.looseObject({ taskId: z.string().min(1).max(128) });

export function takesTasks(capabilities: unknown): boolean {
  const extensions = isJsonObject(capabilities) ? capabilities['extensions'] : undefined;
  return isJsonObject(extensions) && isJsonObject(extensions[TASKS_EXTENSION]);
}

/** Throws -32021 for a tool that only runs as a task, called by a client that takes none. */
export function demandTasks(entry: CatalogueEntry, capabilities: unknown): void {
  if (entry.tasks === 'required' && !takesTasks(capabilities)) throw missingExtension();
}

export const missingExtension = (): ProtocolError =>
  new MissingRequiredClientCapabilityError({ requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } });

/** CreateTaskResult for a call that has been recorded and goes on without its client. */
export function createdTask(call: Call, now: number): JsonObject {
  const at = call.last?.at ?? now;
  return { resultType: 'task', ...taskOf(call.taskId, 'working', at, at), ...messageOf(call.last) };
}

const taskOf = (taskId: string, status: string, created: number, updated: number): JsonObject => ({
  taskId,
  status,
  createdAt: new Date(created).toISOString(),
  lastUpdatedAt: new Date(updated).toISOString(),
  ttlMs: null,
  pollIntervalMs: POLL_INTERVAL,
});

/** DetailedTask: a status, and what belongs to it. */
export function detailedTask(story: TaskStory, call: Call, client: Client, capabilities: unknown): JsonObject {
  const { status, error, ...rest } = standingOf(story, call, client, capabilities);
  return {
    ...taskOf(call.taskId, status, story.first.at, story.last.at),
    ...rest,
    ...(error ? { error: { code: error.code, message: error.message } } : {}),
  };
}

/** The client's own task. Throws -32602 for one that is unknown or somebody else's. */
export async function ownTask({ exchange }: Edge, { session }: Client, taskId: string): Promise<Call> {
  try {
    await exchange.operate(session, 'tasks.get', { task: taskId, limit: 1 });
    const call = exchange.call(session.principal.tenant, taskId);
    if (call) return call;
  } catch (error) {
    if (!(error instanceof AipError) || error.code !== 'TASK_NOT_FOUND') throw error;
  }
  throw new ProtocolError(ProtocolErrorCode.InvalidParams, `There is no task ${taskId} of yours.`);
}

/** Everything that has happened in a task until now. */
export function recordedStory({ exchange }: Edge, { session }: Client, taskId: string): TaskStory {
  const story = storyOf(everyTaskEvent(exchange.journal.read, session.principal.tenant, taskId));
  if (!story) throw new ProtocolError(ProtocolErrorCode.InternalError, `Task ${taskId} has no events.`);
  return story;
}

/** tasks/get, tasks/update and tasks/cancel on a connection of 2026-07-28. */
export function serveTasks(server: Server, edge: Edge, client: Client): void {
  async function own(taskId: string, ctx: ServerContext): Promise<Call> {
    if (!takesTasks(declaredCapabilities(ctx))) throw missingExtension();
    return ownTask(edge, client, taskId);
  }

  server.setRequestHandler('tasks/get', { params: TaskParams }, async ({ taskId }, ctx) => {
    const call = await own(taskId, ctx);
    const story = recordedStory(edge, client, taskId);
    if (isTerminal(story.last.state)) call.delivered();
    return detailedTask(story, call, client, declaredCapabilities(ctx));
  });

  server.setRequestHandler('tasks/update', { params: TaskParams }, async ({ taskId }, ctx) => {
    await own(taskId, ctx);
    // The SDK lifts the answers out of every request's parameters.
    const responses = ctx.mcpReq.inputResponses ?? {};
    for (const ask of recordedStory(edge, client, taskId).open) {
      const response = responses[ask.id];
      if (response === undefined) continue;
      await edge.exchange.answer(client.session, taskId, ask.id, answerOf(ask, response as unknown as JsonObject));
    }
    return {};
  });

  server.setRequestHandler('tasks/cancel', { params: TaskParams }, async ({ taskId }, ctx) => {
    (await own(taskId, ctx)).cancel('caller');
    return {};
  });
}
