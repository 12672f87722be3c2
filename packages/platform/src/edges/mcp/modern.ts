import { createMcpHandler, type McpRequestContext } from '@modelcontextprotocol/server';
import type { Client, Edge } from './edge.ts';
import { answerWith, webRequest } from './fetch-adapter.ts';
import { createServer } from './server.ts';
import type { HttpExchange } from './sessions.ts';

/** The SDK's stateless serving: 2026-07-28, and requests of older clients that keep no session. */
export interface ModernHandler {
  serve(client: Client, http: HttpExchange): Promise<void>;
  close(): Promise<void>;
}

export function createModernHandler(edge: Edge, onError: (error: Error) => void): ModernHandler {
  const handler = createMcpHandler((context) => createServer(edge, clientOf(context), context.era), {
    onerror: onError,
    // What listens is served beside it, within everybody's share and in a kill's reach.
    maxSubscriptions: 0,
  });
  return {
    async serve(client, { request, response, body }) {
      const authInfo = { token: '', clientId: client.session.principal.id, scopes: [], extra: { client } };
      const answer = await handler.fetch(webRequest(request, response), { authInfo, parsedBody: body });
      await answerWith(answer, response);
    },
    close: () => handler.close(),
  };
}

/** Handed through the SDK by the one who authenticated; never derived from what the client sent. */
function clientOf(context: McpRequestContext): Client {
  const client = context.authInfo?.extra?.['client'];
  if (!client) throw new Error('An MCP request reached its handler without a principal.');
  return client as Client;
}
