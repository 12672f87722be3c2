import { AsyncLocalStorage } from 'node:async_hooks';
import type { Json } from '@aip/wire';
import type { Client } from '@modelcontextprotocol/client';
import type { EventChannel } from './event-channel.ts';

/**
 * Log messages do not say which call they belong to. Over HTTP they come on the response stream of their call, so the
 * one who reads that stream knows; elsewhere, the connection has to belong to one call at a time.
 */
const caller = new AsyncLocalStorage<EventChannel>();

/** Does the work of a call; log messages on its response stream are the call's. */
export const listening = <T>(channel: EventChannel, work: () => Promise<T>): Promise<T> => caller.run(channel, work);

/** Hands a server's log messages to the call they belong to; nobody else hears them. */
export function handleLogs(
  client: Client,
  otherwise: (params: unknown) => EventChannel | undefined = () => undefined,
): void {
  client.setNotificationHandler('notifications/message', ({ params }) => {
    const { level, data, logger } = params;
    (caller.getStore() ?? otherwise(params))?.push({
      type: 'log',
      level,
      data: { type: 'data', value: data as Json },
      ...(logger === undefined ? {} : { logger }),
    });
  });
}
