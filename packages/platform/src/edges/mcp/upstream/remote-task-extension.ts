import { isJsonObject, type Json, type JsonObject } from '@aip/wire';
import { isJSONRPCResultResponse, ProtocolError, type JSONRPCMessage } from '@modelcontextprotocol/client';
import { TASKS_EXTENSION } from '../extensions.ts';
import { createQuestioner } from './questions.ts';
import { AnyResult, MAX_TASK_ID, type RemoteTask, type TaskDialect } from './remote-task-dialect.ts';
import { questionsIn } from './rounds.ts';

/*
 * The tasks extension of 2026-07-28 (io.modelcontextprotocol/tasks, SEP-2663): a server makes a task of whichever call
 * it likes, tells all of it in tasks/get, and is answered by tasks/update.
 */

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
  return typeof taskId === 'string' && taskId.length <= MAX_TASK_ID ? taskId : undefined;
}

export function extensionDialect({ taskId, call, channel, use }: RemoteTask): TaskDialect {
  const questioner = createQuestioner(call, channel);
  const asked = new Set<string>();

  const request = (method: string, params: JsonObject = {}): Promise<JsonObject> =>
    use(
      async ({ client }) => (await client.request({ method, params: { taskId, ...params } }, AnyResult)) as JsonObject,
    );

  return {
    async look() {
      const native = await request('tasks/get');
      const { status, statusMessage, pollIntervalMs: pollInterval } = native;
      return { status, statusMessage, pollInterval, native };
    },
    async attend({ status, native: { inputRequests } }) {
      if (status !== 'input_required' || !isJsonObject(inputRequests)) return;
      const open = Object.entries(inputRequests).filter(([key]) => !asked.has(key));
      if (open.length === 0) return;
      for (const [key] of open) asked.add(key);
      const questions = questionsIn(Object.fromEntries(open));
      const answers = await questioner.ask(questions);
      const inputResponses = Object.fromEntries(questions.map(({ key }, index) => [key, answers[index] ?? {}]));
      await request('tasks/update', { inputResponses });
    },
    async collect({ status, native: { result, error } }) {
      if (status === 'failed') return { error: errorIn(error) };
      return { result: isJsonObject(result) ? result : {} };
    },
    cancel: () => request('tasks/cancel'),
    end() {},
  };
}

function errorIn(error: Json | undefined): ProtocolError {
  const { code, message, data } = isJsonObject(error) ? error : {};
  return ProtocolError.fromError(
    typeof code === 'number' ? code : -32603,
    typeof message === 'string' ? message : 'The task has failed.',
    data,
  );
}
