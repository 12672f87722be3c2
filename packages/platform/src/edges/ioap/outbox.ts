import { AipError } from '@aip/wire';
import type { WebSocket } from 'ws';
import type { IoapLimits } from './limits.ts';

/**
 * The way out of one connection. At most `queueMessages` frames or `queueBytes` bytes lie in the socket; whoever
 * sends more waits its turn, so a slow receiver slows its senders down instead of filling the memory.
 */
export interface Outbox {
  /**
   * Resolves once the frame is with the socket. `make` is called then, so that waiting costs no copy.
   * Rejects with SLOW_CONSUMER when no room came in time, AGENT_UNAVAILABLE when the connection is gone.
   */
  send(make: () => string): Promise<void>;
  close(): void;
}

interface Waiting {
  readonly make: () => string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

const SENT = Promise.resolve();

export function createOutbox(socket: WebSocket, limits: IoapLimits): Outbox {
  let inSocket = 0;
  let closed = false;
  const waiting = new Set<Waiting>();

  const hasRoom = (): boolean => inSocket < limits.queueMessages && socket.bufferedAmount < limits.queueBytes;

  function write(raw: string): void {
    inSocket++;
    socket.send(raw, () => {
      inSocket--;
      admit();
    });
  }

  function admit(): void {
    for (const next of waiting) {
      if (!hasRoom()) return;
      waiting.delete(next);
      clearTimeout(next.timer);
      try {
        write(next.make());
        next.resolve();
      } catch (error) {
        next.reject(error);
      }
    }
  }

  function wait(make: () => string): Promise<void> {
    if (waiting.size >= limits.queueMessages) return Promise.reject(slow(limits));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(entry);
        reject(slow(limits));
      }, limits.slowAfter);
      const entry = { make, resolve, reject, timer };
      waiting.add(entry);
    });
  }

  return {
    send(make) {
      if (closed) return Promise.reject(gone());
      if (waiting.size > 0 || !hasRoom()) return wait(make);
      try {
        write(make());
        return SENT;
      } catch (error) {
        return Promise.reject(error);
      }
    },
    close() {
      closed = true;
      for (const { reject, timer } of waiting) {
        clearTimeout(timer);
        reject(gone());
      }
      waiting.clear();
    },
  };
}

const gone = (): AipError =>
  new AipError('AGENT_UNAVAILABLE', 'The connection was closed before the frame could be sent.');

const slow = ({ queueMessages, queueBytes, slowAfter }: IoapLimits): AipError =>
  new AipError('SLOW_CONSUMER', `The receiver has not taken the frames that wait for it within ${slowAfter} ms.`, {
    details: { queue_messages: queueMessages, queue_bytes: queueBytes },
  });
