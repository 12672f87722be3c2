import { createServer, type IncomingMessage } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, Server } from '@modelcontextprotocol/server';
import { announce } from './report.ts';

/** The official MCP SDK's simplest server, low level, with its schema built once: ungoverned. */
const tool = {
  name: 'echo',
  description: 'Says it again.',
  inputSchema: { type: 'object' as const, properties: { text: { type: 'string' } } },
};

const handler = toNodeHandler(
  createMcpHandler(() => {
    const server = new Server({ name: 'echo', version: '1.0.0' }, { capabilities: { tools: {} } });
    server.setRequestHandler('tools/list', () => ({ tools: [tool] }));
    server.setRequestHandler('tools/call', ({ params }) => ({
      content: [{ type: 'text', text: String(params.arguments?.['text']) }],
    }));
    return server;
  }),
);
const server = createServer(
  (request, response) => void handler(request as IncomingMessage & { method: string; url: string }, response),
);
server.listen(0, '127.0.0.1', () => announce(server));
