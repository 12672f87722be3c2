import { createHash } from 'node:crypto';
import { isJsonObject, type Json, type JsonObject } from '@aip/wire';
import type { RequestFrame } from './client-types.ts';
import type { RequestOptions } from './open-requests.ts';

/** What an agent is asked to do. */
export interface Task {
  /** Stays the same when the task is delivered again. */
  readonly id: string;
  /** The capability asked for, if one was named. */
  readonly capability?: string;
  readonly args: JsonObject;
  /** What is wanted in natural language, if that is how it was asked. */
  readonly query?: string;
  readonly caller: { readonly id: string; readonly name?: string; readonly edge?: string };
  /** 1, or more when it is delivered again after a lost connection or a restart of the platform. */
  readonly attempt: number;
}

/** What a handler can do besides returning its result. */
export interface TaskContext {
  readonly task: Task;
  /** Aborted when the task is canceled or its time is up. */
  readonly signal: AbortSignal;
  /** Says how far the work has come; `total` if it is known. */
  progress(progress: number, total?: number, message?: string): Promise<void>;
  /** Sends a piece of the output ahead of the result. */
  emit(chunk: unknown): Promise<void>;
  /**
   * Calls another agent or a tool on behalf of this task: a DID with `capability`, or an address such as
   * `tool:files/read_file`. Under the same `key`, a task that is delivered again does not repeat the call.
   */
  call(target: string, args: JsonObject, options?: CallOptions): Promise<Json>;
}

export interface CallOptions extends RequestOptions {
  readonly capability?: string;
  /** Names this step within the task. */
  readonly key?: string;
}

/** What gateways add to the requests that they sign themselves. */
interface GatewayFields {
  readonly task_id?: Json;
  readonly attempt?: Json;
  readonly caller?: Json;
}

/** @param gatewayDid whose word on the task and its caller is taken */
export function taskOf(frame: RequestFrame, gatewayDid: string): Task {
  const { payload, from } = frame;
  const said: GatewayFields = from === gatewayDid ? (payload as GatewayFields) : {};
  const { task_id: id, attempt, caller } = said;
  return {
    id: typeof id === 'string' ? id : createHash('sha256').update(taskKey(frame)).digest('base64url'),
    ...asked(frame),
    attempt: typeof attempt === 'number' ? attempt : 1,
    caller:
      isJsonObject(caller) && typeof caller['id'] === 'string' ? (caller as JsonObject & { id: string }) : { id: from },
  };
}

function asked(frame: RequestFrame): Pick<Task, 'args' | 'capability' | 'query'> {
  if (frame.type === 'EXEC_REQUEST') {
    const { capability, args } = frame.payload;
    return { args, ...(capability === undefined ? {} : { capability }) };
  }
  const { payload } = frame;
  if ('task' in payload) return { capability: payload.task, args: payload.params ?? {} };
  return {
    query: payload.query,
    args: { text: payload.query, ...(payload.context === undefined ? {} : { context: payload.context }) },
  };
}

/** Under which a task is done once: keys are each sender's own. */
export const taskKey = ({ from, id, payload }: RequestFrame): string => `${from}\n${payload.idempotency_key ?? id}`;
