import type { JsonObject } from '@aip/wire';
import type { Part } from '../../kernel/body.ts';
import type { TaskState } from '../../kernel/task.ts';

/** A2A 1.0 (specification v1.0.1) data model, section 4, in its ProtoJSON form. */

export const PROTOCOL_VERSION = '1.0';
/** Also spoken, over JSON-RPC; what a request means that names no version (section 3.6.2). */
export const LEGACY_VERSION = '0.3';
export const MEDIA_TYPE = 'application/a2a+json';

/** What this edge adds to A2A: the metadata keys `aip.*` and resumable streams, declared on every card. */
export const EXTENSION = 'urn:aip:a2a:gateway:v1';

const STATES = {
  submitted: 'TASK_STATE_SUBMITTED',
  working: 'TASK_STATE_WORKING',
  completed: 'TASK_STATE_COMPLETED',
  failed: 'TASK_STATE_FAILED',
  canceled: 'TASK_STATE_CANCELED',
  input_required: 'TASK_STATE_INPUT_REQUIRED',
  rejected: 'TASK_STATE_REJECTED',
  auth_required: 'TASK_STATE_AUTH_REQUIRED',
} as const satisfies Record<TaskState, string>;

export type StateName = (typeof STATES)[TaskState];

export const stateName = (state: TaskState): StateName => STATES[state];

/** ProtoJSON takes an enum by its name or by its number; the numbers follow the order of `STATES`, from 1. */
const BY_NAME = new Map<unknown, TaskState>(
  (Object.entries(STATES) as [TaskState, StateName][]).flatMap(([state, name], index) => [
    [name, state],
    [index + 1, state],
  ]),
);

export const stateOfName = (name: unknown): TaskState | undefined => BY_NAME.get(name);

/** Waiting for somebody: a blocking send returns here (section 3.2.2). */
export const isInterrupted = (state: TaskState): boolean => state === 'input_required' || state === 'auth_required';

export interface Message {
  readonly messageId: string;
  readonly contextId?: string;
  readonly taskId?: string;
  readonly role: 'ROLE_USER' | 'ROLE_AGENT';
  readonly parts: readonly Part[];
  readonly metadata?: JsonObject;
  readonly extensions?: readonly string[];
  readonly referenceTaskIds?: readonly string[];
}

export interface Artifact {
  readonly artifactId: string;
  readonly name?: string;
  readonly parts: readonly Part[];
  readonly metadata?: JsonObject;
}

export interface TaskStatus {
  readonly state: StateName;
  readonly message?: Message;
  /** ISO 8601 in UTC with milliseconds. */
  readonly timestamp: string;
}

export interface Task {
  readonly id: string;
  readonly contextId: string;
  readonly status: TaskStatus;
  readonly artifacts?: readonly Artifact[];
  readonly history?: readonly Message[];
}

export interface TaskStatusUpdate {
  readonly taskId: string;
  readonly contextId: string;
  readonly status: TaskStatus;
  readonly metadata?: JsonObject;
}

export interface TaskArtifactUpdate {
  readonly taskId: string;
  readonly contextId: string;
  readonly artifact: Artifact;
  readonly append?: boolean;
  readonly lastChunk?: boolean;
}

/** Section 3.2.3: exactly one of them. */
export type StreamResponse =
  | { readonly task: Task }
  | { readonly statusUpdate: TaskStatusUpdate }
  | { readonly artifactUpdate: TaskArtifactUpdate };

export type SendMessageResponse = { readonly task: Task } | { readonly message: Message };

export interface ListTasksResponse {
  readonly tasks: readonly Task[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
  readonly pageSize: number;
  readonly totalSize: number;
}
