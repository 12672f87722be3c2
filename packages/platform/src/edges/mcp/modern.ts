import { toNodeHandler, type NodeIncomingMessageLike } from '@modelcontextprotocol/node';
import { createMcpHandler, type McpHttpHandler, type McpRequestContext } from '@modelcontextprotocol/server';
import type { ListKind, Scope } from './directory.ts';
import type { Client, Edge } from './edge.ts';
import { createServer } from './server.ts';
import type { HttpExchange } from './sessions.ts';

/** Streams of subscriptions/listen that one endpoint holds. */
const MAX_SUBSCRIPTIONS = 1_024;

/**
 * The SDK's stateless serving: 2026-07-28, and requests of older clients that keep no session. One handler for each
 * endpoint, since a subscription hears of changes of its own endpoint only.
 */
export interface ModernHandlers {
  serve(client: Client, http: HttpExchange): Promise<void>;
  announce(owner: string, lists: ReadonlySet<ListKind>): void;
  /** Tells those who listen to a resource of the endpoint; once, however many of them say so. */
  updated(scope: Scope, uri: string): void;
  close(): Promise<void>;
}

export function createModernHandlers(edge: Edge, onError: (error: Error) => void): ModernHandlers {
  const handlers = new Map<string, { readonly scope: Scope; readonly handler: McpHttpHandler }>();

  const telling = new Set<string>();

  function handlerOf(scope: Scope): McpHttpHandler {
    const key = keyOf(scope);
    let handler = handlers.get(key)?.handler;
    if (!handler) {
      handler = createMcpHandler((context) => createServer(edge, clientOf(context), context.era), {
        maxSubscriptions: MAX_SUBSCRIPTIONS,
        onerror: onError,
      });
      handlers.set(key, { scope, handler });
    }
    return handler;
  }

  return {
    serve(client, { request, response, body }) {
      const auth = { token: '', clientId: client.session.principal.id, scopes: [], extra: { client } };
      return toNodeHandler(handlerOf(client.scope), { onerror: onError })(
        Object.assign(request, { auth }) as NodeIncomingMessageLike,
        response,
        body,
      );
    },
    announce(owner, lists) {
      for (const { scope, handler } of handlers.values()) {
        if (!edge.directory.concerns(scope, owner)) continue;
        if (lists.has('tools')) handler.notify.toolsChanged();
        if (lists.has('resources')) handler.notify.resourcesChanged();
        if (lists.has('prompts')) handler.notify.promptsChanged();
      }
    },
    updated(scope, uri) {
      const key = `${keyOf(scope)} ${uri}`;
      if (telling.has(key)) return;
      telling.add(key);
      queueMicrotask(() => {
        telling.delete(key);
        handlers.get(keyOf(scope))?.handler.notify.resourceUpdated(uri);
      });
    },
    async close() {
      await Promise.all([...handlers.values()].map(({ handler }) => handler.close()));
      handlers.clear();
    },
  };
}

const keyOf = (scope: Scope): string => (scope.kind === 'all' ? 'all' : `${scope.kind}:${scope.owner}`);

/** Handed through the SDK by the one who authenticated; never derived from what the client sent. */
function clientOf(context: McpRequestContext): Client {
  const client = context.authInfo?.extra?.['client'];
  if (!client) throw new Error('An MCP request reached its handler without a principal.');
  return client as Client;
}
