import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  NodeStreamableHTTPServerTransport,
  toNodeHandler,
  type NodeIncomingMessageLike,
} from '@modelcontextprotocol/node';
import type { Server as V1Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { McpServer as V1McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport as V1ServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { createMcpHandler, type McpServer, type Server } from '@modelcontextprotocol/server';

/** Stateless and modern, or with sessions as before 2026-07-28: by the SDK of today, or by v1. */
export type SdkServerKind = 'modern' | 'legacy' | 'v1';

type AnyServer = Server | McpServer | V1Server | V1McpServer;
type SessionTransport = NodeStreamableHTTPServerTransport | V1ServerTransport;

/** A server of an official SDK over Streamable HTTP, on a port of its own. */
export interface SdkServer<Made = unknown> extends AsyncDisposable {
  readonly url: string;
  /** One for each session; a modern server has none. */
  readonly live: ReadonlySet<Made>;
  /** Tells those who listen to a modern server of changes. */
  readonly notify: ReturnType<typeof createMcpHandler>['notify'];
  /** Ends its sessions and drops every connection, as a new process would. */
  restart(): Promise<void>;
  /** Drops every session and connection, and takes no other until it is revived on the same port. */
  crash(): Promise<void>;
  revive(): Promise<void>;
}

export interface SdkServerHooks {
  /** Sees every request first; cuts the connection of one for which it says false. */
  readonly admits?: (request: IncomingMessage) => boolean;
  /** Sees the transport of every session that begins. */
  readonly onSession?: (transport: SessionTransport) => void;
}

export async function startSdkServer<Made extends AnyServer>(
  kind: SdkServerKind,
  make: () => Made,
  { admits = () => true, onSession = () => {} }: SdkServerHooks = {},
): Promise<SdkServer<Made>> {
  const modern = createMcpHandler(make as () => Server, { legacy: 'reject' });
  const serveModern = toNodeHandler(modern);
  const sessions = new Map<string, SessionTransport>();
  const live = new Set<Made>();

  async function openSession(): Promise<SessionTransport> {
    const server = make();
    const options = {
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id: string) => void sessions.set(id, transport),
      onsessionclosed(id: string) {
        sessions.delete(id);
        live.delete(server);
      },
    };
    const transport = kind === 'v1' ? new V1ServerTransport(options) : new NodeStreamableHTTPServerTransport(options);
    live.add(server);
    await (server as Server).connect(transport);
    onSession(transport);
    return transport;
  }

  async function serveSession(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = request.headers['mcp-session-id'];
    const transport = typeof id === 'string' ? sessions.get(id) : await openSession();
    if (!transport) return void response.writeHead(404).end();
    await transport.handleRequest(request, response);
  }

  let http: HttpServer;
  async function listen(port: number): Promise<void> {
    http = createServer((request, response) => {
      if (!admits(request)) return void request.socket.destroy();
      void (kind === 'modern'
        ? serveModern(request as NodeIncomingMessageLike, response)
        : serveSession(request, response));
    });
    await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve));
  }

  async function crash(): Promise<void> {
    sessions.clear();
    live.clear();
    if (!http.listening) return;
    const closed = new Promise((resolve) => http.close(resolve));
    http.closeAllConnections();
    await closed;
  }

  async function restart(): Promise<void> {
    for (const server of live) await server.close();
    sessions.clear();
    live.clear();
    http.closeAllConnections();
  }

  await listen(0);
  const { port } = http!.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    live,
    notify: modern.notify,
    restart,
    crash,
    revive: () => listen(port),
    async [Symbol.asyncDispose]() {
      await modern.close();
      await restart();
      await crash();
    },
  };
}
