import type { Readable, Writable } from 'node:stream';
import type { Server } from '@modelcontextprotocol/server';
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import type { Exchange } from '../../exchange/index.ts';
import type { Credential } from '../../kernel/principal.ts';
import { announce, onSettledChange } from './changes.ts';
import { EVERYTHING } from './directory.ts';
import { createEdge, type Client } from './edge.ts';
import { createServer } from './server.ts';

export interface McpStdio {
  close(): Promise<void>;
  /** Resolves when the client has closed its end. */
  readonly closed: Promise<void>;
}

/** Serves the one client at the other end of standard input and output, in whichever era it opens with. */
export function serveMcpStdio(
  exchange: Exchange,
  credential: Credential,
  streams: { readonly stdin?: Readable; readonly stdout?: Writable } = {},
): McpStdio {
  const principal = exchange.authenticate(credential);
  const edge = createEdge(exchange);
  const { promise: closed, resolve: end } = Promise.withResolvers<void>();
  const session = exchange.sessions.attach({ principal, edge: 'mcp', close: () => void handle.close() });
  const client: Client = { session, scope: EVERYTHING };
  const servers = new Set<Server>();

  const transport = new StdioServerTransport(streams.stdin, streams.stdout);
  const handle = serveStdio(
    ({ era }) => {
      const server = createServer(edge, client, era);
      servers.add(server);
      return server;
    },
    { transport },
  );
  const unfollow = onSettledChange(edge.directory, (_owner, lists) => {
    for (const server of servers) announce(server, EVERYTHING, lists);
  });
  const closing = transport.onclose?.bind(transport);
  const onclose = (): void => {
    closing?.();
    unfollow();
    edge.directory.close();
    exchange.sessions.detach(session);
    end();
  };
  Object.assign(transport, { onclose });
  return { close: () => handle.close(), closed };
}
