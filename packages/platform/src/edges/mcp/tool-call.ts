import { toAipError, type JsonObject } from '@aip/wire';
import {
  ProtocolError,
  ProtocolErrorCode,
  type CallToolRequest,
  type CallToolResult,
  type InputRequiredResult,
  type LoggingLevel,
  type Server,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { interrupted, type Call, type Exchange } from '../../exchange/index.ts';
import { data } from '../../kernel/body.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import { ACTION_ON } from '../../kernel/message.ts';
import type { TaskEvent } from '../../kernel/task.ts';
import { converse, resumed } from './dialogue.ts';
import type { AskState, Client, Edge } from './edge.ts';
import { cancelWithClient, isParked } from './follow.ts';
import { acceptsOf, readMeta } from './metadata.ts';
import { callResult, errorResult } from './results.ts';
import { resultOf } from './task-status.ts';
import { createdTask, demandTasks, takesTasks } from './tasks.ts';

/** One tools/call: decided on the name and arguments in the body, never on a header. */
export interface ToolCall {
  readonly edge: Edge;
  readonly client: Client;
  readonly entry: CatalogueEntry;
  readonly params: CallToolRequest['params'];
  readonly capabilities: unknown;
  /** From which level on the client wants log messages, if it has said so. */
  readonly logLevel?: LoggingLevel | undefined;
}

/** How long a client that takes tasks is kept waiting before it gets one, in milliseconds. */
const PATIENCE = 1_000;

/** tools/call through the SDK: with progress, logs, cancellation, asks and tasks. */
export async function serveToolCall(
  toolCall: ToolCall,
  server: Server,
  ctx: ServerContext,
): Promise<CallToolResult | InputRequiredResult> {
  const { edge, entry } = toolCall;
  const stateless = ctx.mcpReq.envelope !== undefined;
  if (stateless) demandTasks(entry, toolCall.capabilities);
  const result = await settled(toolCall, async () => {
    if (isOwnRead(entry)) return readOperation(toolCall, ctx.mcpReq.signal);
    const dialogue = { ...toolCall, ctx, to: entry.address };
    const state = ctx.mcpReq.requestState<AskState>();
    const { call, stand } = state
      ? await resumed(dialogue, state)
      : { call: await sendCall(toolCall), stand: undefined };
    const tasks = stateless && takesTasks(toolCall.capabilities);
    if (tasks && !stand && (isParked(call) || entry.tasks !== undefined))
      return createdTask(call, edge.exchange.clock.now());
    const unwatch = cancelWithClient(call, ctx.mcpReq.signal);
    const turn = await converse(dialogue, call, stand, tasks ? AbortSignal.timeout(PATIENCE) : undefined);
    // On older connections the SDK asks at once, within this request, which can still be cancelled meanwhile.
    if (stateless || !('question' in turn)) unwatch();
    if ('stopped' in turn) throw interrupted(call.taskId);
    if ('late' in turn) return createdTask(call, edge.exchange.clock.now());
    if ('question' in turn) return turn.question;
    if (!ctx.mcpReq.signal.aborted) call.delivered(toolCall.client.session.principal);
    return resultOf(toolCall.client, entry.address, turn.ended);
  });
  if (result['resultType'] !== undefined) return result as unknown as InputRequiredResult;
  return server.projectCallToolResult(result as unknown as CallToolResult, entry.outputSchema);
}

/** What whoever has begun it can end, and take the result of. */
export type WatchedCall = Pick<Call, 'last' | 'cancel' | 'delivered'>;

/**
 * A plain call to its end: no stream, nobody to ask. `watch` is given the call as soon as it can be canceled, and says so
 * when its result has left.
 */
export async function plainToolCall(toolCall: ToolCall, watch: (call: WatchedCall) => void): Promise<JsonObject> {
  demandTasks(toolCall.entry, toolCall.capabilities);
  return settled(toolCall, async () => {
    if (isOwnRead(toolCall.entry)) {
      const caller = new AbortController();
      watch({ last: undefined, cancel: (reason) => caller.abort(reason), delivered() {} });
      return readOperation(toolCall, caller.signal);
    }
    const call = await sendCall(toolCall);
    watch(call);
    return resultOf(toolCall.client, toolCall.entry.address, await endOf(call, toolCall.edge.exchange));
  });
}

/** The end of a call. Throws SHUTTING_DOWN when the platform stops before it. */
function endOf(call: Call, exchange: Exchange): Promise<TaskEvent> {
  return new Promise((resolve, reject) => {
    const forget = exchange.whenDrained(() => reject(interrupted(call.taskId)));
    void call.ended.then(resolve, reject).finally(forget);
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

/** Hands the call over; how it goes on is in what comes back. */
export function sendCall(toolCall: ToolCall): Promise<Call> {
  const { edge, client, entry, params, capabilities, logLevel } = toolCall;
  return edge.exchange.send(client.session, {
    to: entry.address,
    action: ACTION_ON[entry.kind],
    body: data(argumentsIn(toolCall)),
    accepts: acceptsOf(capabilities),
    ...readMeta(params._meta, { capabilities, logLevel }),
  });
}

/** The platform's own reads make no task. */
export const isOwnRead = (entry: CatalogueEntry): boolean => entry.kind === 'operation' && entry.effect === 'read';

async function readOperation(toolCall: ToolCall, caller: AbortSignal): Promise<JsonObject> {
  const { edge, client, entry } = toolCall;
  return callResult(data(await edge.exchange.operate(client.session, entry.name, argumentsIn(toolCall), caller)));
}
