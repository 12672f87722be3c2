import { Readable } from 'node:stream';
import { AipError } from '@aip/wire';
import type { FastifyReply } from 'fastify';
import type { Exchange } from '../../exchange/index.ts';
import { toErrorBody } from '../../kernel/error-body.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Session } from '../../kernel/session.ts';
import { createShares } from '../../kernel/shares.ts';
import { whenClosed } from '../../kernel/when-closed.ts';

/** One Server-Sent Event; `id` is what a client sends back as Last-Event-ID. */
export interface ServerEvent {
  readonly event: string;
  readonly id?: number;
  readonly data: unknown;
}

/** Streams open at a time; the reserve is for those who watch over the platform. */
const STREAMS = { of: 'event streams are open', total: 2_000, each: 200, reserve: 100 };
/** Silence after which a comment is sent, so that proxies keep the connection, in milliseconds. */
const HEARTBEAT = 15_000;
/** How long a browser waits before it connects again, in milliseconds. */
const RETRY = 1_000;

/** An open stream: a session that a kill can close, and the way to send events. */
export interface OpenStream {
  readonly session: Session;
  /** Aborted when the client is gone, or the session is closed. */
  readonly signal: AbortSignal;
  /** Answers with these events; pulls the next one only when the client takes it. */
  send(reply: FastifyReply, events: AsyncIterable<ServerEvent>): FastifyReply;
  /** Gives the stream back unused. */
  discard(): void;
}

export interface EventStreams {
  /** Throws RATE_LIMITED when too many streams are open; `oversight` when all others have theirs. */
  open(principal: Principal, purpose?: 'oversight'): OpenStream;
  closeAll(): void;
}

interface Closure {
  readonly code: string;
  readonly reason: string;
}

export function createEventStreams(exchange: Exchange): EventStreams {
  const shares = createShares(STREAMS);
  const controllers = new Set<AbortController>();

  function open(principal: Principal, purpose?: 'oversight'): OpenStream {
    const leave = shares.take(principal, { fromReserve: purpose === 'oversight' });
    const controller = new AbortController();
    const close = (code: string, reason: string): void => controller.abort({ code, reason } satisfies Closure);
    const session = attach(principal, close, leave);
    controllers.add(controller);

    function discard(): void {
      leave();
      controllers.delete(controller);
      exchange.sessions.detach(session);
      controller.abort();
    }

    return {
      session,
      signal: controller.signal,
      discard,
      send(reply, events) {
        // Not the stream's own end: it may wait for an event that never comes.
        whenClosed(reply.raw, discard);
        return reply
          .headers({
            'content-type': 'text/event-stream; charset=utf-8',
            'cache-control': 'no-store',
            'x-accel-buffering': 'no',
          })
          .send(Readable.from(frames(events, controller.signal)));
      },
    };
  }

  function attach(principal: Principal, close: Session['close'], leave: () => void): Session {
    try {
      return exchange.sessions.attach({ principal, edge: 'http', close });
    } catch (error) {
      leave();
      throw error;
    }
  }

  return {
    open,
    closeAll() {
      for (const controller of controllers)
        controller.abort({ code: 'SHUTTING_DOWN', reason: 'The platform is shutting down.' } satisfies Closure);
    },
  };
}

/** Events as text (HTML Living Standard §9.2), with comments in the silences; ends with `closed` when it is ended from outside. */
async function* frames(events: AsyncIterable<ServerEvent>, signal: AbortSignal): AsyncGenerator<string> {
  const source = events[Symbol.asyncIterator]();
  yield `retry: ${RETRY}\n\n`;
  try {
    let pending: Promise<IteratorResult<ServerEvent>> | undefined;
    while (!signal.aborted) {
      pending ??= source.next();
      const next = await nextOrSilence(pending, signal);
      if (next === SILENCE) {
        yield ': still here\n\n';
        continue;
      }
      pending = undefined;
      if (next.done) return;
      yield frame(next.value);
    }
    if (isClosure(signal.reason)) yield frame({ event: 'closed', data: signal.reason });
  } catch (error) {
    yield frame({ event: 'error', data: toErrorBody(error) });
  } finally {
    // Not awaited: a source in the middle of waiting returns only when something happens.
    void source.return?.();
  }
}

const frame = ({ event, id, data }: ServerEvent): string =>
  `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;

const SILENCE = Symbol('silence');

/** The next event, or SILENCE once the heartbeat is due or the signal is aborted. */
async function nextOrSilence<T>(pending: Promise<T>, signal: AbortSignal): Promise<T | typeof SILENCE> {
  const silence = Promise.withResolvers<typeof SILENCE>();
  const interrupt = (): void => silence.resolve(SILENCE);
  const timer = setTimeout(interrupt, HEARTBEAT);
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    return await Promise.race([pending, silence.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', interrupt);
  }
}

const isClosure = (reason: unknown): reason is Closure =>
  typeof reason === 'object' && reason !== null && 'code' in reason && !(reason instanceof Error);

/** The number after which a client wants to go on: `Last-Event-ID`, else the query's `after`. Throws INVALID_ARGUMENT. */
export function resumePoint(lastEventId: string | string[] | undefined, after: unknown): number | undefined {
  const text = lastEventId ?? after;
  if (text === undefined || text === '') return undefined;
  const number = typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw new AipError(
    'INVALID_ARGUMENT',
    'Last-Event-ID (or "after") is not an event number that this stream has sent.',
  );
}
