import { AipError, type JsonObject } from '@aip/wire';
import {
  inputRequired,
  ProtocolError,
  ProtocolErrorCode,
  type InputRequest,
  type LoggingLevel,
  type ServerContext,
} from '@modelcontextprotocol/server';
import type { Call } from '../../exchange/index.ts';
import type { Address } from '../../kernel/address.ts';
import type { Ask } from '../../kernel/ask.ts';
import type { TaskEvent } from '../../kernel/task.ts';
import { answerOf, keyOf, requestOf } from './asks.ts';
import { scopeKey } from './directory.ts';
import type { AskState, Client, Edge } from './edge.ts';
import { follow, type Stand } from './follow.ts';

/** One request of a client whose call may ask something back before it ends (2026-07-28, basic/patterns/mrtr). */
export interface Dialogue {
  readonly edge: Edge;
  readonly client: Client;
  readonly ctx: ServerContext;
  /** What is called: an answer belongs to that address only. */
  readonly to: Address;
  readonly capabilities: unknown;
  /** From which level on the client wants log messages; all that come unless given. */
  readonly logLevel?: LoggingLevel | undefined;
}

/**
 * How a dialogue leaves its request: with the end, with a question, or with neither in the time it was given or before
 * the platform stopped.
 */
export type Turn =
  | { readonly ended: TaskEvent }
  | { readonly question: JsonObject }
  | { readonly late: true }
  | { readonly stopped: true };

/**
 * Follows a call, answering what it asks from what the client has sent along, until its end or until something is
 * asked that the client has not answered. On older connections the SDK turns questions into requests of the server.
 *
 * @param patience gives up waiting, with `late`
 */
export async function converse(
  dialogue: Dialogue,
  call: Call,
  from: Stand | undefined,
  patience?: AbortSignal,
): Promise<Turn> {
  const stop = new AbortController();
  const forget = dialogue.edge.exchange.whenDrained(() => stop.abort());
  try {
    const until = patience ? AbortSignal.any([patience, stop.signal]) : stop.signal;
    const turn = await converseUntil(dialogue, call, from, until);
    return 'late' in turn && stop.signal.aborted ? { stopped: true } : turn;
  } finally {
    forget();
  }
}

async function converseUntil(
  dialogue: Dialogue,
  call: Call,
  from: Stand | undefined,
  patience: AbortSignal,
): Promise<Turn> {
  const { ctx, logLevel } = dialogue;
  const given = new Map(Object.entries(ctx.mcpReq.inputResponses ?? {}));
  let stand = from ?? (await follow(call, ctx, { logLevel, patience }));
  while ('asked' in stand) {
    const open: Ask[] = [];
    for (const ask of stand.asked) {
      const response = given.get(keyOf(ask));
      // One answer answers one question, though a later one may have the same name.
      given.delete(keyOf(ask));
      if (response === undefined) open.push(ask);
      else await hear(dialogue, call, ask, response as JsonObject);
    }
    if (open.length > 0) return { question: await question(dialogue, call, open, stand.first) };
    stand = await follow(call, ctx, { after: stand.n, logLevel, patience });
  }
  return stand;
}

/**
 * The call that a client comes back to, at the question it was asked. Throws -32602 for a state that belongs to
 * another call, or endpoint. A call that has ended meanwhile, as by a restart, is led to its own end: nothing is called again.
 */
export async function resumed(
  { edge, client, ctx, to }: Dialogue,
  state: AskState,
): Promise<{ readonly call: Call; readonly stand: Stand }> {
  const here = state.to === to && state.at === scopeKey(client.scope);
  const call = here ? edge.exchange.call(client.session.principal.tenant, state.task) : undefined;
  const round = call && (await roundAt(call, state.n, ctx.mcpReq.signal));
  const asked = round?.asked.filter(({ id }) => state.open.includes(id)) ?? [];
  if (!call || !round || asked.length === 0)
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'The requestState does not belong to this call.');
  return { call, stand: { ...round, asked } };
}

/** What was asked together from event `first` on. */
async function roundAt(
  call: Call,
  first: number,
  patience: AbortSignal,
): Promise<Extract<Stand, { asked: unknown }> | undefined> {
  const asked: Ask[] = [];
  for await (const event of call.events(first - 1, patience)) {
    if (event.type !== 'asked') continue;
    asked.push(event.ask);
    if (!event.ask.more) return { asked, first, n: event.n };
  }
  return undefined;
}

/** Hands an answer on. One that was given before has been heard, and a call that has ended hears no more. */
async function hear({ edge, client }: Dialogue, call: Call, ask: Ask, response: JsonObject): Promise<void> {
  try {
    await edge.exchange.answer(client.session, call.taskId, ask.id, answerOf(ask, response));
  } catch (error) {
    if (!(error instanceof AipError) || !PAST_ANSWERING.has(error.code)) throw error;
  }
}

const PAST_ANSWERING: ReadonlySet<string> = new Set(['NOT_FOUND', 'TASK_NOT_FOUND']);

/** An InputRequiredResult. Throws MISSING_CLIENT_CAPABILITY, and ends the call, when the client cannot answer. */
async function question(
  { edge, client, ctx, to, capabilities }: Dialogue,
  call: Call,
  open: readonly Ask[],
  first: number,
): Promise<JsonObject> {
  const inputRequests: Record<string, InputRequest> = {};
  for (const ask of open) {
    const request = requestOf(ask, capabilities);
    if (!request) {
      call.cancel('caller');
      throw new AipError(
        'MISSING_CLIENT_CAPABILITY',
        `The call needs an answer (${ask.kind}) that this client cannot give, so it was canceled.`,
      );
    }
    inputRequests[keyOf(ask)] = request;
  }
  const state: AskState = {
    task: call.taskId,
    n: first,
    open: open.map(({ id }) => id),
    to,
    at: scopeKey(client.scope),
  };
  return inputRequired({ inputRequests, requestState: await edge.states.mint(state, ctx) }) as unknown as JsonObject;
}
