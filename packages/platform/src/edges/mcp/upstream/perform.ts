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
import type { EventChannel } from './event-channel.ts';
import { listening } from './logs.ts';
import { createQuestioner } from './questions.ts';
import { TAKES_TASKS } from './remote-task.ts';
import { inRounds, type Retry } from './rounds.ts';
import { raiseSignals } from './signals.ts';

/** A server may be silent for this long, in milliseconds; progress starts it anew. */
const SILENCE = 5 * 60_000;
/** No call takes longer than this, in milliseconds. */
const TOTAL = 60 * 60_000;

/** Methods of extensions that only read (SEP-2640). */
const EXTENSION_METHODS: ReadonlySet<string> = new Set(['skills/list', 'skills/get', 'resources/directory/read']);
const AnyResult = z.looseObject({});

/** Sends what the message asks for and returns the server's result, whole. */
export async function perform(client: Client, call: RouteCall, channel: EventChannel): Promise<Body> {
  const { entry, message } = call;
  const args = argumentsOf(message.body);
  const stateless = client.getProtocolEra() === 'modern';
  const _meta = { ...metaOf(message), ...(stateless ? askerOf(call) : {}) };
  const headers = stateless && entry.kind === 'tool' ? paramHeaders(declaredHeaders(entry.inputSchema), args) : {};
  const options: RequestOptions = {
    signal: call.signal,
    timeout: SILENCE,
    maxTotalTimeout: TOTAL,
    resetTimeoutOnProgress: true,
    allowInputRequired: true,
    headers,
    onprogress: ({ progress, total, message: text }) =>
      channel.push({
        type: 'progress',
        progress,
        ...(total === undefined ? {} : { total }),
        ...(text === undefined ? {} : { message: text }),
      }),
  };
  const { method, params } = requestOf(call, args);
  const send = async (retry: Retry): Promise<JsonObject> =>
    (await requestBy(client, { method, params: { ...params, ...retry, _meta } }, options)) as JsonObject;
  const result = await listening(channel, () => inRounds(send, createQuestioner(call, channel)));
  if (entry.kind === 'tool') raiseSignals(result, call, channel);
  return { type: 'mcp', value: result };
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
