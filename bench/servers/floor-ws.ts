import { createServer } from 'node:http';
import { WebSocketServer, type WebSocket } from 'ws';
import { announce } from './report.ts';

/** The physical floor of a relay: what one socket sends goes to its neighbour, unread. */
const server = createServer();
const sockets = new WebSocketServer({ server, path: '/ws' });
let waiting: WebSocket | undefined;
sockets.on('connection', (socket) => {
  const partner = waiting;
  waiting = partner ? undefined : socket;
  if (!partner) return;
  socket.on('message', (data) => partner.send(data));
  partner.on('message', (data) => socket.send(data));
});
server.listen(0, '127.0.0.1', () => announce(server));
