import { WebSocket } from 'ws';

/** What a relay reaches over its socket: says everything again. */
const socket = new WebSocket(process.argv[2] as string);
socket.on('open', () => process.send?.('ready'));
socket.on('message', (data, binary) => socket.send(data, { binary }));
process.on('disconnect', () => process.exit(0));
