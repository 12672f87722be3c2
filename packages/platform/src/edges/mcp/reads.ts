import { aipErrorFromBody, toAipError, type JsonObject } from '@aip/wire';
import {
  ProtocolError,
  ProtocolErrorCode,
  type CompleteRequest,
  type GetPromptRequest,
  type ReadResourceRequest,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { outcomeOf } from '../../exchange/index.ts';
import { data } from '../../kernel/body.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Draft } from '../../kernel/message.ts';
import type { Client, Edge } from './edge.ts';
import { cancelWithClient, follow } from './follow.ts';
import { readMeta } from './metadata.ts';
import { protocolError, rethrowUpstream } from './results.ts';
import { wrapContents, wrapMessages } from './uris.ts';

/** resources/read, prompts/get and completion/complete: governed like every call, answered by their upstream. */
export async function readResource(
  edge: Edge,
  client: Client,
  { uri, _meta }: ReadResourceRequest['params'],
  ctx: ServerContext,
): Promise<JsonObject> {
  const found = edge.directory.resource(client.scope, uri);
  if (!found) throw invalid(`There is no resource ${uri.slice(0, 500)} here.`);
  const result = await ask(edge, client, ctx, {
    to: found.entry.address,
    action: 'read',
    body: data({ uri: found.uri }),
    ...readMeta(_meta),
  });
  // What one caller may read is nobody else's to cache.
  const own = { ...result, cacheScope: 'private' };
  return client.scope.kind === 'all' ? wrapContents(found.entry.owner, own) : own;
}

export async function getPrompt(
  edge: Edge,
  client: Client,
  params: GetPromptRequest['params'],
  ctx: ServerContext,
): Promise<JsonObject> {
  const entry = promptNamed(edge, client, params.name);
  const result = await ask(edge, client, ctx, {
    to: entry.address,
    action: 'get',
    body: data({ ...params.arguments }),
    ...readMeta(params._meta),
  });
  return client.scope.kind === 'all' ? wrapMessages(entry.owner, result) : result;
}

/** Completes an argument of a prompt or of a resource template; the one who offers it is asked. */
export async function complete(
  edge: Edge,
  client: Client,
  params: CompleteRequest['params'],
  ctx: ServerContext,
): Promise<JsonObject> {
  const { ref, argument, context } = params;
  const asked = {
    argument: { ...argument },
    ...(context?.arguments ? { context: { arguments: context.arguments } } : {}),
  };
  const native = { complete: ref.type === 'ref/prompt' ? 'prompt' : 'template' };
  if (ref.type === 'ref/prompt') {
    const entry = promptNamed(edge, client, ref.name);
    return ask(edge, client, ctx, { to: entry.address, action: 'get', body: data(asked), native });
  }
  const found = edge.directory.resource(client.scope, ref.uri);
  if (!found) throw invalid(`There is no resource template ${ref.uri.slice(0, 500)} here.`);
  return ask(edge, client, ctx, {
    to: found.entry.address,
    action: 'read',
    body: data({ ...asked, uri: found.uri }),
    native,
  });
}

function promptNamed(edge: Edge, client: Client, name: string): CatalogueEntry {
  const entry = edge.directory.prompt(client.scope, name);
  if (!entry) throw invalid(`Unknown prompt: ${name.slice(0, 200)}`);
  return entry;
}

const invalid = (message: string): ProtocolError => new ProtocolError(ProtocolErrorCode.InvalidParams, message);

async function ask(edge: Edge, client: Client, ctx: ServerContext, draft: Draft): Promise<JsonObject> {
  try {
    // Nobody can be asked in the middle of these.
    const call = await edge.exchange.send(client.session, { ...draft, accepts: {} });
    const unwatch = cancelWithClient(call, ctx.mcpReq.signal);
    const stand = await follow(call, ctx);
    unwatch();
    if (!('ended' in stand))
      throw new ProtocolError(
        ProtocolErrorCode.InternalError,
        'The upstream asks for more than this request can answer.',
      );
    const outcome = outcomeOf(stand.ended);
    if (!outcome.ok) {
      rethrowUpstream(outcome.error);
      throw aipErrorFromBody(outcome.error);
    }
    call.delivered();
    return outcome.body.type === 'mcp' ? outcome.body.value : {};
  } catch (error) {
    throw error instanceof ProtocolError ? error : protocolError(toAipError(error).toJSON());
  }
}
