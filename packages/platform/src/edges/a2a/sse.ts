import { AipError, isErrorCode } from '@aip/wire';
import type { FastifyReply } from 'fastify';
import type { Exchange } from '../../exchange/index.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Session } from '../../kernel/session.ts';
import { ACCEPTS } from './caller.ts';
import type { StreamItem } from './service.ts';

/** A comment this often keeps proxies from closing a quiet stream, in milliseconds. */
const HEARTBEAT = 15_000;

/** How a binding wraps what goes over a stream. */
export interface Framing<Response> {
  event(response: Response): unknown;
  error(thrown: unknown): unknown;
}

/**
 * Answers with a stream of events (Server-Sent Events, sections 9.4.2 and 11.7); `id:` is the number to resume from.
 * What `open` throws is thrown, before anything was sent. The reader sets the pace: nothing is read from the log
 * before the socket has taken what came before. A reader that leaves ends the stream, never the task; a session that
 * is closed from inside (kill, shutdown) ends it with an error event.
 */
export async function streamEvents<Response>(
  reply: FastifyReply,
  exchange: Exchange,
  principal: Principal,
  framing: Framing<Response>,
  open: (session: Session) => Promise<AsyncIterable<StreamItem<Response>>>,
): Promise<void> {
  const interruption = createInterruption();
  const close = (code: string, reason: string): void =>
    interruption.stop(new AipError(isErrorCode(code) ? code : 'CANCELED', reason));
  const session = exchange.sessions.attach({ principal, edge: 'a2a', accepts: ACCEPTS, close });
  try {
    await write(reply, await open(session), framing, interruption);
  } finally {
    exchange.sessions.detach(session);
  }
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
  raw.on('close', () => interruption.stop());
  if (raw.destroyed) interruption.stop();
  const heartbeat = setInterval(() => raw.write(': still here\n\n'), HEARTBEAT).unref();
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await interruption.orElse(iterator.next());
      if (next === undefined || next.done) break;
      const { n, response } = next.value;
      const id = n === undefined ? '' : `id: ${n}\n`;
      const taken = raw.write(`${id}data: ${JSON.stringify(framing.event(response))}\n\n`);
      if (!taken) await interruption.orElse(new Promise<void>((resolve) => raw.once('drain', resolve)));
    }
  } catch (error) {
    raw.write(`event: error\ndata: ${JSON.stringify(framing.error(error))}\n\n`);
  } finally {
    clearInterval(heartbeat);
    void iterator.return?.();
    raw.end();
  }
}

interface Interruption {
  /** Waits for the promise; undefined, or the error given, once it has been stopped. Leaves no listener behind. */
  orElse<T>(promise: Promise<T>): Promise<T | undefined>;
  stop(error?: AipError): void;
}

function createInterruption(): Interruption {
  let stopped: { error: AipError | undefined } | undefined;
  let wake: () => void = () => {};
  return {
    orElse: (promise) =>
      new Promise((resolve, reject) => {
        wake = () => (stopped?.error ? reject(stopped.error) : resolve(undefined));
        if (stopped) wake();
        promise.then(resolve, reject);
      }),
    stop(error) {
      stopped ??= { error };
      wake();
    },
  };
}
