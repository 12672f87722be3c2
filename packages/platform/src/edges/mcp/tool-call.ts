import { AipError, toAipError, type JsonObject } from '@aip/wire';
import {
  inputRequired,
  ProtocolError,
  ProtocolErrorCode,
  type CallToolRequest,
  type CallToolResult,
  type InputRequiredResult,
  type Server,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { outcomeOf, type Call } from '../../exchange/index.ts';
import type { Ask } from '../../kernel/ask.ts';
import { data } from '../../kernel/body.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Action } from '../../kernel/message.ts';
import type { TaskEvent } from '../../kernel/task.ts';
import { answerOf, requestOf } from './asks.ts';
import type { AskState, Client, Edge } from './edge.ts';
import { cancelWithClient, follow, isParked, type Stand } from './follow.ts';
import { acceptsOf, readMeta } from './metadata.ts';
import { callResult, errorResult, toolResult } from './results.ts';
import { createdTask, takesTasks } from './tasks.ts';
import { wrapLinks } from './uris.ts';

const ACTION: Partial<Record<CatalogueEntry['kind'], Action>> = { tool: 'call', skill: 'invoke', operation: 'operate' };

/** One tools/call: decided on the name and arguments in the body, never on a header. */
export interface ToolCall {
  readonly edge: Edge;
  readonly client: Client;
  readonly entry: CatalogueEntry;
  readonly params: CallToolRequest['params'];
  readonly capabilities: unknown;
}

/** The entry that the client means. Throws -32602 for a name that this endpoint does not list. */
export function toolNamed(edge: Edge, client: Client, name: string): CatalogueEntry {
  const entry = edge.directory.tool(client.scope, name);
  if (entry) return entry;
  throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${name.slice(0, 200)}`);
}

/** tools/call through the SDK: with progress, logs, cancellation, asks and tasks. */
export async function serveToolCall(
  toolCall: ToolCall,
  server: Server,
  ctx: ServerContext,
): Promise<CallToolResult | InputRequiredResult> {
  const { edge, entry } = toolCall;
  const result = await settled(toolCall, async () => {
    if (isOwnRead(entry)) return readOperation(toolCall);
    const state = ctx.mcpReq.requestState<AskState>();
    const { call, after } = state ? await resumed(toolCall, state, ctx) : { call: await send(toolCall), after: 0 };
    if (isParked(call) && takesTasks(toolCall.capabilities)) return createdTask(call, edge.exchange.clock.now());
    const unwatch = cancelWithClient(call, ctx.mcpReq.signal);
    const parked = isParked(call);
    const stand = await follow(call, ctx, after);
    if ('ended' in stand) {
      unwatch();
      if (parked && !ctx.mcpReq.signal.aborted) call.delivered();
      return endOf(toolCall, stand.ended);
    }
    // On older connections the SDK asks at once, within this request, which can still be cancelled meanwhile.
    if (ctx.mcpReq.envelope) unwatch();
    return ask(toolCall, call, stand, ctx);
  });
  if (result['resultType'] !== undefined) return result as unknown as InputRequiredResult;
  return server.projectCallToolResult(result as unknown as CallToolResult, entry.outputSchema);
}

/** A plain call to its end: no stream, nobody to ask. `watch` is given the call as soon as it is accepted. */
export async function plainToolCall(toolCall: ToolCall, watch: (call: Call) => void): Promise<JsonObject> {
  return settled(toolCall, async () => {
    if (isOwnRead(toolCall.entry)) return readOperation(toolCall);
    const call = await send(toolCall);
    const parked = isParked(call);
    watch(call);
    const end = await call.ended;
    if (parked) call.delivered();
    return endOf(toolCall, end);
  });
}

/** What the exchange refuses becomes a result that the model can read. */
async function settled(toolCall: ToolCall, work: () => Promise<JsonObject>): Promise<JsonObject> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof ProtocolError) throw thrown;
    const error = toAipError(thrown);
    if (error.code === 'UNKNOWN_TARGET')
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${toolCall.params.name}`);
    return errorResult(error.toJSON());
  }
}

const argumentsIn = (toolCall: ToolCall): JsonObject => (toolCall.params.arguments ?? {}) as JsonObject;

function send(toolCall: ToolCall): Promise<Call> {
  const { edge, client, entry, params, capabilities } = toolCall;
  return edge.exchange.send(client.session, {
    to: entry.address,
    action: ACTION[entry.kind] ?? 'call',
    body: data(argumentsIn(toolCall)),
    accepts: acceptsOf(capabilities),
    ...readMeta(params._meta),
  });
}

/** The platform's own reads make no task. */
const isOwnRead = (entry: CatalogueEntry): boolean => entry.kind === 'operation' && entry.effect === 'read';

async function readOperation(toolCall: ToolCall): Promise<JsonObject> {
  const { edge, client, entry } = toolCall;
  return callResult(data(await edge.exchange.operate(client.session, entry.name, argumentsIn(toolCall))));
}

function endOf({ client, entry }: ToolCall, event: TaskEvent): JsonObject {
  const result = toolResult(outcomeOf(event));
  return client.scope.kind === 'all' && entry.kind === 'tool' ? wrapLinks(entry.owner, result) : result;
}

// ── asks in the middle of a call ─────────────────────────────────────────────────────────────────────

/** Multi-round results; on older connections the SDK turns them into requests of the server. */
async function ask(
  toolCall: ToolCall,
  call: Call,
  { asked, n }: Extract<Stand, { asked: unknown }>,
  ctx: ServerContext,
): Promise<JsonObject> {
  const request = requestOf(asked, toolCall.capabilities);
  if (!request) {
    call.cancel('caller');
    throw new AipError(
      'MISSING_CLIENT_CAPABILITY',
      `The call needs an answer (${asked.kind}) that this client cannot give, so it was canceled.`,
    );
  }
  const state: AskState = { task: call.taskId, n, to: toolCall.entry.address };
  const requestState = await toolCall.edge.states.mint(state, ctx);
  return inputRequired({ inputRequests: { [asked.id]: request }, requestState }) as unknown as JsonObject;
}

/** The call that a client comes back to, its answer handed on; a client that brings none is asked again. */
async function resumed(
  toolCall: ToolCall,
  state: AskState,
  ctx: ServerContext,
): Promise<{ call: Call; after: number }> {
  const { edge, client, entry } = toolCall;
  const { exchange } = edge;
  const call = state.to === entry.address ? exchange.call(client.session.principal.tenant, state.task) : undefined;
  const asked = call && (await askAt(call, state.n));
  if (!asked)
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'The requestState does not belong to this call.');
  const response = ctx.mcpReq.inputResponses?.[asked.id];
  if (response === undefined) return { call, after: state.n - 1 };
  try {
    await exchange.answer(client.session, state.task, asked.id, answerOf(asked, response as JsonObject));
  } catch (error) {
    // An answer that was given before has been heard; the call just goes on.
    if (!(error instanceof AipError) || error.code !== 'NOT_FOUND') throw error;
  }
  return { call, after: state.n };
}

async function askAt(call: Call, n: number): Promise<Ask | undefined> {
  for await (const event of call.events(n - 1)) return event.type === 'asked' ? event.ask : undefined;
  return undefined;
}
