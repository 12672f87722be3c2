import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { AipError, IOAP_MAX_FRAME_BYTES, IOAP_SUBPROTOCOL } from '@aip/wire';
import { WebSocketServer } from 'ws';
import { recognise, type Exchange } from '../../exchange/index.ts';
import { networkOf } from '../../kernel/network.ts';
import { serve, type Connection } from './connection.ts';
import { createGatewayFrames, type Gateway } from './gateway-frames.ts';
import { IoapSocket } from './ioap-socket.ts';
import { DEFAULT_LIMITS, type IoapLimits } from './limits.ts';
import type { Edge, Link } from './link.ts';
import { createReplayMemory } from './replay-memory.ts';
import { handshakeError, refuseUpgrade } from './upgrade.ts';

export type { Gateway } from './gateway-frames.ts';
export type { IoapLimits } from './limits.ts';

export interface IoapEdgeOptions {
  readonly gateway: Gateway;
  /** Judges Host and Origin of a handshake; what it returns refuses it. */
  readonly allowed: (request: IncomingMessage) => AipError | undefined;
  readonly limits?: Partial<IoapLimits>;
}

export interface IoapEdge {
  /** Connections, registered or not. */
  readonly connections: number;
  /** Closes every connection with SHUTTING_DOWN and takes no more. */
  close(): void;
}

const PATH = '/ws';

/**
 * The IoAP v1 gateway: takes the upgrades of `server` at `/ws`. Agents register there, are called through their
 * connection, and call, signal and cancel over it.
 */
export function attachIoapEdge(server: Server, exchange: Exchange, options: IoapEdgeOptions): IoapEdge {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const edge: Edge = {
    exchange,
    limits,
    frames: createGatewayFrames(options.gateway, () => exchange.clock.now()),
    links: new Map<string, Link>(),
    registrations: createReplayMemory(2 * limits.skew, () => exchange.clock.monotonic()),
    asked: new Map<string, number>(),
    originals: new WeakMap(),
  };
  const connections = new Set<Connection>();
  const unregistered = new Map<string, number>();
  const sockets = new WebSocketServer({
    noServer: true,
    WebSocket: IoapSocket,
    clientTracking: false,
    maxPayload: IOAP_MAX_FRAME_BYTES,
    perMessageDeflate: false,
    handleProtocols: () => IOAP_SUBPROTOCOL,
  });
  let closed = false;

  function refusal(request: IncomingMessage, network: string): AipError | undefined {
    if (closed) return new AipError('SHUTTING_DOWN');
    const wrong = options.allowed(request) ?? handshakeError(request, PATH);
    if (wrong) return wrong;
    if (connections.size >= limits.connections)
      return new AipError(
        'RATE_LIMITED',
        `The gateway holds ${limits.connections} connections already; try again later.`,
      );
    if ((unregistered.get(network) ?? 0) < limits.unregistered) return undefined;
    return new AipError(
      'RATE_LIMITED',
      `${limits.unregistered} connections from your network have not registered yet; register them first.`,
    );
  }

  function count(network: string, change: 1 | -1): void {
    const now = (unregistered.get(network) ?? 0) + change;
    if (now > 0) unregistered.set(network, now);
    else unregistered.delete(network);
  }

  function accept(socket: IoapSocket, tcp: Duplex, address: string): void {
    let stranger = true;
    const network = networkOf(address);
    count(network, 1);
    const known = (): void => {
      if (stranger) count(network, -1);
      stranger = false;
    };
    const registered = (): void => {
      known();
      recognise(tcp);
    };
    const connection = serve(edge, socket, address, registered, () => {
      known();
      connections.delete(connection);
    });
    connections.add(connection);
  }

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // A peer that resets in the middle of its handshake is no failure of ours.
    const ignore = (): void => {};
    socket.on('error', ignore);
    const address = request.socket.remoteAddress ?? '';
    const error = refusal(request, networkOf(address));
    if (error) return refuseUpgrade(socket, error);
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('error', ignore);
      accept(webSocket, request.socket, address);
    });
  };

  server.on('upgrade', onUpgrade);
  const heartbeat = setInterval(() => {
    for (const connection of connections) connection.beat();
  }, limits.heartbeat).unref();

  return {
    get connections() {
      return connections.size;
    },
    close() {
      closed = true;
      clearInterval(heartbeat);
      for (const connection of connections)
        connection.close('SHUTTING_DOWN', 'The gateway is shutting down; connect again in a moment.');
    },
  };
}
