import { AipError, isJsonObject, type JsonObject } from '@aip/wire';
import type { Client, ClientCapabilities } from '@modelcontextprotocol/client';
import type { AskKind } from '../../../kernel/ask.ts';
import type { RouteCall } from '../../../kernel/route.ts';
import type { Connection } from './connection.ts';
import type { EventChannel } from './event-channel.ts';
import { handleLogs } from './logs.ts';
import { createQuestioner, type Questioner } from './questions.ts';
import { isMadeForTasks, relatedMeta, relatedTask, unrelated } from './remote-task-legacy.ts';

/** Whose questions, and log messages, these are. */
export interface Asker {
  readonly call: RouteCall;
  readonly channel: EventChannel;
  readonly questioner: Questioner;
}

/** A connection of one caller's, with one call on it at a time. */
export interface Lane {
  /** Whose it is, as a key. */
  readonly account: string;
  /** Its account, and what it can be asked. */
  readonly kind: string;
  /** Opened once the lane has a place among the others. */
  readonly connection: Promise<Connection>;
  leavePlace?: () => void;
  /** The call whose turn it is. */
  current?: Asker;
  readonly tasks: Map<string, Asker>;
  last: Promise<void>;
  /** Calls that are on it or wait for it. */
  waiting: number;
  /** Questions of its call that are not answered yet. */
  asking: number;
  /** Takes no further call. */
  isForgotten: boolean;
  /** While nobody uses it. */
  idle?: { readonly since: number; readonly timer: NodeJS.Timeout };
}

export const askerOf = (call: RouteCall, channel: EventChannel): Asker => ({
  call,
  channel,
  questioner: createQuestioner(call, channel),
});

/** Makes the lane's client, which is about to connect, answer and tell what its server has for somebody. */
export function prepareLane(lane: Lane, capabilities: ClientCapabilities, client: Client): void {
  const ask = (kind: AskKind) => async (request: { params?: unknown }) =>
    (await put(lane, kind, request.params)) as never;
  if (capabilities.sampling) client.setRequestHandler('sampling/createMessage', ask('sampling'));
  if (capabilities.elicitation) client.setRequestHandler('elicitation/create', ask('elicitation'));
  if (capabilities.roots) client.setRequestHandler('roots/list', ask('roots'));
  handleLogs(client, (params) => askerIn(lane, params)?.channel);
}

/** Whom a request or notification is for. One may come before the task that it names is known here. */
function askerIn({ tasks, current }: Lane, params: unknown): Asker | undefined {
  const taskId = relatedTask(params);
  if (taskId === undefined) return current;
  return tasks.get(taskId) ?? (current && isMadeForTasks(current.call.entry.native) ? current : undefined);
}

/** Puts a question to the caller of the call or task that it belongs to, and waits for the answer. */
async function put(lane: Lane, kind: AskKind, params: unknown): Promise<JsonObject> {
  const asker = askerIn(lane, params);
  if (!asker) throw new AipError('UNSUPPORTED_OPERATION', 'Nobody has called this server, so nobody can be asked.');
  const taskId = relatedTask(params);
  // Calls wait for the one before them, and are led around it while it waits; nobody waits for a task.
  const holdsUp = asker === lane.current;
  if (holdsUp) lane.asking++;
  try {
    const [answer = {}] = await asker.questioner.ask([{ kind, params: isJsonObject(params) ? unrelated(params) : {} }]);
    if (taskId === undefined) return answer;
    return { ...answer, _meta: { ...(answer['_meta'] as JsonObject | undefined), ...relatedMeta(taskId) } };
  } finally {
    if (holdsUp) lane.asking--;
  }
}
