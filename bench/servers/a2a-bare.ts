import { createServer } from 'node:http';
import { JsonRpcTransportHandler, ServerCallContext } from '@a2a-js/sdk/server';
import { handler } from './a2a-handler.ts';
import { announce } from './report.ts';

/** The official A2A SDK's transport alone, on bare node:http: leaner than any server its documentation shows. */
const transport = new JsonRpcTransportHandler(handler);

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
    void transport
      .handle(body as Record<string, unknown>, new ServerCallContext({ requestedVersion: '1.0' }))
      .then((answer) => {
        const text = JSON.stringify(answer);
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
        response.end(text);
      });
  });
});
server.listen(0, '127.0.0.1', () => announce(server));
