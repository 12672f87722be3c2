import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { AipError, ERRORS, IOAP_SUBPROTOCOL } from '@aip/wire';

/** Refuses a WebSocket handshake with an ordinary HTTP answer. */
export function refuseUpgrade(socket: Duplex, error: AipError): void {
  const body = JSON.stringify({ error: error.toJSON() });
  const head = [
    `HTTP/1.1 ${ERRORS[error.code].http} ${error.code}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** What is wrong with a handshake, before anything is kept for it. */
export function handshakeError(request: IncomingMessage, path: string): AipError | undefined {
  if ((request.url ?? '').split('?', 1)[0] !== path)
    return new AipError('NOT_FOUND', `WebSocket connections are taken at ${path}.`);
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',');
  if (offered.some((protocol) => protocol.trim() === IOAP_SUBPROTOCOL)) return undefined;
  return new AipError('UNSUPPORTED_VERSION', `Offer the subprotocol ${IOAP_SUBPROTOCOL} (Sec-WebSocket-Protocol).`, {
    details: { supported: [IOAP_SUBPROTOCOL] },
  });
}
