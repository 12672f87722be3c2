import { AipError } from '@aip/wire';
import type { Server } from '@modelcontextprotocol/server';
import { data } from '../../kernel/body.ts';
import type { Draft } from '../../kernel/message.ts';
import type { Client, Edge } from './edge.ts';
import { asProtocolError } from './results.ts';

/**
 * Watches a resource of a server by the server's own URI, and calls back whenever it has changed. Throws
 * UNSUPPORTED_OPERATION where the server cannot tell. The returned function stops it.
 */
export type Watch = (server: string, uri: string, updated: () => void) => Promise<() => void>;

/** The resources that one client watches, under the URIs of its endpoint. */
export interface Subscriptions {
  /** Whoever may read a resource may be told when it changes. Throws INVALID_ARGUMENT for a URI that is not known here. */
  add(uri: string): Promise<void>;
  remove(uri: string): void;
  end(): void;
}

export function createSubscriptions(edge: Edge, client: Client, updated: (uri: string) => void): Subscriptions {
  const watched = new Map<string, () => void>();
  const leaving = new AbortController();

  async function add(uri: string): Promise<void> {
    if (watched.has(uri)) return;
    const found = edge.directory.resource(client.scope, uri);
    if (!found)
      throw new AipError('INVALID_ARGUMENT', `There is no resource ${uri.slice(0, 500)} here.`, { details: { uri } });
    if (!edge.watch) throw new AipError('UNSUPPORTED_OPERATION', 'Resources cannot be watched here.');
    const leave = edge.watches.take(client.session.principal);
    watched.set(uri, leave);
    try {
      const body = data({ uri: found.uri, subscribe: true });
      const draft: Draft = { to: found.entry.address, action: 'read', body };
      const stands = await edge.exchange.signal(client.session, draft, leaving.signal);
      const stop = await edge.watch(found.entry.owner, found.uri, () => {
        // Nothing is told of what has been stopped since.
        if (stands()) updated(uri);
      });
      // It may have been given up meanwhile.
      if (leaving.signal.aborted || !watched.has(uri)) return stop();
      watched.set(uri, () => {
        stop();
        leave();
      });
    } catch (error) {
      leave();
      watched.delete(uri);
      throw error;
    }
  }

  return {
    add,
    remove(uri) {
      watched.get(uri)?.();
      watched.delete(uri);
    },
    end() {
      leaving.abort();
      for (const stop of watched.values()) stop();
      watched.clear();
    },
  };
}

/**
 * resources/subscribe and resources/unsubscribe of a session (2025-11-25, server/resources).
 *
 * @returns ends all of them
 */
export function serveSubscriptions(server: Server, edge: Edge, client: Client): () => void {
  const subscriptions = createSubscriptions(edge, client, (uri) => {
    server.sendResourceUpdated({ uri }).catch(() => {});
  });
  server.setRequestHandler('resources/subscribe', async ({ params }) => {
    try {
      await subscriptions.add(params.uri);
    } catch (error) {
      throw asProtocolError(error);
    }
    return {};
  });
  server.setRequestHandler('resources/unsubscribe', ({ params }) => {
    subscriptions.remove(params.uri);
    return {};
  });
  return () => subscriptions.end();
}
