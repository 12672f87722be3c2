import type { Json, JsonObject } from '@aip/wire';
import { ProtocolError } from '@modelcontextprotocol/client';
import { z } from 'zod';
import type { RouteCall } from '../../../kernel/route.ts';
import type { Connection } from './connection.ts';
import type { EventChannel } from './event-channel.ts';

/** A call that a server has made a task of, and the way to it. */
export interface RemoteTask {
  readonly taskId: string;
  readonly call: RouteCall;
  readonly channel: EventChannel;
  /** Works on whatever connection is its caller's now. */
  readonly use: <T>(work: (connection: Connection) => Promise<T>) => Promise<T>;
}

/** How a task stands, as the server has said it. */
export interface RemoteStanding {
  readonly status: Json | undefined;
  readonly statusMessage: Json | undefined;
  /** Milliseconds until it wants to be asked again. */
  readonly pollInterval: Json | undefined;
  /** All that it has said. */
  readonly native: JsonObject;
}

/** What a task that is `completed` or `failed` has come to. */
export type RemoteEnd = { readonly result: JsonObject } | { readonly error: ProtocolError };

/** The methods by which one era follows its tasks. They reject when the server cannot be asked, or knows no such task. */
export interface TaskDialect {
  look(): Promise<RemoteStanding>;
  /** Has what the task asks answered; it goes on meanwhile. */
  attend(standing: RemoteStanding): Promise<void>;
  collect(standing: RemoteStanding): Promise<RemoteEnd>;
  cancel(): Promise<unknown>;
  /** Listens to the task no longer. */
  end(): void;
}

/** Longest id of a task that is kept, in characters. */
export const MAX_TASK_ID = 1_024;
/** How a server says that it has no such task, or no tasks any more. */
const UNKNOWN: ReadonlySet<number> = new Set([-32602, -32601]);
export const isUnknownTask = (thrown: unknown): boolean => thrown instanceof ProtocolError && UNKNOWN.has(thrown.code);
export const AnyResult = z.looseObject({});
