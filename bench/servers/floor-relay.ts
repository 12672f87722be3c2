import { createServer, type ServerResponse } from 'node:http';
import { WebSocketServer, type WebSocket } from 'ws';
import { startTarget } from '../targets/start.ts';
import { announce } from './report.ts';

/** The physical floor of a hop: each request goes over one WebSocket to another process, and its answer comes back. */
const waiting = new Map<string, ServerResponse>();
let socket: WebSocket;
let next = 0;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const id = String(next++);
    waiting.set(id, response);
    socket.send(`${id} ${Buffer.concat(chunks).toString()}`);
  });
});
new WebSocketServer({ server }).on('connection', (connected) => {
  socket = connected;
  socket.on('message', (data) => {
    const text = (data as Buffer).toString();
    const space = text.indexOf(' ');
    const response = waiting.get(text.slice(0, space));
    waiting.delete(text.slice(0, space));
    const body = text.slice(space + 1);
    response?.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response?.end(body);
  });
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const address = server.address() as { port: number };
await startTarget('targets/ws-echo.ts', `ws://127.0.0.1:${address.port}`);
announce(server);
