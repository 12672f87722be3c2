import { isJsonObject, type Json, type JsonObject } from '@aip/wire';
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
import type { TaskView } from '../../exchange/task-view.ts';
import { errorBody } from '../../kernel/error-body.ts';
import type { TaskState } from '../../kernel/task.ts';
import { answerOf } from './asks.ts';
import type { Client, Edge } from './edge.ts';
import { asProtocolError, errorResponse, protocolError } from './results.ts';
import {
  messageOf,
  standingOf,
  taskShape,
  tellOn,
  type Standing,
  type TaskStatus,
  type TaskStory,
} from './task-status.ts';
import { coded, isShown, ownTask, recordedStory, TaskParams } from './tasks.ts';
import { isOwnRead, sendCall } from './tool-call.ts';
import { toolMeant } from './tool-meant.ts';

/**
 * The experimental tasks of 2025-11-25 (basic/utilities/tasks): the client says which calls are to be tasks, and fetches
 * their results. They are the same tasks as the exchange's own. What takes and answers a tools/call that asks for a task
 * stands before the SDK's server, which refuses such results.
 */
export const LEGACY_TASKS = { list: {}, cancel: {}, requests: { tools: { call: {} } } };

const PAGE = 50;
/** Tasks that have not ended of which one session is told. */
const MAX_FOLLOWED = 256;
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

  const get = async ({ taskId }: TaskParams): Promise<JsonObject> => shown(await own(taskId));

  async function cancel({ taskId }: TaskParams): Promise<JsonObject> {
    const call = await own(taskId);
    await exchange.operate(client.session, 'tasks.cancel', { task: taskId });
    return shown(call);
  }

  async function list({ cursor }: z.infer<typeof Page>): Promise<JsonObject> {
    const { id } = client.session.principal;
    const page = cursor === undefined ? {} : { cursor };
    const listed = await exchange.operate(client.session, 'tasks.list', { limit: PAGE, from: id, ...page });
    const { tasks, next } = listed as unknown as { tasks: TaskView[]; next?: string };
    return {
      tasks: tasks.filter((task) => task.edge === 'mcp' && isShown(edge, client, task)).map(listedTask),
      ...(next === undefined ? {} : { nextCursor: next }),
    };
  }

  async function result({ taskId }: TaskParams, ctx: ServerContext): Promise<JsonObject> {
    const call = await own(taskId);
    const story = await toTheEnd(call, recordedStory(edge, client, taskId), ctx);
    const standing = standingOf(story, call, client, server.getClientCapabilities());
    call.delivered(client.session.principal);
    if (standing.error) throw standing.error;
    if (standing.status === 'cancelled') throw protocolError(errorBody('CANCELED', `Task ${taskId} was canceled.`));
    const meta = standing.result?.['_meta'];
    return { ...standing.result, _meta: { ...(isJsonObject(meta) ? meta : {}), ...related(taskId) } };
  }

  server.setRequestHandler('tasks/get', { params: TaskParams }, coded(get));
  server.setRequestHandler('tasks/cancel', { params: TaskParams }, coded(cancel));
  server.setRequestHandler('tasks/list', { params: Page }, coded(list));
  server.setRequestHandler('tasks/result', { params: TaskParams }, coded(result));

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

/**
 * Takes the calls that are to be tasks off the transport, before the SDK's server sees them. Until it closes, the client
 * is told by notifications/tasks/status of every change in how these tasks stand; of those that came when there were too
 * many it is not, as it may have to ask of any.
 */
export function takeTaskCalls(transport: Transport, server: Server, edge: Edge, client: Client): void {
  const next = transport.onmessage?.bind(transport);
  const closing = transport.onclose?.bind(transport);
  const leaving = new AbortController();
  let followed = 0;
  const onclose = (): void => {
    leaving.abort();
    closing?.();
  };
  const onmessage: NonNullable<Transport['onmessage']> = (message, extra) => {
    const wanted =
      isJSONRPCRequest(message) && message.method === 'tools/call' && isJsonObject(message.params?.['task']);
    if (!wanted) return next?.(message, extra);
    // Who has gone is not told; the task is kept for whoever asks for it.
    void answer(message).catch(() => {});
  };
  Object.assign(transport, { onmessage, onclose });
  const send = (message: JsonObject): Promise<void> => transport.send(message as never);

  async function answer({ id, params }: JSONRPCRequest): Promise<void> {
    let call: Call;
    try {
      call = await startCall(params);
    } catch (error) {
      return send(errorResponse(id, asProtocolError(error)));
    }
    const at = call.last?.at ?? edge.exchange.clock.now();
    const task = { ...taskOf(call.taskId, 'working', at, at), ...messageOf(call.last) };
    await send({ jsonrpc: '2.0', id, result: { task, _meta: related(call.taskId) } });
    if (followed === MAX_FOLLOWED) return;
    followed++;
    await tellOf(call).finally(() => followed--);
  }

  async function tellOf(call: Call): Promise<void> {
    let story: TaskStory | undefined;
    let status: Json | undefined = 'working';
    for await (const event of call.events(0, leaving.signal)) {
      story = tellOn(story, event);
      const params = legacyTask(call.taskId, story, standingOf(story, call, client, server.getClientCapabilities()));
      if (params['status'] === status) continue;
      status = params['status'];
      await send({ jsonrpc: '2.0', method: 'notifications/tasks/status', params });
    }
  }

  async function startCall(given: unknown): Promise<Call> {
    const params = CallParams.safeParse(given);
    const capabilities = server.getClientCapabilities();
    if (!params.success || !capabilities)
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'The call cannot be read, or comes before initialize.');
    const meant = toolMeant(edge, client, params.data);
    if (isOwnRead(meant.entry))
      throw new ProtocolError(ProtocolErrorCode.MethodNotFound, 'This tool is not called as a task.');
    return sendCall({ edge, client, ...meant, capabilities });
  }
}

const related = (taskId: string): JsonObject => ({ [RELATED_TASK_META_KEY]: { taskId } });

const taskOf = taskShape('ttl', 'pollInterval');

/** A tool that says that it failed has a failed task here, unlike in the extension. */
function legacyTask(
  taskId: string,
  { first, last }: TaskStory,
  { status, statusMessage, result }: Standing,
): JsonObject {
  return {
    ...taskOf(taskId, result?.['isError'] === true ? 'failed' : status, first.at, last.at),
    ...(statusMessage === undefined ? {} : { statusMessage }),
  };
}

const listedTask = ({ id, state, created_at: created, updated_at: updated }: TaskView): JsonObject =>
  taskOf(id, STATUS[state], Date.parse(created), Date.parse(updated));
