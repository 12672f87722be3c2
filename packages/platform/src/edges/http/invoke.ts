import { aipErrorFromBody, AipError, ERRORS, type Json, type JsonObject } from '@aip/wire';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { interrupted, outcomeOf, type Call, type Exchange } from '../../exchange/index.ts';
import { parseAddress } from '../../kernel/address.ts';
import { data, text, valueOf } from '../../kernel/body.ts';
import { ACTION_ON, type Draft } from '../../kernel/message.ts';
import type { Principal } from '../../kernel/principal.ts';
import { isTerminal, type TaskEvent } from '../../kernel/task.ts';
import { traceIn } from '../../kernel/trace.ts';
import { closing, STOPPED, whenClosed } from '../../kernel/when-closed.ts';
import { callerOf } from './caller.ts';
import { bodyInput, idempotencyKey } from './input.ts';
import type { EventStreams, ServerEvent } from './sse.ts';

/** The body of `POST /v1/invoke`. */
export const invokeInput = z.strictObject({
  to: z
    .string()
    .min(1)
    .max(600)
    .describe(
      'agent:<name or DID>, skill:<agent>/<name>, capability:<name>, tool:<server>/<name>, resource:… or prompt:<server>/<name>',
    ),
  arguments: z
    .union([z.record(z.string(), z.any()), z.string()])
    .default({})
    .describe('Named arguments, or a text'),
  stream: z.boolean().default(false).describe('Answer with Server-Sent Events instead of one JSON document'),
  conversation: z.string().min(1).max(256).optional().describe('Groups calls that belong together'),
  parent: z.string().min(1).max(128).optional().describe('The task of yours on whose behalf you call'),
  timeout_ms: z
    .number()
    .int()
    .min(1)
    .max(24 * 3600_000)
    .optional()
    .describe('The call is canceled after this time'),
});

/** `POST /v1/invoke`: calls any agent, skill or tool, over whatever protocol it is connected. */
export function invokeRoute(app: FastifyInstance, exchange: Exchange, streams: EventStreams): void {
  app.post('/v1/invoke', async (request, reply) => {
    const session = callerOf(exchange, request);
    const { stream, draft } = draftOf(request, exchange.clock.now());
    if (!stream) return answerOnce(exchange, await exchange.send(session, draft), session.principal, draft, reply);
    const opened = streams.open(session.principal);
    try {
      const call = await exchange.send(opened.session, draft);
      return opened.send(
        reply.header('x-aip-task', call.taskId),
        taskEvents(call, session.principal, 0, opened.signal),
      );
    } catch (error) {
      opened.discard();
      throw error;
    }
  });
}

function draftOf(request: FastifyRequest, now: number): { stream: boolean; draft: Draft } {
  const parsed = invokeInput.safeParse(bodyInput(request.body));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new AipError('INVALID_ARGUMENT', `${issue?.path.join('.') || 'body'}: ${issue?.message}`);
  }
  const input = parsed.data;
  const { kind, address } = parseAddress(input.to);
  if (kind === 'operation' || kind === 'topic')
    throw new AipError('INVALID_ARGUMENT', `to: a ${kind} is not invoked; operations are at /v1/<domain>/<verb>.`);
  const key = idempotencyKey(request.headers['idempotency-key']);
  const trace = traceIn(request.headers);
  const draft: Draft = {
    to: address,
    action: ACTION_ON[kind],
    body: typeof input.arguments === 'string' ? text(input.arguments) : data(input.arguments as JsonObject),
    ...(key === undefined ? {} : { idempotencyKey: key }),
    ...(input.conversation === undefined ? {} : { conversationId: input.conversation }),
    ...(input.parent === undefined ? {} : { parentId: input.parent }),
    ...(input.timeout_ms === undefined ? {} : { deadline: now + input.timeout_ms }),
    ...(trace === undefined ? {} : { trace }),
  };
  return { stream: input.stream, draft };
}

/** One JSON document: the result, or 202 and where to look once the call waits for somebody. */
async function answerOnce(
  exchange: Exchange,
  call: Call,
  caller: Principal,
  draft: Draft,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const keep = cancelWithoutCaller(call, draft, reply);
  const listening = closing(reply.raw, exchange.whenDrained);
  let waited = false;
  for await (const event of call.events(0, listening)) {
    if (event.type === 'asked') waited = true;
    // An identical retry finds a call that has waited for somebody: from then on nobody has to stay.
    if (waited || isTerminal(event.state)) keep();
    if (isTerminal(event.state)) {
      if (waited) reply.raw.once('finish', () => call.delivered(caller));
      return sendOutcome(call, event, reply);
    }
    if (event.type === 'asked' && call.last?.n === event.n) {
      const { id, kind, expires } = event.ask;
      const ask = { id, kind, ...(expires === undefined ? {} : { expires_at: new Date(expires).toISOString() }) };
      return reply.code(202).send({ task: call.taskId, state: event.state, ask });
    }
  }
  if (listening.reason !== STOPPED) throw new AipError('CANCELED', 'The client did not wait for the answer.');
  keep();
  throw interrupted(call.taskId);
}

/** A caller that goes away cancels its call, unless it can come back for it with its key. */
function cancelWithoutCaller(call: Call, draft: Draft, reply: FastifyReply): () => void {
  if (draft.idempotencyKey !== undefined) return () => {};
  const cancel = (): void => call.cancel('disconnect');
  return whenClosed(reply.raw, cancel);
}

function sendOutcome(call: Call, event: TaskEvent, reply: FastifyReply): FastifyReply {
  const outcome = outcomeOf(event);
  if (outcome.ok) return reply.send({ task: call.taskId, state: event.state, result: valueOf(outcome.body) });
  const error = aipErrorFromBody(outcome.error).toJSON();
  const result: { result?: Json } = outcome.body ? { result: valueOf(outcome.body) } : {};
  return reply
    .code(ERRORS[error.code].http)
    .send({ task: call.taskId, state: event.state, effect: outcome.effect, error, ...result });
}

/** What an event carries in a form that needs no knowledge of bodies: its value, or why the task ended without one. */
function plain(event: TaskEvent): { value?: Json; error?: JsonObject } {
  if ('body' in event && event.body) return { value: valueOf(event.body) };
  if (event.type !== 'canceled') return {};
  const outcome = outcomeOf(event);
  return outcome.ok ? {} : { error: outcome.error };
}

/** A task's recorded events above `after`, then live ones, to its end, for `reader`; the ids are the events' numbers. */
export async function* taskEvents(
  call: Call,
  reader: Principal,
  after: number,
  listening: AbortSignal,
): AsyncIterable<ServerEvent> {
  let waited = after > 0;
  for await (const event of call.events(after, listening)) {
    if (event.type === 'asked') waited = true;
    yield { event: event.type, id: event.n, data: { task: call.taskId, ...event, ...plain(event) } };
    // Resumed behind the last `yield`: the client has taken the event.
    if (waited && isTerminal(event.state)) call.delivered(reader);
  }
}
