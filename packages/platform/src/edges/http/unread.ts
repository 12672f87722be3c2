import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export interface UnreadLimits {
  /** Bytes that wait for the readers of all connections together, above which those with the most are ended. */
  readonly total: number;
  /** Milliseconds between two looks. */
  readonly interval: number;
}

const LIMITS: UnreadLimits = { total: 256 * 1024 * 1024, interval: 500 };

/**
 * Ends connections whose clients ask and do not read, once too much waits for them, whichever edge has answered: those
 * with the most first, until half of what may wait is left.
 */
export function endUnread(server: Server, { total, interval }: UnreadLimits = LIMITS): void {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const look = setInterval(() => {
    let waiting = 0;
    for (const { writableLength } of sockets) waiting += writableLength;
    if (waiting <= total) return;
    for (const socket of [...sockets].toSorted((a, b) => b.writableLength - a.writableLength)) {
      if (waiting <= total / 2) return;
      waiting -= socket.writableLength;
      socket.destroy();
    }
  }, interval).unref();
  server.once('close', () => clearInterval(look));
}
