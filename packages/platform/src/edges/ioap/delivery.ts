import {
  AipError,
  isErrorCode,
  isJsonObject,
  type ErrorCode,
  type IoapFrame,
  type Json,
  type JsonObject,
} from '@aip/wire';
import { data, text, type Body } from '../../kernel/body.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import { errorBody, type ErrorBody } from '../../kernel/error-body.ts';
import type { EffectState, RouteEvent } from '../../kernel/task.ts';
import { createFeed, type Feed } from './feed.ts';
import type { Edge, Link } from './link.ts';

type ResponseFrame = Extract<IoapFrame, { type: 'EXEC_RESPONSE' }>;
type ErrorFrame = Extract<IoapFrame, { type: 'ERROR' }>;

/** One request that an agent works on: what it was sent, and what it has answered so far. */
export interface Delivery {
  readonly frameId: string;
  /** DID that the request's frame is from, so that its answers are for. */
  readonly answersTo: string;
  readonly taskId: string;
  /** True if the caller's own frame was forwarded. */
  readonly original: boolean;
  /** Ends with the terminal event, or without one when the connection is lost. */
  readonly events: AsyncIterable<RouteEvent>;
  /** EXEC_RESPONSE of the agent. Throws what is wrong with it. */
  respond(frame: ResponseFrame, raw: string): void;
  /** ERROR of the agent in answer to this request. */
  fail(frame: ErrorFrame): void;
  /** Ends it from this side. */
  end(event: RouteEvent): void;
  drop(): void;
}

export interface DeliveryOptions {
  readonly edge: Edge;
  readonly link: Link;
  readonly entry: CatalogueEntry;
  readonly taskId: string;
  readonly frameId: string;
  readonly answersTo: string;
  readonly original: boolean;
}

export function openDelivery({ edge, link, entry, taskId, frameId, answersTo, original }: DeliveryOptions): Delivery {
  const feed: Feed<RouteEvent> = createFeed(() => link.hold());
  let nextSeq = 0;

  function close(): void {
    if (link.deliveries.delete(frameId)) count(edge.asked, frameId, -1);
    feed.end();
  }

  function end(event: RouteEvent): void {
    feed.push(event);
    close();
  }

  /** Remembers the frame beside the body, for a caller that can be given it as it is. */
  function kept(body: Body, raw: string): Body {
    if (original) edge.originals.set(body, { raw, to: answersTo, correlationId: frameId });
    return body;
  }

  /** Text joins what came before, unless whole frames are passed on; the first piece begins the artifact anew. */
  function output(value: Json, raw: string, seq: number): RouteEvent {
    const body = kept(typeof value === 'string' ? text(value) : data(value), raw);
    return original ? { type: 'output', body } : { type: 'output', body, artifactId: 'result', append: seq > 0 };
  }

  const delivery: Delivery = {
    frameId,
    answersTo,
    taskId,
    original,
    events: feed,
    respond(frame, raw) {
      if (frame.to !== answersTo)
        throw new AipError('INVALID_ARGUMENT', `The answer to ${frameId} goes to ${answersTo}, who asked.`);
      const { status, result = null, seq, error } = frame.payload;
      if (status === 'success')
        return end({ type: 'done', body: kept(typeof result === 'string' ? text(result) : data(result), raw) });
      if (status === 'error') return end(failed(error, effectSaid(frame.payload), entry));
      const number = seq ?? nextSeq;
      if (number < nextSeq)
        throw new AipError('REPLAY_DETECTED', `Part ${number} of the answer to ${frameId} has come before.`);
      nextSeq = number + 1;
      feed.push(progressOf(frame.payload) ?? output(result, raw, number));
    },
    fail: (frame) => end(failed(frame.payload, undefined, entry)),
    end,
    drop: close,
  };
  link.deliveries.set(frameId, delivery);
  count(edge.asked, frameId, 1);
  return delivery;
}

function count(counts: Map<string, number>, id: string, change: 1 | -1): void {
  const now = (counts.get(id) ?? 0) + change;
  if (now > 0) counts.set(id, now);
  else counts.delete(id);
}

/** What is assumed of an interrupted call's effect. */
export const effectOf = (entry: CatalogueEntry): EffectState => (entry.effect === 'read' ? 'none' : 'unknown');

function progressOf(payload: JsonObject): RouteEvent | undefined {
  const { kind, result } = payload;
  if (kind !== 'progress' || !isJsonObject(result) || typeof result['progress'] !== 'number') return undefined;
  const { progress, total, message } = result;
  return {
    type: 'progress',
    progress,
    ...(typeof total === 'number' ? { total } : {}),
    ...(typeof message === 'string' ? { message } : {}),
  };
}

function effectSaid({ effect }: JsonObject): EffectState | undefined {
  return effect === 'none' || effect === 'applied' || effect === 'unknown' ? effect : undefined;
}

/** What an agent can know of its own work. Any other code would speak for the platform. */
const AGENTS_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'INVALID_ARGUMENT',
  'UNSUPPORTED_OPERATION',
  'CONTENT_TYPE_NOT_SUPPORTED',
  'PAYLOAD_TOO_LARGE',
  'NOT_FOUND',
  'CONFLICT',
  'CANCELED',
  'TIMEOUT',
  'RATE_LIMITED',
  'UPSTREAM_FAILED',
  'INTERNAL_ERROR',
]);

function failed(
  error: { code: string; message: string; details?: JsonObject } | undefined,
  effect: EffectState | undefined,
  entry: CatalogueEntry,
): RouteEvent {
  const { code = 'UPSTREAM_FAILED', message = 'The agent failed without saying why.', details } = error ?? {};
  const stable = isErrorCode(details?.['code']) ? details['code'] : code;
  return { type: 'failed', error: errorSaid(stable, message, details), effect: effect ?? effectOf(entry) };
}

function errorSaid(code: string, message: string, details: JsonObject | undefined): ErrorBody {
  if (isErrorCode(code) && AGENTS_CODES.has(code)) return errorBody(code, message, details);
  // Its code, and what follows from that, are the agent's word and not the platform's: callers find them in `agent_code`.
  const { code: _code, retryable: _retryable, ...rest } = details ?? {};
  return errorBody('UPSTREAM_FAILED', message, { ...rest, agent_code: code });
}
