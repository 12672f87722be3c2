import { AipError, IOAP_MAX_FRAME_BYTES, IOAP_SUBPROTOCOL, isJsonObject } from '@aip/wire';
import { WebSocket } from 'ws';

/** A WebSocket to a gateway, open, with its end told once. */
export interface Connection {
  /** Resolves once the frame has been handed to the network. */
  send(raw: string): Promise<void>;
  /** Ends it if nothing at all is heard for this many milliseconds. */
  watch(silence: number): void;
  close(): void;
}

export interface ConnectionEvents {
  onFrame(raw: string): void;
  /** Called once, whoever ended an open connection. `code` is a WebSocket close code. */
  onEnd(code: number, reason: string): void;
}

const OPEN_TIMEOUT = 10_000;

/** @throws AipError AGENT_UNAVAILABLE when the gateway cannot be reached or refuses the handshake */
export function openConnection(url: string, events: ConnectionEvents): Promise<Connection> {
  const socket = new WebSocket(url, [IOAP_SUBPROTOCOL], {
    maxPayload: IOAP_MAX_FRAME_BYTES,
    perMessageDeflate: false,
    handshakeTimeout: OPEN_TIMEOUT,
  });
  let silence: { limit: number; timer: NodeJS.Timeout } | undefined;
  let failure = 'the connection was refused';
  let opened = false;

  const heard = (): void => void silence?.timer.refresh();

  const connection: Connection = {
    send: (raw) =>
      new Promise((resolve, reject) => {
        socket.send(raw, (error) =>
          error
            ? reject(new AipError('AGENT_UNAVAILABLE', 'The connection to the gateway is gone.', { cause: error }))
            : resolve(),
        );
      }),
    watch(limit) {
      clearTimeout(silence?.timer);
      silence = { limit, timer: setTimeout(() => socket.terminate(), limit).unref() };
    },
    close() {
      socket.close(1000);
      setTimeout(() => socket.terminate(), 2_000).unref();
    },
  };

  return new Promise((resolve, reject) => {
    socket.on('open', () => {
      opened = true;
      resolve(connection);
    });
    socket.on('message', (bytes) => {
      heard();
      events.onFrame((bytes as Buffer).toString());
    });
    socket.on('ping', heard);
    socket.on('error', (error) => {
      failure = error.message;
    });
    socket.on('close', (code, reason) => {
      clearTimeout(silence?.timer);
      if (opened) events.onEnd(code, reason.toString());
      else reject(new AipError('AGENT_UNAVAILABLE', `The gateway at ${url} cannot be reached: ${failure}`));
    });
  });
}

/** The DID of the gateway behind a WebSocket URL, from its health page. */
export async function discoverGateway(url: string): Promise<string> {
  const health = new URL('/health', url.replace(/^ws/, 'http'));
  try {
    const response = await fetch(health, { signal: AbortSignal.timeout(OPEN_TIMEOUT), redirect: 'error' });
    const body: unknown = await response.json();
    if (isJsonObject(body) && typeof body['did'] === 'string') return body['did'];
  } catch (cause) {
    throw new AipError(
      'AGENT_UNAVAILABLE',
      `No gateway answers at ${health.href}; is it running? "aip up" starts one; where another one is, AIP_GATEWAY_URL or the option "gateway" says: ws://127.0.0.1:9000/ws`,
      { cause },
    );
  }
  throw new AipError('AGENT_UNAVAILABLE', `${health.href} does not name the DID of a gateway.`);
}
