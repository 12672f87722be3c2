import { AipError, isJsonObject, type Json, type JsonObject } from '@aip/wire';
import type { Part } from '../../kernel/body.ts';
import type { TaskState } from '../../kernel/task.ts';
import type { Message } from './protocol.ts';
import { stateOfName } from './protocol.ts';

/**
 * Reads the parameters of A2A's operations (section 3.2). ProtoJSON allows a field under its camelCase and its
 * original name; a field of the wrong type is refused with its path, an unknown field is ignored.
 */

const MAX_ID = 256;
const MAX_PARTS = 1_000;
const MAX_LIST = 100;

export interface SendRequest {
  readonly message: Message;
  readonly metadata: JsonObject;
  readonly returnImmediately: boolean;
  readonly historyLength?: number;
}

export interface TaskRequest {
  readonly id: string;
  readonly historyLength?: number;
}

export interface ListRequest {
  readonly contextId?: string;
  readonly state?: TaskState;
  readonly pageSize: number;
  readonly pageToken?: string;
  readonly historyLength?: number;
  /** Milliseconds since the Unix epoch. */
  readonly updatedFrom?: number;
  readonly includeArtifacts: boolean;
}

/** @throws AipError INVALID_ARGUMENT naming the field, PUSH_NOTIFICATION_NOT_SUPPORTED */
export function readSendRequest(params: Json | undefined): SendRequest {
  const request = object(params, 'params');
  refuseTenant(request);
  const configuration = optionalObject(request['configuration'], 'configuration') ?? {};
  if (field(configuration, 'taskPushNotificationConfig', 'task_push_notification_config') != null) {
    throw new AipError(
      'PUSH_NOTIFICATION_NOT_SUPPORTED',
      'configuration.taskPushNotificationConfig: this agent sends no push notifications; stream or poll the task.',
    );
  }
  const now = field(configuration, 'returnImmediately', 'return_immediately');
  return {
    message: readMessage(request['message']),
    metadata: optionalObject(request['metadata'], 'metadata') ?? {},
    returnImmediately: boolean(now, 'configuration.returnImmediately'),
    ...historyLength(configuration, 'configuration.'),
  };
}

/** @throws AipError INVALID_ARGUMENT naming the field */
export function readTaskRequest(params: Json | undefined): TaskRequest {
  const request = object(params, 'params');
  refuseTenant(request);
  return { id: requiredId(request['id'], 'id'), ...historyLength(request, '') };
}

/** @throws AipError INVALID_ARGUMENT naming the field */
export function readListRequest(params: Json | undefined): ListRequest {
  const request = object(params ?? {}, 'params');
  refuseTenant(request);
  const pageSize = integer(field(request, 'pageSize', 'page_size') ?? 50, 'pageSize');
  if (pageSize < 1 || pageSize > 100) throw invalid('pageSize', 'a whole number from 1 to 100');
  const contextId = id(field(request, 'contextId', 'context_id'), 'contextId');
  const pageToken = text(field(request, 'pageToken', 'page_token') ?? '', 'pageToken', 512);
  const state = stateFilter(request['status']);
  const updatedFrom = timestamp(field(request, 'statusTimestampAfter', 'status_timestamp_after'));
  return {
    pageSize,
    includeArtifacts: boolean(field(request, 'includeArtifacts', 'include_artifacts'), 'includeArtifacts'),
    ...(contextId === undefined ? {} : { contextId }),
    ...(pageToken === '' ? {} : { pageToken }),
    ...(state === undefined ? {} : { state }),
    ...(updatedFrom === undefined ? {} : { updatedFrom }),
    ...historyLength(request, ''),
  };
}

function readMessage(value: Json | undefined): Message {
  const message = object(value, 'message');
  const role = message['role'];
  if (role !== 'ROLE_USER' && role !== 1)
    throw invalid('message.role', '"ROLE_USER": whoever sends a message to an agent speaks as its user');
  const contextId = id(field(message, 'contextId', 'context_id'), 'message.contextId');
  const taskId = id(field(message, 'taskId', 'task_id'), 'message.taskId');
  const metadata = optionalObject(message['metadata'], 'message.metadata');
  const extensions = texts(message['extensions'], 'message.extensions');
  const referenceTaskIds = texts(field(message, 'referenceTaskIds', 'reference_task_ids'), 'message.referenceTaskIds');
  return {
    messageId: requiredId(field(message, 'messageId', 'message_id'), 'message.messageId'),
    role: 'ROLE_USER',
    parts: readParts(message['parts']),
    ...(contextId === undefined ? {} : { contextId }),
    ...(taskId === undefined ? {} : { taskId }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(extensions === undefined ? {} : { extensions }),
    ...(referenceTaskIds === undefined ? {} : { referenceTaskIds }),
  };
}

function readParts(value: Json | undefined): Part[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_PARTS)
    throw invalid('message.parts', `a list of 1 to ${MAX_PARTS} parts`);
  return value.map((part, index) => readPart(part, `message.parts[${index}]`));
}

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** Section 4.1.6: exactly one of text, raw, url and data is the content. */
function readPart(value: Json | undefined, path: string): Part {
  const part = object(value, path);
  const filename = part['filename'] == null ? '' : text(part['filename'], `${path}.filename`, 1_024);
  const mediaType = text(field(part, 'mediaType', 'media_type') ?? '', `${path}.mediaType`, 256);
  const metadata = optionalObject(part['metadata'], `${path}.metadata`);
  const common = {
    ...(filename === '' ? {} : { filename }),
    ...(mediaType === '' ? {} : { mediaType }),
    ...(metadata === undefined ? {} : { metadata }),
  };
  // Null is a value that a data part may carry; for the other three it means that they are absent.
  const given = [part['text'] != null, part['raw'] != null, part['url'] != null, part['data'] !== undefined].filter(
    Boolean,
  ).length;
  if (given !== 1) throw invalid(path, 'exactly one of text, raw, url and data');
  if (part['text'] != null) return { text: text(part['text'], `${path}.text`), ...common };
  if (part['url'] != null) return { url: text(part['url'], `${path}.url`, 8_192), ...common };
  if (part['data'] !== undefined) return { data: part['data'], ...common };
  const raw = text(part['raw'], `${path}.raw`);
  if (!BASE64.test(raw)) throw invalid(`${path}.raw`, 'bytes in base64');
  return { raw, ...common };
}

/** Our interfaces declare no tenant, so none may be named (section 4.4.6). */
function refuseTenant(request: JsonObject): void {
  const tenant = request['tenant'];
  if (tenant != null && tenant !== '') throw invalid('tenant', 'nothing: the interfaces on this card have no tenants');
}

function stateFilter(value: Json | undefined): TaskState | undefined {
  if (value == null || value === 'TASK_STATE_UNSPECIFIED' || value === 0) return undefined;
  const state = stateOfName(value);
  if (state === undefined) throw invalid('status', 'a task state such as "TASK_STATE_WORKING"');
  return state;
}

function timestamp(value: Json | undefined): number | undefined {
  if (value == null || value === '') return undefined;
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(at)) throw invalid('statusTimestampAfter', 'a time in ISO 8601');
  return at;
}

function historyLength(from: JsonObject, path: string): { historyLength?: number } {
  const value = field(from, 'historyLength', 'history_length');
  if (value == null) return {};
  const length = integer(value, `${path}historyLength`);
  if (length < 0) throw invalid(`${path}historyLength`, 'a whole number from 0');
  return { historyLength: length };
}

// ── fields ───────────────────────────────────────────────────────────────────────────────────────────

const field = (from: JsonObject, name: string, original: string): Json | undefined => from[name] ?? from[original];

function object(value: Json | undefined, path: string): JsonObject {
  if (!isJsonObject(value)) throw invalid(path, 'an object');
  return value;
}

const optionalObject = (value: Json | undefined, path: string): JsonObject | undefined =>
  value == null ? undefined : object(value, path);

function text(value: Json | undefined, path: string, max = Number.MAX_SAFE_INTEGER): string {
  if (typeof value !== 'string') throw invalid(path, 'a text');
  if (value.length > max) throw invalid(path, `at most ${max} characters`);
  return value;
}

/** An empty text is ProtoJSON's way to say that there is none. */
function id(value: Json | undefined, path: string): string | undefined {
  return value == null || value === '' ? undefined : text(value, path, MAX_ID);
}

function requiredId(value: Json | undefined, path: string): string {
  const given = id(value, path);
  if (given === undefined || given.trim() === '') throw invalid(path, 'an identifier; it is missing');
  return given;
}

function texts(value: Json | undefined, path: string): string[] | undefined {
  if (value == null) return undefined;
  if (!Array.isArray(value) || value.length > MAX_LIST) throw invalid(path, `a list of at most ${MAX_LIST} texts`);
  return value.length === 0 ? undefined : value.map((item, index) => text(item, `${path}[${index}]`, 2_048));
}

function boolean(value: Json | undefined, path: string): boolean {
  if (value != null && typeof value !== 'boolean') throw invalid(path, 'true or false');
  return value === true;
}

function integer(value: Json | undefined, path: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) throw invalid(path, 'a whole number');
  return value;
}

const invalid = (path: string, expected: string): AipError =>
  new AipError('INVALID_ARGUMENT', `${path}: expected ${expected}.`, { details: { field: path } });
