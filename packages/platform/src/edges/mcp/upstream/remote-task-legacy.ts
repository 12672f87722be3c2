import { setTimeout as sleep } from 'node:timers/promises';
import { isJsonObject, type JsonObject } from '@aip/wire';
import { ProtocolError, RELATED_TASK_META_KEY, type Client, type RequestOptions } from '@modelcontextprotocol/client';
import { z } from 'zod';
import type { Message } from '../../../kernel/message.ts';
import type { Connection } from './connection.ts';
import { isCutShort } from './failures.ts';
import { listening } from './logs.ts';
import {
  AnyResult,
  MAX_TASK_ID,
  isUnknownTask,
  type RemoteEnd,
  type RemoteStanding,
  type RemoteTask,
  type TaskDialect,
} from './remote-task-dialect.ts';

/*
 * The experimental tasks of 2025-11-25 (basic/utilities/tasks): the gateway says which call is to be a task, asks how it
 * stands, and fetches its result. On the request that fetches it the server asks what the task wants to know, which is
 * answered as any question of an older server.
 */

/** How long a task is to be kept for us whose call has no deadline, in milliseconds. */
const KEPT = 24 * 60 * 60_000;
/** How long beyond its deadline, in milliseconds: its result may have to wait for a server that is away. */
const MARGIN = 10 * 60_000;
/** No timer runs for longer, the server's neither. */
const LONGEST = 2 ** 31 - 1;
/** How long a result is waited for on one request, in milliseconds. */
const WAIT = 60 * 60_000;
/** How long a task that is being made is waited for when its call is given up, in milliseconds: without its id it goes on. */
const MAKING = 1_000;
/** How long a result may be on its way whose task the server does not know any more, in milliseconds. */
const HANDED_OVER = 1_000;
/** A server that tells of its task without end is asked no sooner than this, in milliseconds. */
const NOTICED = 100;

/** CreateTaskResult, or the result at once, of a server that makes no task after all. */
export const CreateTaskResult = z.union([
  z.looseObject({ task: z.looseObject({ taskId: z.string().min(1).max(MAX_TASK_ID) }) }),
  z.looseObject({ task: z.undefined().optional(), content: z.array(z.unknown()).default([]) }),
]);

/** What a tool says of itself counts only where its server declares tasks for tools/call. */
export const servesTasks = (client: Client): boolean =>
  client.getServerCapabilities()?.tasks?.requests?.tools?.call !== undefined;

/** Whether a tool says that it may, or must, be called as a task (2025-11-25, server/tools, `execution`). */
export function isMadeForTasks(tool: JsonObject | undefined): boolean {
  const execution = tool?.['execution'];
  const support = isJsonObject(execution) ? execution['taskSupport'] : undefined;
  return support === 'optional' || support === 'required';
}

/** What makes a task of a call. */
export function taskParams({ deadline }: Message): JsonObject {
  const ttl = deadline === undefined ? KEPT : Math.min(LONGEST, Math.max(0, deadline - Date.now()) + MARGIN);
  return { task: { ttl } };
}

/** Gives up a request that makes a task, some time after its call has been. */
export function untilMade(signal: AbortSignal): AbortSignal {
  const late = new AbortController();
  const giveUp = (): void => void setTimeout(() => late.abort(signal.reason), MAKING).unref();
  if (signal.aborted) giveUp();
  else signal.addEventListener('abort', giveUp, { once: true });
  return late.signal;
}

/** The task that a server has made of a call, by its id. */
export function taskIn({ task }: JsonObject): string | undefined {
  return isJsonObject(task) && typeof task['taskId'] === 'string' ? task['taskId'] : undefined;
}

/** The task that a server says its request belongs to, by its id. */
export function relatedTask(params: unknown): string | undefined {
  const meta = isJsonObject(params) ? params['_meta'] : undefined;
  const related = isJsonObject(meta) ? meta[RELATED_TASK_META_KEY] : undefined;
  return isJsonObject(related) && typeof related['taskId'] === 'string' ? related['taskId'] : undefined;
}

export const relatedMeta = (taskId: string): JsonObject => ({ [RELATED_TASK_META_KEY]: { taskId } });

/** Without what only holds between the server and the gateway. */
export function unrelated(value: JsonObject): JsonObject {
  const { _meta, ...rest } = value;
  if (!isJsonObject(_meta)) return value;
  const { [RELATED_TASK_META_KEY]: _, ...meta } = _meta;
  return Object.keys(meta).length === 0 ? rest : { ...rest, _meta: meta };
}

/** A task whose result has come is not asked for any more: its server may have let it go by then. */
const ENDED: RemoteStanding = { status: 'completed', statusMessage: undefined, pollInterval: undefined, native: {} };

/** `ring`: there is something new to look at. */
export function legacyDialect({ taskId, call, channel, use }: RemoteTask, ring: () => void): TaskDialect {
  let heard: Connection | undefined;
  let deafen = (): void => {};
  let noticed: NodeJS.Timeout | undefined;
  let waiting: Promise<void> | undefined;
  let tried = false;
  let result: JsonObject | undefined;

  const notice = (): void => {
    noticed ??= setTimeout(() => {
      noticed = undefined;
      ring();
    }, NOTICED).unref();
  };

  function hear(connection: Connection): void {
    if (connection === heard) return;
    deafen();
    heard = connection;
    const { notices } = connection;
    const stops = [notices.onStatus(taskId, notice), notices.onProgress(call.message.id, channel)];
    deafen = () => stops.forEach((stop) => stop());
  }

  const request = (method: string, options?: RequestOptions): Promise<JsonObject> =>
    use((connection) => {
      hear(connection);
      const sent = { method, params: { taskId } };
      return listening(channel, async () => (await connection.client.request(sent, AnyResult, options)) as JsonObject);
    });

  const fetchResult = async (): Promise<JsonObject> =>
    unrelated(await request('tasks/result', { timeout: WAIT, signal: call.signal }));

  async function waitForResult(): Promise<void> {
    try {
      result = await fetchResult();
      ring();
    } catch {
      // How the task stands says what to do about it.
    } finally {
      waiting = undefined;
    }
  }

  /** The result of a task that the server has let go of by now: it may be on its way here. */
  async function arriving(thrown: unknown): Promise<JsonObject | undefined> {
    if (isUnknownTask(thrown)) await Promise.race([waiting, sleep(HANDED_OVER, undefined, { ref: false })]);
    return result;
  }

  return {
    async look(): Promise<RemoteStanding> {
      if (result) return ENDED;
      try {
        const native = await request('tasks/get');
        const { status, statusMessage, pollInterval } = native;
        return { status, statusMessage, pollInterval, native };
      } catch (thrown) {
        if (await arriving(thrown)) return ENDED;
        throw thrown;
      }
    },
    /** Whoever waits for the result is asked, and has it at once; who has lost that request still looks how it stands. */
    async attend({ status }) {
      if (waiting || (tried && status !== 'input_required')) return;
      tried = true;
      waiting = waitForResult();
    },
    async collect({ status }): Promise<RemoteEnd> {
      try {
        return { result: result ?? (await fetchResult()) };
      } catch (thrown) {
        const arrived = await arriving(thrown);
        if (arrived) return { result: arrived };
        // A task that has failed may have an error of its own, whichever it is.
        const isGone = status === 'completed' && isUnknownTask(thrown);
        if (!(thrown instanceof ProtocolError) || isCutShort(thrown) || isGone) throw thrown;
        return { error: thrown };
      }
    },
    cancel: () =>
      use(async ({ client }) => {
        if (client.getServerCapabilities()?.tasks?.cancel === undefined) return;
        await client.request({ method: 'tasks/cancel', params: { taskId } }, AnyResult);
      }),
    end() {
      clearTimeout(noticed);
      deafen();
    },
  };
}
