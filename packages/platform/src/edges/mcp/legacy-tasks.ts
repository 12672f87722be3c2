import { isJsonObject, toAipError, type Json, type JsonObject } from '@aip/wire';
import {
  isJSONRPCRequest,
  ProtocolError,
  ProtocolErrorCode,
  RELATED_TASK_META_KEY,
  type JSONRPCRequest,
  type Server,
  type ServerContext,
  type Transport,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Call } from '../../exchange/index.ts';
import { errorBody } from '../../kernel/error-body.ts';
import { isTerminal, type TaskState } from '../../kernel/task.ts';
import { answerOf } from './asks.ts';
import type { Client, Edge } from './edge.ts';
import { errorResponse, protocolError } from './results.ts';
import {
  messageOf,
  POLL_INTERVAL,
  standingOf,
  tellOn,
  type Standing,
  type TaskStatus,
  type TaskStory,
} from './task-status.ts';
import { ownTask, recordedStory, TaskParams } from './tasks.ts';
import { isOwnRead, sendCall } from './tool-call.ts';
import { toolMeant } from './tool-meant.ts';

/**
 * The experimental tasks of 2025-11-25 (basic/utilities/tasks): the client says which calls are to be tasks, and fetches
 * their results. They are the same tasks as the exchange's own. What takes and answers a tools/call that asks for a task
 * stands before the SDK's server, which refuses such results.
 */
export const LEGACY_TASKS = { list: {}, cancel: {}, requests: { tools: { call: {} } } };

const PAGE = 50;
const Page = z.looseObject({ cursor: z.string().max(512).optional() });
const CallParams = z.looseObject({
  name: z.string(),
  arguments: z.record(z.string(), z.unknown()).optional(),
});

const STATUS: Readonly<Record<TaskState, TaskStatus>> = {
  submitted: 'working',
  working: 'working',
  auth_required: 'working',
  input_required: 'input_required',
  completed: 'completed',
  failed: 'failed',
  rejected: 'failed',
  canceled: 'cancelled',
};

/** tasks/get, tasks/result, tasks/list and tasks/cancel of an older client. */
export function serveLegacyTasks(server: Server, edge: Edge, client: Client): void {
  const { exchange } = edge;
  const own = (taskId: string): Promise<Call> => ownTask(edge, client, taskId);
  const shown = (call: Call, story = recordedStory(edge, client, call.taskId)): JsonObject =>
    legacyTask(call.taskId, story, standingOf(story, call, client, server.getClientCapabilities()));

  server.setRequestHandler('tasks/get', { params: TaskParams }, async ({ taskId }) => shown(await own(taskId)));
  server.setRequestHandler('tasks/cancel', { params: TaskParams }, async ({ taskId }) => {
    const call = await own(taskId);
    if (isTerminal(recordedStory(edge, client, taskId).last.state))
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Task ${taskId} has ended already.`);
    call.cancel('caller');
    await call.ended;
    return shown(call);
  });
  server.setRequestHandler('tasks/list', { params: Page }, async ({ cursor }) => {
    const { id } = client.session.principal;
    const page = cursor === undefined ? {} : { cursor };
    const listed = await exchange.operate(client.session, 'tasks.list', { limit: PAGE, from: id, ...page });
    const { tasks, next } = listed as unknown as { tasks: ListedTask[]; next?: string };
    return {
      tasks: tasks.filter(({ edge: by }) => by === 'mcp').map(listedTask),
      ...(next === undefined ? {} : { nextCursor: next }),
    };
  });
  server.setRequestHandler('tasks/result', { params: TaskParams }, async ({ taskId }, ctx) => {
    const call = await own(taskId);
    const story = await toTheEnd(call, recordedStory(edge, client, taskId), ctx);
    const { status, result, error } = standingOf(story, call, client, server.getClientCapabilities());
    call.delivered();
    if (error) throw error;
    if (status === 'cancelled') throw protocolError(errorBody('CANCELED', `Task ${taskId} was canceled.`));
    const meta = result?.['_meta'];
    return { ...result, _meta: { ...(isJsonObject(meta) ? meta : {}), ...related(taskId) } };
  });

  /** Waits for the end; what the task asks meanwhile is asked on this request's stream. */
  async function toTheEnd(call: Call, recorded: TaskStory, ctx: ServerContext): Promise<TaskStory> {
    let story = recorded;
    await askAll(call, story, ctx);
    for await (const event of call.events(story.last.n, ctx.mcpReq.signal)) {
      story = tellOn(story, event);
      if (event.type === 'asked' && !event.ask.more) await askAll(call, story, ctx);
    }
    return story;
  }

  async function askAll(call: Call, story: TaskStory, { mcpReq }: ServerContext): Promise<void> {
    const { inputRequests = {} } = standingOf(story, call, client, server.getClientCapabilities());
    for (const ask of story.open) {
      const request = inputRequests[ask.id] as unknown as { method: string; params?: JsonObject } | undefined;
      if (!request) continue;
      const params = { ...request.params, _meta: related(call.taskId) };
      const response: unknown = await mcpReq.send({ method: request.method, params } as never);
      await exchange.answer(client.session, call.taskId, ask.id, answerOf(ask, response as Json));
    }
  }
}

/** Takes the calls that are to be tasks off the transport, before the SDK's server sees them. */
export function takeTaskCalls(transport: Transport, server: Server, edge: Edge, client: Client): void {
  const next = transport.onmessage?.bind(transport);
  const onmessage: NonNullable<Transport['onmessage']> = (message, extra) => {
    const wanted =
      isJSONRPCRequest(message) && message.method === 'tools/call' && isJsonObject(message.params?.['task']);
    if (!wanted) return next?.(message, extra);
    void answerTo(message).then((response) => transport.send(response as never).catch(() => {}));
  };
  Object.assign(transport, { onmessage });

  async function answerTo({ id, params }: JSONRPCRequest): Promise<JsonObject> {
    try {
      return { jsonrpc: '2.0', id, result: await createTask(params) };
    } catch (error) {
      return errorResponse(id, error instanceof ProtocolError ? error : protocolError(toAipError(error).toJSON()));
    }
  }

  async function createTask(given: unknown): Promise<JsonObject> {
    const params = CallParams.safeParse(given);
    const capabilities = server.getClientCapabilities();
    if (!params.success || !capabilities)
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'The call cannot be read, or comes before initialize.');
    const meant = toolMeant(edge, client, params.data);
    if (isOwnRead(meant.entry))
      throw new ProtocolError(ProtocolErrorCode.MethodNotFound, 'This tool is not called as a task.');
    const call = await sendCall({ edge, client, ...meant, capabilities });
    const at = call.last?.at ?? edge.exchange.clock.now();
    return {
      task: { ...times(call.taskId, at, at), status: 'working', ...messageOf(call.last) },
      _meta: related(call.taskId),
    };
  }
}

const related = (taskId: string): JsonObject => ({ [RELATED_TASK_META_KEY]: { taskId } });

const times = (taskId: string, created: number, updated: number): JsonObject => ({
  taskId,
  createdAt: new Date(created).toISOString(),
  lastUpdatedAt: new Date(updated).toISOString(),
  ttl: null,
  pollInterval: POLL_INTERVAL,
});

/** A tool that says that it failed has a failed task here, unlike in the extension. */
function legacyTask(
  taskId: string,
  { first, last }: TaskStory,
  { status, statusMessage, result }: Standing,
): JsonObject {
  return {
    ...times(taskId, first.at, last.at),
    status: result?.['isError'] === true ? 'failed' : status,
    ...(statusMessage === undefined ? {} : { statusMessage }),
  };
}

interface ListedTask {
  readonly id: string;
  readonly state: TaskState;
  readonly edge: string;
  readonly created_at: string;
  readonly updated_at: string;
}

const listedTask = ({ id, state, created_at: created, updated_at: updated }: ListedTask): JsonObject => ({
  ...times(id, Date.parse(created), Date.parse(updated)),
  status: STATUS[state],
});
