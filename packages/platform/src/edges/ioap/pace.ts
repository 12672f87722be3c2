import { AipError, type IoapFrame } from '@aip/wire';
import type { Exchange } from '../../exchange/index.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Reading } from './reading.ts';

/** Bytes of a REGISTER that cost as much as one message: it is kept whole in the log. */
const REGISTER_BYTES_PER_MESSAGE = 1024;
/** How long a sender waits when the refusal does not say, in milliseconds. */
const WAIT = 1_000;

/**
 * Holds a connection to its sender's rate in what does not cross the exchange, which counts the rest itself. Whoever is
 * over it is not refused but read more slowly: pieces of an answer must not get lost.
 */
export interface Pace {
  /** While the sender is over its rate: what everything it has sent waits for, in order. */
  slowed(): Promise<void> | undefined;
  /**
   * Counts one message, and the bytes of it that are kept; false when the sender is over its rate. Then nothing is read
   * from it until `slowed` resolves.
   */
  count(principal: Principal, bytes?: number): boolean;
}

export function createPace(exchange: Pick<Exchange, 'count'>, reading: Reading): Pace {
  let slowed: Promise<void> | undefined;

  function wait(ms: number): Promise<void> {
    const release = reading.hold();
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(() => {
      slowed = undefined;
      resolve();
    }, ms).unref();
    // In its turn: what is read then comes after those that have waited.
    void promise.then(release);
    return promise;
  }

  return {
    slowed: () => slowed,
    count(principal, bytes) {
      try {
        exchange.count(principal, bytes);
        return true;
      } catch (error) {
        const after = error instanceof AipError ? error.details?.['retry_after_ms'] : undefined;
        slowed ??= wait(typeof after === 'number' ? after : WAIT);
        return false;
      }
    },
  };
}

/** How many messages a frame counts as, beside what the exchange counts. The end of an answer was asked for, once. */
export function countOf(frame: IoapFrame, raw: string): number {
  switch (frame.type) {
    case 'PING':
    case 'PONG':
    case 'ERROR':
      return 1;
    case 'EXEC_RESPONSE':
      return frame.payload.status === 'partial' ? 1 : 0;
    case 'REGISTER':
      return Math.floor(raw.length / REGISTER_BYTES_PER_MESSAGE);
    default:
      return 0;
  }
}

/** How many bytes of a frame the log keeps that nobody has asked for one by one: those of a piece of an answer. */
export const weightOf = (frame: IoapFrame, raw: string): number =>
  frame.type === 'EXEC_RESPONSE' && frame.payload.status === 'partial' ? Buffer.byteLength(raw) : 0;
