import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { isRecognised } from '../../exchange/index.ts';
import { networkOf } from '../../kernel/network.ts';

export interface ConnectionLimits {
  /** Connections at a time. */
  readonly total: number;
  /** Connections above which room is made for the next ones, at the cost of strangers. */
  readonly crowded: number;
  /** Bytes that wait for the readers of all connections together, above which those with the most are ended. */
  readonly unread: number;
  /** Milliseconds between two looks at what waits. */
  readonly interval: number;
}

const LIMITS: ConnectionLimits = {
  total: 16_384,
  crowded: 12_288,
  unread: 256 * 1024 * 1024,
  interval: 500,
};

/**
 * Keeps one client from taking what all connections share, however slowly it sends or reads. Strangers answer for each
 * other: those of one network count together, and the network with the most gives way.
 */
export function boundConnections(server: Server, limits: Partial<ConnectionLimits> = {}): void {
  const { total, crowded, unread, interval } = { ...LIMITS, ...limits };
  const sockets = new Set<Socket>();
  server.maxConnections = total;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    if (sockets.size > crowded) makeRoom();
  });
  const look = setInterval(() => endUnread(sockets, unread), interval).unref();
  server.once('close', () => clearInterval(look));

  /**
   * Ends half of the connections of the network with the most strangers, those that have been open for longest; the
   * last one is left. Of all strangers, when nothing is left for the next connection: somebody has many networks.
   */
  function makeRoom(): void {
    const strangers = [...sockets].filter((socket) => !isRecognised(socket));
    const [most = []] = [...Map.groupBy(strangers, holderOf).values()].toSorted((a, b) => b.length - a.length);
    const giving = sockets.size < total ? most : strangers;
    for (const socket of giving.slice(0, Math.floor(giving.length / 2))) {
      sockets.delete(socket);
      socket.destroy();
    }
  }
}

/**
 * Ends connections whose clients ask and do not read, once too much waits for them, whichever edge has answered: those
 * of whom most waits for first, until half of what may wait is left.
 */
function endUnread(sockets: ReadonlySet<Socket>, limit: number): void {
  let waiting = 0;
  for (const { writableLength } of sockets) waiting += writableLength;
  if (waiting <= limit) return;
  const held = new Map<unknown, number>();
  for (const socket of sockets) held.set(holderOf(socket), (held.get(holderOf(socket)) ?? 0) + socket.writableLength);
  const share = (socket: Socket): number => held.get(holderOf(socket)) ?? 0;
  const byShare = (a: Socket, b: Socket): number => share(b) - share(a) || b.writableLength - a.writableLength;
  for (const socket of [...sockets].filter(({ writableLength }) => writableLength > 0).toSorted(byShare)) {
    if (waiting <= limit / 2) return;
    waiting -= socket.writableLength;
    socket.destroy();
  }
}

/** Whom a connection counts for: a network of strangers, or, once it is known who uses it, nobody but itself. */
const holderOf = (socket: Socket): unknown => (isRecognised(socket) ? socket : networkOf(socket.remoteAddress ?? ''));
