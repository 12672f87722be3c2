import { createServer, type IncomingMessage } from 'node:http';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, Server } from '@modelcontextprotocol/server';
import { startTarget } from '../targets/start.ts';
import { announce } from './report.ts';

/** The official MCP SDK on both sides of a hop: its server hands every call to its client, ungoverned. */
const { url } = await startTarget<{ url: string }>('servers/mcp-sdk.ts');
const client = new Client({ name: 'relay', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', url)));
const { tools } = await client.listTools();

const handler = toNodeHandler(
  createMcpHandler(() => {
    const server = new Server({ name: 'relay', version: '1.0.0' }, { capabilities: { tools: {} } });
    server.setRequestHandler('tools/list', () => ({ tools }));
    server.setRequestHandler('tools/call', ({ params }) =>
      client.callTool({ name: params.name, arguments: params.arguments ?? {} }),
    );
    return server;
  }),
);
const server = createServer(
  (request, response) => void handler(request as IncomingMessage & { method: string; url: string }, response),
);
server.listen(0, '127.0.0.1', () => announce(server));
