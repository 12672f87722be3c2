import { aipErrorFromBody, type JsonObject } from '@aip/wire';
import {
  ProtocolError,
  ProtocolErrorCode,
  type CompleteRequest,
  type GetPromptRequest,
  type ReadResourceRequest,
} from '@modelcontextprotocol/server';
import { interrupted, outcomeOf } from '../../exchange/index.ts';
import { data } from '../../kernel/body.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Draft } from '../../kernel/message.ts';
import { converse, resumed, type Dialogue } from './dialogue.ts';
import { gathersOwners } from './directory.ts';
import type { AskState, Client, Edge } from './edge.ts';
import { cancelWithClient } from './follow.ts';
import { acceptsOf, readMeta } from './metadata.ts';
import { asProtocolError, rethrowUpstream } from './results.ts';
import { wrapContents, wrapMessages } from './uris.ts';

/** One of these requests, with what its client can be asked. */
export type Reading = Omit<Dialogue, 'to'>;

/** resources/read, prompts/get and completion/complete: governed like every call, answered by their upstream. */
export async function readResource(
  reading: Reading,
  { uri, _meta }: ReadResourceRequest['params'],
): Promise<JsonObject> {
  const { client } = reading;
  const found = resourceAt(reading, uri);
  if (!found) throw invalid(`There is no resource ${uri.slice(0, 500)} here.`);
  const draft: Draft = {
    to: found.entry.address,
    action: 'read',
    body: data({ uri: found.uri }),
    ...readMeta(_meta, reading),
  };
  return askServer(reading, draft, (result) => {
    // What one caller may read is nobody else's to cache.
    const own = { ...result, cacheScope: 'private' };
    return gathersOwners(client.scope) ? wrapContents(found.entry.owner, own) : own;
  });
}

export async function getPrompt(reading: Reading, params: GetPromptRequest['params']): Promise<JsonObject> {
  const { edge, client } = reading;
  const entry = promptNamed(edge, client, params.name);
  const draft: Draft = {
    to: entry.address,
    action: 'get',
    body: data({ ...params.arguments }),
    ...readMeta(params._meta, reading),
  };
  return askServer(reading, draft, (result) =>
    gathersOwners(client.scope) ? wrapMessages(entry.owner, result) : result,
  );
}

/** Completes an argument of a prompt or of a resource template; the one who offers it is asked. */
export async function complete(answering: Reading, params: CompleteRequest['params']): Promise<JsonObject> {
  // Nobody is asked anything for a completion.
  const reading = { ...answering, capabilities: {} };
  const { edge, client } = reading;
  const { ref, argument, context } = params;
  const asked = {
    argument: { ...argument },
    ...(context?.arguments ? { context: { arguments: context.arguments } } : {}),
  };
  const native = { complete: ref.type === 'ref/prompt' ? 'prompt' : 'template' };
  if (ref.type === 'ref/prompt') {
    const entry = promptNamed(edge, client, ref.name);
    return askServer(reading, { to: entry.address, action: 'get', body: data(asked), native }, (result) => result);
  }
  const found = resourceAt(reading, ref.uri);
  if (!found) throw invalid(`There is no resource template ${ref.uri.slice(0, 500)} here.`);
  const draft: Draft = { to: found.entry.address, action: 'read', body: data({ ...asked, uri: found.uri }), native };
  return askServer(reading, draft, (result) => result);
}

/** What is read there. Throws -32602 for what is no URI. */
export function resourceAt({ edge, client }: Pick<Reading, 'edge' | 'client'>, uri: string): Found {
  try {
    return edge.directory.resource(client.scope, uri);
  } catch (error) {
    throw asProtocolError(error);
  }
}

type Found = ReturnType<Edge['directory']['resource']>;

function promptNamed(edge: Edge, client: Client, name: string): CatalogueEntry {
  const entry = edge.directory.prompt(client.scope, name);
  if (!entry) throw invalid(`Unknown prompt: ${name.slice(0, 200)}`);
  return entry;
}

const invalid = (message: string): ProtocolError => new ProtocolError(ProtocolErrorCode.InvalidParams, message);

/** An InputRequiredResult, or what the upstream has answered; `finish` is for the latter alone. */
export async function askServer(
  { edge, client, ctx, capabilities, logLevel }: Reading,
  draft: Draft,
  finish: (result: JsonObject) => JsonObject,
): Promise<JsonObject> {
  try {
    const dialogue = { edge, client, ctx, to: draft.to, capabilities, logLevel };
    const state = ctx.mcpReq.requestState<AskState>();
    const { call, stand } = state
      ? await resumed(dialogue, state)
      : {
          call: await edge.exchange.send(client.session, { ...draft, accepts: acceptsOf(capabilities) }),
          stand: undefined,
        };
    const unwatch = cancelWithClient(call, ctx.mcpReq.signal);
    const turn = await converse(dialogue, call, stand);
    if (ctx.mcpReq.envelope || !('question' in turn)) unwatch();
    if ('stopped' in turn) throw interrupted(call.taskId);
    if ('question' in turn) return turn.question;
    const outcome = outcomeOf('ended' in turn ? turn.ended : await call.ended);
    if (!outcome.ok) {
      rethrowUpstream(outcome.error);
      throw aipErrorFromBody(outcome.error);
    }
    call.delivered(client.session.principal);
    return finish(outcome.body.type === 'mcp' ? outcome.body.value : {});
  } catch (error) {
    throw asProtocolError(error);
  }
}
