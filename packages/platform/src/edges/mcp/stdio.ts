import type { Readable, Writable } from 'node:stream';
import type { Server } from '@modelcontextprotocol/server';
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import type { Exchange } from '../../exchange/index.ts';
import type { Credential } from '../../kernel/principal.ts';
import { announce, onSettledChange } from './changes.ts';
import { EVERYTHING, type Scope } from './directory.ts';
import { createEdge, type Client, type EdgeChoices } from './edge.ts';
import { createServer } from './server.ts';
import { virtualScope } from './virtual.ts';

export interface McpStdio {
  close(): Promise<void>;
  /** Resolves when the client has closed its end. */
  readonly closed: Promise<void>;
}

export interface McpStdioOptions extends EdgeChoices {
  /** The virtual server to serve; everything unless given. */
  readonly server?: string | undefined;
  readonly stdin?: Readable;
  readonly stdout?: Writable;
}

/**
 * Serves the one client at the other end of standard input and output, in whichever era it opens with. Throws
 * NOT_FOUND for a virtual server that is not configured.
 */
export function serveMcpStdio(
  exchange: Exchange,
  credential: Credential,
  { server: name, stdin, stdout, ...choices }: McpStdioOptions = {},
): McpStdio {
  const principal = exchange.authenticate(credential);
  const edge = createEdge(exchange, choices);
  const scope: Scope = name === undefined ? EVERYTHING : virtualScope(edge.virtual, name);
  const { promise: closed, resolve: end } = Promise.withResolvers<void>();
  const session = exchange.sessions.attach({ principal, edge: 'mcp', close: () => void handle.close() });
  const client: Client = { session, scope };
  const servers = new Set<Server>();

  const transport = new StdioServerTransport(stdin, stdout);
  const handle = serveStdio(
    ({ era }) => {
      const server = createServer(edge, client, era);
      servers.add(server);
      return server;
    },
    { transport },
  );
  const unfollow = onSettledChange(edge.directory, (owner, lists) => {
    if (!edge.directory.concerns(scope, owner)) return;
    for (const server of servers) announce(server, scope, lists);
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
