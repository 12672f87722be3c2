import { isJsonObject, type Json, type JsonObject } from '@aip/wire';
import { isJSONRPCResultResponse, ProtocolError, type Client, type JSONRPCMessage } from '@modelcontextprotocol/client';
import { z } from 'zod';
import { errorBody } from '../../../kernel/error-body.ts';
import type { RouteCall } from '../../../kernel/route.ts';
import type { EffectState, RouteEvent } from '../../../kernel/task.ts';
import { TASKS_EXTENSION } from '../extensions.ts';
import type { EventChannel } from './event-channel.ts';
import { failureOf } from './failures.ts';
import { createQuestioner } from './questions.ts';
import { questionsIn } from './rounds.ts';
import { raiseSignals } from './signals.ts';

/**
 * A call that a server has made a task of (io.modelcontextprotocol/tasks, SEP-2663). Its id is put on record, so that it
 * outlives connections, and the gateway itself, for as long as the server keeps it.
 */

/** Bounds on how often a server is asked that says nothing about it, or too much; milliseconds. */
const POLL = { usual: 1_000, least: 100, most: 60_000 };
/** How long the server may be away before its task is given up, and how often it is tried meanwhile; milliseconds. */
const AWAY = 10 * 60_000;
const AGAIN = 1_000;
/** Longest id that is kept. */
const MAX_ID = 1_024;

/** How a server says that it has no such task, or no tasks any more. */
const UNKNOWN: ReadonlySet<number> = new Set([-32602, -32601]);
const AnyResult = z.looseObject({});

/** Declared with every call: whatever its caller takes, the gateway waits. */
export const TAKES_TASKS: JsonObject = { [TASKS_EXTENSION]: {} };

const created = new WeakSet<object>();

/** The SDK refuses results of this type; they come through it as errors that no server can make. */
export function disguiseTask(message: JSONRPCMessage): JSONRPCMessage {
  if (!isJSONRPCResultResponse(message) || message.result['resultType'] !== 'task') return message;
  const data = { ...message.result };
  created.add(data);
  return { jsonrpc: '2.0', id: message.id, error: { code: -32603, message: 'A task where none was asked for.', data } };
}

/** The id of the task that the server has answered with. */
export function createdTaskIn(thrown: unknown): string | undefined {
  if (!(thrown instanceof ProtocolError) || !isJsonObject(thrown.data) || !created.has(thrown.data)) return undefined;
  const { taskId } = thrown.data;
  return typeof taskId === 'string' && taskId.length <= MAX_ID ? taskId : undefined;
}

export interface RemoteTask {
  readonly taskId: string;
  readonly call: RouteCall;
  readonly channel: EventChannel;
  /** Works on whatever connection is its caller's now. */
  readonly use: (work: (client: Client) => Promise<JsonObject>) => Promise<JsonObject>;
}

/** Follows the task to its end: what it says, what it asks, and that its caller gives it up. Never rejects. */
export async function followTask({ taskId, call, channel, use }: RemoteTask): Promise<RouteEvent> {
  const { entry, signal } = call;
  const possible: EffectState = entry.effect === 'read' ? 'none' : 'unknown';
  const questioner = createQuestioner(call, channel);
  const asked = new Set<string>();
  let said: Json | undefined;
  let steps = 0;
  let seen = performance.now();
  channel.push({ type: 'working', handle: taskId });

  const request = (method: string, params: JsonObject = {}): Promise<JsonObject> =>
    use(async (client) => (await client.request({ method, params: { taskId, ...params } }, AnyResult)) as JsonObject);

  async function answer(inputRequests: Json | undefined): Promise<void> {
    const open = Object.entries(isJsonObject(inputRequests) ? inputRequests : {}).filter(([key]) => !asked.has(key));
    if (open.length === 0) return;
    for (const [key] of open) asked.add(key);
    const questions = questionsIn(Object.fromEntries(open));
    const answers = await questioner.ask(questions);
    const inputResponses = Object.fromEntries(questions.map(({ key }, index) => [key, answers[index] ?? {}]));
    await request('tasks/update', { inputResponses });
  }

  while (!signal.aborted) {
    try {
      const task = await request('tasks/get');
      seen = performance.now();
      const { status, statusMessage, pollIntervalMs, result, error } = task;
      if (status === 'completed') {
        const value = isJsonObject(result) ? result : {};
        raiseSignals(value, call, channel);
        return { type: 'done', body: { type: 'mcp', value } };
      }
      if (status === 'failed') return { type: 'failed', ...failureOf(entry.owner, errorIn(error), possible) };
      if (status === 'cancelled') return { type: 'failed', error: canceled(call), effect: possible };
      if (typeof statusMessage === 'string' && statusMessage !== said)
        channel.push({ type: 'progress', progress: ++steps, message: statusMessage });
      said = statusMessage;
      if (status === 'input_required') await unlessAborted(answer(task['inputRequests']), signal);
      await pause(paceOf(pollIntervalMs), signal);
    } catch (thrown) {
      const gone = thrown instanceof ProtocolError && UNKNOWN.has(thrown.code);
      if (!signal.aborted && (gone || performance.now() - seen > AWAY)) {
        const why = gone ? 'does not know the task of this call any more' : 'has been away for too long';
        const text = `${entry.owner} ${why}; check what the call has done before repeating it.`;
        return { type: 'failed', error: errorBody('EFFECT_UNKNOWN', text), effect: possible };
      }
      await pause(AGAIN, signal);
    }
  }
  // A platform that stops leaves it alone: the next one goes on with it.
  if (signal.reason !== 'shutdown') await request('tasks/cancel').catch(() => {});
  return { type: 'failed', error: canceled(call), effect: possible };
}

const canceled = ({ entry }: RouteCall) =>
  errorBody('CANCELED', `The task of this call at ${entry.owner} was canceled.`);

function errorIn(error: Json | undefined): ProtocolError {
  const { code, message, data } = isJsonObject(error) ? error : {};
  return ProtocolError.fromError(
    typeof code === 'number' ? code : -32603,
    typeof message === 'string' ? message : 'The task has failed.',
    data,
  );
}

const paceOf = (interval: Json | undefined): number =>
  Math.min(POLL.most, Math.max(POLL.least, typeof interval === 'number' ? interval : POLL.usual));

/** Resolves early when the call is given up. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms).unref();
    signal.addEventListener('abort', finish, { once: true });
    if (signal.aborted) finish();
  });
}

async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const fail = (): void => reject(new Error('The call was given up.'));
  if (signal.aborted) fail();
  signal.addEventListener('abort', fail, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', fail);
  }
}
