import { AipError, isErrorCode } from '@aip/wire';
import type { FastifyReply } from 'fastify';
import type { Exchange } from '../../exchange/index.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Session } from '../../kernel/session.ts';
import { createShares } from '../../kernel/shares.ts';
import { whenClosed } from '../../kernel/when-closed.ts';
import { ACCEPTS } from './caller.ts';
import type { StreamItem } from './service.ts';

/** Streams open at a time. */
const STREAMS = { of: 'A2A streams are open', total: 2_000, each: 200 };
/** A comment this often keeps proxies from closing a quiet stream, in milliseconds. */
const HEARTBEAT = 15_000;

/** How a binding wraps what goes over a stream. */
export interface Framing<Response> {
  event(response: Response): unknown;
  error(thrown: unknown): unknown;
}

/** Opens what a stream tells; the signal is aborted when nobody listens any more. */
export type Opening<Response> = (
  session: Session,
  listening: AbortSignal,
) => Promise<AsyncIterable<StreamItem<Response>>>;

/**
 * Answers with a stream of events (Server-Sent Events, sections 9.4.2 and 11.7); `id:` is the number to resume from.
 * What `open` throws is thrown, before anything was sent, and RATE_LIMITED when too many streams are open. The reader
 * sets the pace: nothing is read from the log before the socket has taken what came before. A reader that leaves ends
 * the stream, never the task; a session that is closed from inside (kill, shutdown) ends it with an error event.
 */
export type StreamEvents = <Response>(
  reply: FastifyReply,
  principal: Principal,
  framing: Framing<Response>,
  open: Opening<Response>,
) => Promise<void>;

export function createStreams(exchange: Exchange): StreamEvents {
  const shares = createShares(STREAMS);

  return async function streamEvents(reply, principal, framing, open) {
    const leave = shares.take(principal);
    try {
      const interruption = createInterruption();
      const close = (code: string, reason: string): void =>
        interruption.stop(new AipError(isErrorCode(code) ? code : 'CANCELED', reason));
      const session = exchange.sessions.attach({ principal, edge: 'a2a', accepts: ACCEPTS, close });
      try {
        whenClosed(reply.raw, () => interruption.stop());
        await write(reply, await open(session, interruption.signal), framing, interruption);
      } finally {
        exchange.sessions.detach(session);
      }
    } finally {
      leave();
    }
  };
}

async function write<Response>(
  reply: FastifyReply,
  items: AsyncIterable<StreamItem<Response>>,
  framing: Framing<Response>,
  interruption: Interruption,
): Promise<void> {
  reply.hijack();
  const { raw } = reply;
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' });
  const heartbeat = setInterval(() => raw.write(': still here\n\n'), HEARTBEAT).unref();
  const iterator = items[Symbol.asyncIterator]();

  /** Writes the next event: of one that a slow reader has to take, its text is all that is held. */
  async function writeNext(): Promise<'taken' | 'waiting' | 'end'> {
    const next = await interruption.orElse(iterator.next());
    if (next === undefined || next.done) return 'end';
    const { n, response } = next.value;
    const id = n === undefined ? '' : `id: ${n}\n`;
    return raw.write(`${id}data: ${JSON.stringify(framing.event(response))}\n\n`) ? 'taken' : 'waiting';
  }

  try {
    for (let written = await writeNext(); written !== 'end'; written = await writeNext()) {
      if (written === 'waiting') await interruption.orElse(new Promise<void>((resolve) => raw.once('drain', resolve)));
    }
  } catch (error) {
    raw.write(`event: error\ndata: ${JSON.stringify(framing.error(error))}\n\n`);
  } finally {
    clearInterval(heartbeat);
    interruption.stop();
    void iterator.return?.();
    raw.end();
  }
}

interface Interruption {
  /** Aborted once it has been stopped. */
  readonly signal: AbortSignal;
  /** Waits for the promise; undefined, or the error given, once it has been stopped. Leaves no listener behind. */
  orElse<T>(promise: Promise<T>): Promise<T | undefined>;
  stop(error?: AipError): void;
}

function createInterruption(): Interruption {
  const controller = new AbortController();
  let stopped: { error: AipError | undefined } | undefined;
  let wake: () => void = () => {};
  return {
    signal: controller.signal,
    orElse: (promise) =>
      new Promise((resolve, reject) => {
        wake = () => (stopped?.error ? reject(stopped.error) : resolve(undefined));
        if (stopped) wake();
        promise.then(resolve, reject);
      }),
    stop(error) {
      stopped ??= { error };
      wake();
      controller.abort();
    },
  };
}
