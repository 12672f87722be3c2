import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  NodeStreamableHTTPServerTransport,
  toNodeHandler,
  type NodeIncomingMessageLike,
} from '@modelcontextprotocol/node';
import { createMcpHandler, type Server } from '@modelcontextprotocol/server';

export interface SdkServer extends AsyncDisposable {
  readonly url: string;
}

/** A server of the official SDK over Streamable HTTP: stateless and modern, or with sessions as before 2026-07-28. */
export async function startSdkServer(era: 'modern' | 'legacy', make: () => Server): Promise<SdkServer> {
  const modern = createMcpHandler(make, { legacy: 'reject' });
  const serveModern = toNodeHandler(modern);
  const sessions = new Map<string, NodeStreamableHTTPServerTransport>();
  async function serveLegacy(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = request.headers['mcp-session-id'];
    const known = typeof id === 'string' ? sessions.get(id) : undefined;
    if (typeof id === 'string' && !known) return void response.writeHead(404).end();
    const transport =
      known ??
      new NodeStreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (opened) => void sessions.set(opened, transport),
      });
    if (!known) await make().connect(transport);
    await transport.handleRequest(request, response);
  }
  const http = createServer((request, response) => {
    void (era === 'modern'
      ? serveModern(request as NodeIncomingMessageLike, response)
      : serveLegacy(request, response));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    async [Symbol.asyncDispose]() {
      await modern.close();
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeAllConnections();
      await closed;
    },
  };
}
