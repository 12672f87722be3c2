import { AipError } from '@aip/wire';
import type { Client } from '@modelcontextprotocol/client';
import type { Connection } from './connection.ts';

/** Resources of one server that are watched at once. */
const MAX_WATCHED = 1_024;

/** The resources of one server that somebody watches: subscribed to once for all, and again with every new connection. */
export interface Watching {
  /** Calls back when the resource has changed. Throws UNSUPPORTED_OPERATION if the server cannot tell. */
  add(uri: string, updated: () => void): Promise<() => void>;
  /** Makes a client that is about to connect listen. */
  prepare(client: Client): void;
  /** Takes up what was subscribed to on a connection before this one; what may have changed meanwhile counts as changed. */
  renew(connection: Connection): void;
}

interface Watched {
  readonly listeners: Set<() => void>;
  subscription: Promise<() => Promise<unknown>>;
}

export function createWatching(current: () => Promise<Connection>): Watching {
  const watched = new Map<string, Watched>();

  const tell = (uri: string): void => {
    for (const listener of watched.get(uri)?.listeners ?? []) listener();
  };

  function drop(uri: string, item: Watched): void {
    if (watched.get(uri) === item) watched.delete(uri);
    item.subscription.then((end) => end()).catch(() => {});
  }

  return {
    async add(uri, updated) {
      let item = watched.get(uri);
      if (!item) {
        if (watched.size >= MAX_WATCHED)
          throw new AipError('RATE_LIMITED', `${MAX_WATCHED} resources of this server are watched already.`);
        item = { listeners: new Set(), subscription: current().then(({ client }) => subscribe(client, uri)) };
        watched.set(uri, item);
      }
      const own = item;
      // A function of its own: two may watch with the same one.
      const listener = (): void => updated();
      own.listeners.add(listener);
      const stop = (): void => {
        if (own.listeners.delete(listener) && own.listeners.size === 0) drop(uri, own);
      };
      try {
        await own.subscription;
      } catch (error) {
        stop();
        throw error;
      }
      return stop;
    },
    prepare(client) {
      client.setNotificationHandler('notifications/resources/updated', ({ params }) => tell(params.uri));
    },
    renew({ client }) {
      for (const [uri, item] of watched) {
        item.subscription = subscribe(client, uri);
        item.subscription.then(
          () => tell(uri),
          () => {},
        );
      }
    },
  };
}

/** `resources/subscribe` of a session, or a stream of 2026-07-28; returns what ends it. */
async function subscribe(client: Client, uri: string): Promise<() => Promise<unknown>> {
  if (client.getServerCapabilities()?.resources?.subscribe !== true)
    throw new AipError('UNSUPPORTED_OPERATION', 'This server does not tell when a resource changes.');
  if (client.getProtocolEra() === 'modern') {
    const subscription = await client.listen({ resourceSubscriptions: [uri] });
    return () => subscription.close();
  }
  await client.subscribeResource({ uri });
  return () => client.unsubscribeResource({ uri });
}
