import { AsyncLocalStorage } from 'node:async_hooks';
import {
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResponse,
  StreamableHTTPClientTransport,
  type FetchLike,
  type JSONRPCMessage,
  type JSONRPCRequest,
} from '@modelcontextprotocol/client';
import type { HttpUpstream } from './config.ts';
import { endedStream, oversizedBody, refusedResult } from './failures.ts';
import { MAX_MESSAGE_BYTES } from './message-lines.ts';

type SendOptions = Parameters<StreamableHTTPClientTransport['send']>[1];

/** One request on its way: whether its answer has come as one whole body instead of as a stream. */
const exchanges = new AsyncLocalStorage<{ isWhole: boolean }>();

/**
 * The SDK's Streamable HTTP transport, with three things mended: messages that are too long are not read to their end;
 * an answer that ends without the response fails the request at once instead of at its timeout; and a request that was
 * cancelled is no longer read from, in the older era too.
 */
export function httpTransport(
  config: HttpUpstream<string>,
  fetch: FetchLike,
): StreamableHTTPClientTransport & { readonly listening: Promise<void> } {
  let oversized = false;
  const { promise: listening, resolve: isListening } = Promise.withResolvers<void>();
  const limited = limitedFetch(fetch, () => (oversized = true));
  const transport = new StreamableHTTPClientTransport(new URL(config.url), {
    requestInit: { headers: { ...config.headers } },
    fetch: async (url, init) => {
      try {
        const response = await limited(url, init);
        const exchange = exchanges.getStore();
        if (exchange) exchange.isWhole = response.headers.get('content-type')?.startsWith('application/json') === true;
        return response;
      } finally {
        if (init?.method === 'GET') isListening();
      }
    },
    reconnectionOptions: {
      initialReconnectionDelay: 100,
      maxReconnectionDelay: 400,
      reconnectionDelayGrowFactor: 2,
      maxRetries: 2,
    },
  });
  const open = new Map<string | number, AbortController>();
  const onmessage = (message: JSONRPCMessage): void => {
    if (isJSONRPCResponse(message) && message.id !== undefined) open.delete(message.id);
  };
  const base = transport.send.bind(transport);

  async function request(message: JSONRPCRequest, options: SendOptions): Promise<void> {
    const { id } = message;
    const leaving = new AbortController();
    open.set(id, leaving);
    const end = (): void => {
      if (open.delete(id)) transport.onmessage?.(oversized ? refusedResult(id) : endedStream(id));
      oversized = false;
    };
    const onRequestStreamEnd = (): void => {
      options?.onRequestStreamEnd?.();
      end();
    };
    const signals = [leaving.signal, ...(options?.requestSignal ? [options.requestSignal] : [])];
    const exchange = { isWhole: false };
    try {
      await exchanges.run(exchange, () =>
        base(message, { ...options, onRequestStreamEnd, requestSignal: AbortSignal.any(signals) }),
      );
    } catch (error) {
      open.delete(id);
      throw error;
    }
    if (exchange.isWhole) end();
  }

  const send: typeof base = async (message, options) => {
    if (!Array.isArray(message) && isJSONRPCRequest(message)) return request(message, options);
    await base(message, options);
    const cancelled = Array.isArray(message) ? undefined : cancelledBy(message);
    if (cancelled === undefined) return;
    open.get(cancelled)?.abort();
    open.delete(cancelled);
  };
  return Object.assign(transport, { onmessage, send, listening });
}

/** The request that a message takes back. */
function cancelledBy(message: JSONRPCMessage): string | number | undefined {
  if (!isJSONRPCNotification(message) || message.method !== 'notifications/cancelled') return undefined;
  const id = message.params?.['requestId'];
  return typeof id === 'string' || typeof id === 'number' ? id : undefined;
}

/** Messages that are too long are not read to their end. */
export const limitedFetch =
  (send: FetchLike, onOversized: () => void): FetchLike =>
  async (url, init) => {
    const response = await send(url, init);
    if (!response.body) return response;
    const isEventStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
    const limited = response.body.pipeThrough(limit(isEventStream, onOversized));
    return new Response(limited, {
      status: response.status,
      statusText: response.statusText,
      headers: response.headers,
    });
  };

/** Fails a body that is too long, or, of an event stream, a single event that is. */
function limit(isEventStream: boolean, onOversized: () => void): TransformStream<Uint8Array, Uint8Array> {
  let size = 0;
  return new TransformStream({
    transform(chunk, controller) {
      const blank = isEventStream ? lastBlankLine(chunk) : -1;
      size = blank < 0 ? size + chunk.length : chunk.length - blank;
      if (size <= MAX_MESSAGE_BYTES) return controller.enqueue(chunk);
      onOversized();
      controller.error(oversizedBody());
    },
  });
}

/** Where the last event of the chunk ends; a boundary that two chunks share is missed, which only counts more. */
function lastBlankLine(chunk: Uint8Array): number {
  for (let at = chunk.length - 1; at > 0; at--) {
    if (chunk[at] === 0x0a && (chunk[at - 1] === 0x0a || (chunk[at - 1] === 0x0d && chunk[at - 2] === 0x0a))) return at;
  }
  return -1;
}
