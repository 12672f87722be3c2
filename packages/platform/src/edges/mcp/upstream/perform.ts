import { isJsonObject, type Json, type JsonObject } from '@aip/wire';
import type { Client, CompleteRequest, RequestOptions } from '@modelcontextprotocol/client';
import { argumentsOf, type Body } from '../../../kernel/body.ts';
import type { RouteCall } from '../../../kernel/route.ts';
import { declaredHeaders, paramHeaders } from '../param-headers.ts';
import type { EventChannel } from './event-channel.ts';

/** A server may be silent for this long, in milliseconds; progress starts it anew. */
const SILENCE = 5 * 60_000;
/** No call takes longer than this, in milliseconds. */
const TOTAL = 60 * 60_000;

/** Sends what the message asks for and returns the server's result, whole. */
export async function perform(client: Client, call: RouteCall, channel: EventChannel): Promise<Body> {
  const { entry, message } = call;
  const args = argumentsOf(message.body);
  const _meta = metaOf(call);
  const options: RequestOptions = {
    signal: call.signal,
    timeout: SILENCE,
    maxTotalTimeout: TOTAL,
    resetTimeoutOnProgress: true,
    onprogress: ({ progress, total, message: text }) =>
      channel.push({
        type: 'progress',
        progress,
        ...(total === undefined ? {} : { total }),
        ...(text === undefined ? {} : { message: text }),
      }),
  };
  if (message.native?.['complete'] !== undefined) return native(await client.complete(completion(call, args), options));
  if (entry.kind === 'prompt')
    return native(
      await client.getPrompt({ name: entry.name, arguments: args as Record<string, string>, _meta }, options),
    );
  if (entry.kind !== 'tool')
    return native(
      await client.request({ method: 'resources/read', params: { uri: uriOf(call, args), _meta } }, options),
    );
  const headers = client.getProtocolEra() === 'modern' ? paramHeaders(declaredHeaders(entry.inputSchema), args) : {};
  const params = { name: entry.name, arguments: args, _meta };
  return native(await client.request({ method: 'tools/call', params }, { ...options, headers }));
}

const native = (result: object): Body => ({ type: 'mcp', value: result as JsonObject });

/** Trace context and what the caller's `_meta` holds beside credentials. Nothing of how the caller authenticated. */
function metaOf({ message }: RouteCall): Record<string, Json> {
  const passed = message.native?.['_meta'];
  return { ...(isJsonObject(passed) ? passed : {}), ...message.trace };
}

/** A template or a whole server is addressed; the body says which resource of it. */
const uriOf = ({ entry }: RouteCall, args: JsonObject): string =>
  typeof args['uri'] === 'string' ? args['uri'] : entry.name;

function completion(call: RouteCall, args: JsonObject): CompleteRequest['params'] {
  const { entry, message } = call;
  const ref =
    message.native?.['complete'] === 'prompt'
      ? { type: 'ref/prompt', name: entry.name }
      : { type: 'ref/resource', uri: uriOf(call, args) };
  return {
    ref,
    argument: args['argument'],
    ...(args['context'] === undefined ? {} : { context: args['context'] }),
  } as unknown as CompleteRequest['params'];
}
