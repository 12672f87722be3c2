import { createServer } from 'node:http';
import { announce } from './report.ts';

/** The physical floor: parse a JSON-RPC request, answer with its params. */
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { id, params } = JSON.parse(Buffer.concat(chunks).toString()) as { id: unknown; params: unknown };
    const body = JSON.stringify({ jsonrpc: '2.0', id, result: params });
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  });
});
server.listen(0, '127.0.0.1', () => announce(server));
