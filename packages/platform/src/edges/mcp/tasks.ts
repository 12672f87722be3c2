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
import type { TaskView } from '../../exchange/task-view.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Action } from '../../kernel/message.ts';
import { isTerminal } from '../../kernel/task.ts';
import { answerOf } from './asks.ts';
import type { Client, Edge } from './edge.ts';
import { TASKS_EXTENSION } from './extensions.ts';
import { declaredCapabilities } from './metadata.ts';
import { insufficientScope } from './refusals.ts';
import { asProtocolError } from './results.ts';
import { messageOf, standingOf, storyOf, taskShape, type TaskStory } from './task-status.ts';

/*
 * The tasks extension (io.modelcontextprotocol/tasks, 2026-07-28): a call that waits for a person, takes long, or is
 * of a tool that is made for it is answered with a handle, if the client takes one. The tasks are the exchange's own,
 * durable and visible to their caller only; the one who is called need not know of them.
 */
export const TaskParams = z.looseObject({ taskId: z.string().min(1).max(128) });
export type TaskParams = z.infer<typeof TaskParams>;

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

const taskOf = taskShape('ttlMs', 'pollIntervalMs');

/** DetailedTask: a status, and what belongs to it. */
export function detailedTask(story: TaskStory, call: Call, client: Client, capabilities: unknown): JsonObject {
  const { status, error, ...rest } = standingOf(story, call, client, capabilities);
  return {
    ...taskOf(call.taskId, status, story.first.at, story.last.at),
    ...rest,
    ...(error ? { error: { code: error.code, message: error.message } } : {}),
  };
}

/**
 * The client's own task. Throws -32602 for one that is unknown, somebody else's, or of what this endpoint does not offer,
 * and INSUFFICIENT_SCOPE.
 */
export async function ownTask(edge: Edge, client: Client, taskId: string): Promise<Call> {
  const { principal } = client.session;
  const task = await readTask(edge, client, taskId);
  const call = task && isServed(edge, client, task) ? edge.exchange.call(principal.tenant, taskId) : undefined;
  if (!task || !call)
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, `There is no task ${taskId} of yours here.`);
  const missing = scopesMissing(edge, client, task);
  if (missing.length > 0) throw asProtocolError(insufficientScope(principal, missing));
  return call;
}

async function readTask({ exchange }: Edge, { session }: Client, task: string): Promise<TaskView | undefined> {
  try {
    const found = await exchange.operate(session, 'tasks.get', { task, limit: 1 });
    return (found as unknown as { task: TaskView }).task;
  } catch (error) {
    if (!(error instanceof AipError) || error.code !== 'TASK_NOT_FOUND') throw error;
    return undefined;
  }
}

/**
 * Whether a task may be shown at the client's endpoint and to its token. Either may be for a part of the platform alone
 * (RFC 8707): what could not be called with them is not shown by them.
 */
export const isShown = (edge: Edge, client: Client, task: TaskView): boolean =>
  isServed(edge, client, task) && scopesMissing(edge, client, task).length === 0;

const isServed = ({ directory, exchange }: Edge, { session, scope }: Client, { id, to }: TaskView): boolean =>
  directory.serves(scope, to, () => exchange.call(session.principal.tenant, id)?.message);

const scopesMissing = (edge: Edge, { session }: Client, { action }: TaskView): readonly string[] =>
  edge.missingScopes(session.principal, action as Action);

/** Everything that has happened in a task until now. */
export function recordedStory({ exchange }: Edge, { session }: Client, taskId: string): TaskStory {
  const story = storyOf(everyTaskEvent(exchange.journal.read, session.principal.tenant, taskId));
  if (!story) throw new ProtocolError(ProtocolErrorCode.InternalError, `Task ${taskId} has no events.`);
  return story;
}

/** A handler whose failures keep their codes: the SDK knows no errors but its own. */
export const coded =
  <Given extends unknown[]>(handler: (...given: Given) => Promise<JsonObject>) =>
  (...given: Given): Promise<JsonObject> =>
    handler(...given).catch((error: unknown) => {
      throw asProtocolError(error);
    });

/** tasks/get, tasks/update and tasks/cancel on a connection of 2026-07-28. */
export function serveTasks(server: Server, edge: Edge, client: Client): void {
  const { exchange } = edge;

  async function own(taskId: string, ctx: ServerContext): Promise<Call> {
    if (!takesTasks(declaredCapabilities(ctx))) throw missingExtension();
    return ownTask(edge, client, taskId);
  }

  async function get({ taskId }: TaskParams, ctx: ServerContext): Promise<JsonObject> {
    const call = await own(taskId, ctx);
    const story = recordedStory(edge, client, taskId);
    if (isTerminal(story.last.state)) call.delivered(client.session.principal);
    return detailedTask(story, call, client, declaredCapabilities(ctx));
  }

  async function update({ taskId }: TaskParams, ctx: ServerContext): Promise<JsonObject> {
    await own(taskId, ctx);
    // The SDK lifts the answers out of every request's parameters.
    const responses = ctx.mcpReq.inputResponses ?? {};
    for (const ask of recordedStory(edge, client, taskId).open) {
      const response = responses[ask.id];
      if (response === undefined) continue;
      await exchange.answer(client.session, taskId, ask.id, answerOf(ask, response as unknown as JsonObject));
    }
    return {};
  }

  async function cancel({ taskId }: TaskParams, ctx: ServerContext): Promise<JsonObject> {
    await own(taskId, ctx);
    try {
      await exchange.operate(client.session, 'tasks.cancel', { task: taskId });
    } catch (error) {
      // Whoever cancels what has ended learns so from tasks/get.
      if (!(error instanceof AipError) || error.code !== 'TASK_NOT_CANCELABLE') throw error;
    }
    return {};
  }

  server.setRequestHandler('tasks/get', { params: TaskParams }, coded(get));
  server.setRequestHandler('tasks/update', { params: TaskParams }, coded(update));
  server.setRequestHandler('tasks/cancel', { params: TaskParams }, coded(cancel));
}
