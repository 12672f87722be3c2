import { AipError, type IoapFrame, type IoapPayloads, type Json, type JsonObject } from '@aip/wire';
import { COMEBACK, type RequestFrame } from './client-types.ts';
import type { GatewayClient } from './gateway-client.ts';
import { payloadOf, toJson } from './remote-error.ts';
import { taskOf, type CallOptions, type Task, type TaskContext } from './task.ts';

type ErrorFrame = Extract<IoapFrame, { type: 'ERROR' }>;

/** A handler returns the result, or yields pieces of it and may return one. */
export type Work = (task: Task, context: TaskContext) => unknown;

/** One task being worked on; it may be asked for by one frame after another. */
export interface Run {
  /** From now on `frame` is answered. */
  attach(frame: RequestFrame): void;
  /** True if `frame` is about the request that asked for it, from someone who may cancel it. */
  isMeantBy(frame: ErrorFrame): boolean;
  cancel(): void;
  /** The last word, which is also sent. Never rejects. */
  readonly ended: Promise<IoapPayloads['EXEC_RESPONSE']>;
}

/** Pieces kept for a caller that cannot be reached at the moment. */
const MAX_HELD = 1_000;

/** How much longer than the task's time its end is waited for, in milliseconds. */
const GATEWAYS_WORD = 5_000;

type Partial = { result: Json; kind?: 'progress'; seq: number };

export function startRun(client: GatewayClient, first: RequestFrame, work: Work): Run {
  const controller = new AbortController();
  const task = taskOf(first, client.gatewayDid);
  const began = performance.now();
  let request = first;
  let seq = 0;
  let held: Partial[] = [];
  const timer = abortAfter(controller, first.payload.timeout_ms);

  const elapsed = (): { execution_time_ms: number } => ({ execution_time_ms: performance.now() - began });

  async function partial(result: Json, kind?: 'progress'): Promise<void> {
    if (request.payload.stream !== true) return;
    const piece = { result, ...(kind ? { kind } : {}), seq: seq++ };
    await sendPartial(piece).catch(() => {
      // Until the connection is back; the result holds everything in any case.
      if (held.length < MAX_HELD) held.push(piece);
    });
  }

  const sendPartial = (piece: Partial): Promise<void> =>
    client.respond(request, { status: 'partial', ...piece, ...elapsed() });

  const context: TaskContext = {
    task,
    signal: controller.signal,
    progress: (progress, total, message) => partial(toJson({ progress, total, message }), 'progress'),
    emit: (chunk) => partial(toJson(chunk)),
    call: (target, args, options = {}) =>
      client.sendExecRequest(target, childPayload(task, request, client, args, options), {
        signal: controller.signal,
        // What interrupted the first attempt may have interrupted others too.
        ...(task.attempt > 1 ? { patienceMs: COMEBACK } : {}),
        ...options,
      }),
  };

  async function run(): Promise<IoapPayloads['EXEC_RESPONSE']> {
    try {
      const result = toJson(await resultOf(await work(task, context), context));
      return { status: 'success', result, ...elapsed() };
    } catch (error) {
      return failure(controller.signal.aborted ? stopped(controller.signal, error) : error, elapsed());
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    attach(frame) {
      request = frame;
      const pieces = held;
      held = [];
      for (const piece of pieces) sendPartial(piece).catch(() => {});
    },
    isMeantBy: ({ correlation_id, from }) =>
      correlation_id === request.id && (from === request.from || from === client.gatewayDid),
    cancel: () => controller.abort(new AipError('CANCELED')),
    ended: run().then((payload) => answer(client, request, payload)),
  };
}

/** The gateway says when the time is up; this is for when it cannot. */
function abortAfter(controller: AbortController, timeout: number | undefined): NodeJS.Timeout | undefined {
  if (timeout === undefined) return undefined;
  const abort = (): void => controller.abort(new AipError('DEADLINE_EXCEEDED'));
  return setTimeout(abort, Math.min(timeout + GATEWAYS_WORD, 2 ** 31 - 1)).unref();
}

/** Sends the last word. Without a connection it waits in memory until it is asked for again. */
export async function answer(
  client: GatewayClient,
  request: RequestFrame,
  payload: IoapPayloads['EXEC_RESPONSE'],
): Promise<IoapPayloads['EXEC_RESPONSE']> {
  try {
    await client.respond(request, payload);
    return payload;
  } catch (error) {
    if (error instanceof AipError && error.code === 'AGENT_UNAVAILABLE') return payload;
    // The result cannot be put into a frame; that is what the caller is told.
    const told = failure(error, { execution_time_ms: payload.execution_time_ms });
    await client.respond(request, told).catch(() => {});
    return told;
  }
}

/** Pieces that a generator yields are sent ahead; without a result of its own they are the result. */
async function resultOf(returned: unknown, context: TaskContext): Promise<unknown> {
  if (!isAsyncIterable(returned)) return returned;
  const source = returned[Symbol.asyncIterator]();
  const pieces: unknown[] = [];
  try {
    for (;;) {
      const { value, done } = await source.next();
      if (done) return value === undefined ? joined(pieces) : value;
      context.signal.throwIfAborted();
      pieces.push(value);
      await context.emit(value);
    }
  } finally {
    await source.return?.();
  }
}

const joined = (pieces: readonly unknown[]): unknown =>
  pieces.every((piece) => typeof piece === 'string') ? pieces.join('') : pieces;

const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown, unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

/** An aborted handler usually fails with the abort itself; a failure that says more is kept. */
const stopped = (signal: AbortSignal, error: unknown): unknown =>
  error instanceof AipError ? error : (signal.reason as unknown);

function failure(error: unknown, time: { execution_time_ms: number }): IoapPayloads['EXEC_RESPONSE'] {
  const payload = payloadOf(error);
  const effect = payload.details?.['effect'];
  const answerPayload: IoapPayloads['EXEC_RESPONSE'] & { effect?: Json } = {
    status: 'error',
    error: payload,
    ...time,
    ...(effect === undefined ? {} : { effect }),
  };
  return answerPayload;
}

/** A child call names its parent, and its key is the task's own. */
function childPayload(
  task: Task,
  request: RequestFrame,
  client: GatewayClient,
  args: JsonObject,
  { key, capability }: CallOptions,
): IoapPayloads['EXEC_REQUEST'] {
  return {
    args,
    parent_id: request.from === client.gatewayDid ? task.id : request.id,
    ...(capability === undefined ? {} : { capability }),
    ...(key === undefined ? {} : { idempotency_key: `${task.id}/${key}` }),
  };
}
