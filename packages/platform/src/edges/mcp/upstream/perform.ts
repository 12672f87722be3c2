import { AipError, isJsonObject, type JsonObject } from '@aip/wire';
import {
  CLIENT_CAPABILITIES_META_KEY,
  LOG_LEVEL_META_KEY,
  type Client,
  type RequestOptions,
} from '@modelcontextprotocol/client';
import { z } from 'zod';
import { argumentsOf, type Body } from '../../../kernel/body.ts';
import type { Message } from '../../../kernel/message.ts';
import type { RouteCall } from '../../../kernel/route.ts';
import { declaredHeaders, paramHeaders } from '../param-headers.ts';
import { capabilitiesOf } from './capabilities.ts';
import type { Connection } from './connection.ts';
import type { EventChannel } from './event-channel.ts';
import { listening } from './logs.ts';
import { createQuestioner } from './questions.ts';
import { createdTaskIn, TAKES_TASKS } from './remote-task-extension.ts';
import { CreateTaskResult, isMadeForTasks, servesTasks, taskIn, taskParams, untilMade } from './remote-task-legacy.ts';
import { progressEvent } from './remote-task-notices.ts';
import { inRounds, type Retry } from './rounds.ts';
import { raiseSignals } from './signals.ts';

/** A server may be silent for this long, in milliseconds; progress starts it anew. */
const SILENCE = 5 * 60_000;
/** No call takes longer than this, in milliseconds. */
const TOTAL = 60 * 60_000;

/** Methods of extensions that only read (SEP-2640). */
const EXTENSION_METHODS: ReadonlySet<string> = new Set(['skills/list', 'skills/get', 'resources/directory/read']);
const AnyResult = z.looseObject({});

/** The server's result, whole, or the id of the task that it has made of the call. */
export type Performed = { readonly body: Body } | { readonly task: string };

/** Sends what the message asks for. */
export async function perform(
  { client, notices }: Connection,
  call: RouteCall,
  channel: EventChannel,
): Promise<Performed> {
  const { entry, message } = call;
  const args = argumentsOf(message.body);
  const stateless = client.getProtocolEra() === 'modern';
  const { method, params } = requestOf(call, args);
  const asTask = method === 'tools/call' && servesTasks(client) && isMadeForTasks(entry.native);
  const _meta = {
    ...metaOf(message),
    ...(stateless ? askerOf(call) : {}),
    ...(asTask ? { progressToken: message.id } : {}),
  };
  const headers = stateless && entry.kind === 'tool' ? paramHeaders(declaredHeaders(entry.inputSchema), args) : {};
  const options: RequestOptions = {
    signal: asTask ? untilMade(call.signal) : call.signal,
    timeout: SILENCE,
    maxTotalTimeout: TOTAL,
    resetTimeoutOnProgress: true,
    allowInputRequired: true,
    headers,
    // What is a task by then says how far it has come beyond the answer to its call.
    ...(asTask ? {} : { onprogress: (progress) => channel.push(progressEvent(progress)) }),
  };
  const sent = { ...params, ...(asTask ? taskParams(message) : {}), _meta };
  const send = async (retry: Retry): Promise<JsonObject> => {
    const request = { method, params: { ...sent, ...retry } };
    return (await (asTask
      ? client.request(request, CreateTaskResult, options)
      : requestBy(client, request, options))) as JsonObject;
  };
  const stop = asTask ? notices.onProgress(message.id, channel) : undefined;
  try {
    const result = await listening(channel, () => inRounds(send, createQuestioner(call, channel)));
    const task = asTask ? taskIn(result) : undefined;
    if (task !== undefined) return { task };
    if (entry.kind === 'tool') raiseSignals(result, call, channel);
    return { body: { type: 'mcp', value: result } };
  } catch (thrown) {
    const task = createdTaskIn(thrown);
    if (task === undefined) throw thrown;
    return { task };
  } finally {
    stop?.();
  }
}

/** The SDK knows the results of the specification's own methods. */
const requestBy = (client: Client, request: { method: string; params: JsonObject }, options: RequestOptions) =>
  EXTENSION_METHODS.has(request.method)
    ? client.request(request, AnyResult, options)
    : client.request(request as never, options);

function requestOf(call: RouteCall, args: JsonObject): { readonly method: string; readonly params: JsonObject } {
  const { entry, message } = call;
  const extension = message.native?.['extension'];
  if (typeof extension === 'string' && EXTENSION_METHODS.has(extension)) return { method: extension, params: args };
  if (message.native?.['complete'] !== undefined)
    return { method: 'completion/complete', params: completion(call, args) };
  if (entry.kind === 'prompt') return { method: 'prompts/get', params: { name: entry.name, arguments: args } };
  if (entry.kind !== 'tool') return { method: 'resources/read', params: { uri: uriOf(call, args) } };
  return { method: 'tools/call', params: { name: entry.name, arguments: args } };
}

/** Trace context and what the caller's `_meta` holds beside credentials. Nothing of how the caller authenticated. */
function metaOf({ native, trace }: Message): JsonObject {
  const passed = native?.['_meta'];
  return { ...(isJsonObject(passed) ? passed : {}), ...trace };
}

/** What the caller can be asked and wants to hear: a server of 2026-07-28 is told with each request. */
function askerOf({ message, entry }: RouteCall): JsonObject {
  const logLevel = message.native?.['logLevel'];
  const capabilities = capabilitiesOf(message) as JsonObject;
  const extensions = { ...(capabilities['extensions'] as JsonObject | undefined), ...TAKES_TASKS };
  return {
    [CLIENT_CAPABILITIES_META_KEY]: entry.kind === 'tool' ? { ...capabilities, extensions } : capabilities,
    ...(typeof logLevel === 'string' ? { [LOG_LEVEL_META_KEY]: logLevel } : {}),
  };
}

/** A listed resource is read under its own URI; of a template, the exchange has found out which one is meant. */
function uriOf({ entry }: RouteCall, args: JsonObject): string {
  if (entry.kind === 'resource') return entry.name;
  if (typeof args['uri'] === 'string') return args['uri'];
  throw new AipError('INVALID_ARGUMENT', `uri: required, to say which resource of ${entry.name} is read.`);
}

function completion(call: RouteCall, args: JsonObject): JsonObject {
  const { entry, message } = call;
  const ref =
    message.native?.['complete'] === 'prompt'
      ? { type: 'ref/prompt', name: entry.name }
      : { type: 'ref/resource', uri: uriOf(call, args) };
  return {
    ref,
    argument: args['argument'] ?? null,
    ...(args['context'] === undefined ? {} : { context: args['context'] }),
  };
}
