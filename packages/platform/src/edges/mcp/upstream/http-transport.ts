import {
  isJSONRPCRequest,
  isJSONRPCResponse,
  StreamableHTTPClientTransport,
  type FetchLike,
  type JSONRPCMessage,
} from '@modelcontextprotocol/client';
import type { HttpUpstream } from './config.ts';
import { endedStream, oversizedBody, refusedResult } from './failures.ts';
import { MAX_MESSAGE_BYTES } from './message-lines.ts';

/**
 * The SDK's Streamable HTTP transport, with two things mended: messages that are too long are not read to their end,
 * and a response stream that ends without its response fails the request at once instead of at its timeout.
 */
export function httpTransport(config: HttpUpstream): StreamableHTTPClientTransport {
  let oversized = false;
  const transport = new StreamableHTTPClientTransport(new URL(config.url), {
    requestInit: { headers: { ...config.headers } },
    fetch: limitedFetch(() => (oversized = true)),
    reconnectionOptions: {
      initialReconnectionDelay: 100,
      maxReconnectionDelay: 400,
      reconnectionDelayGrowFactor: 2,
      maxRetries: 2,
    },
  });
  const open = new Set<string | number>();
  const onmessage = (message: JSONRPCMessage): void => {
    if (isJSONRPCResponse(message) && message.id !== undefined) open.delete(message.id);
  };
  const base = transport.send.bind(transport);
  const send: typeof base = async (message, options) => {
    if (Array.isArray(message) || !isJSONRPCRequest(message)) return base(message, options);
    const { id } = message;
    open.add(id);
    const onRequestStreamEnd = (): void => {
      options?.onRequestStreamEnd?.();
      if (open.delete(id)) transport.onmessage?.(oversized ? refusedResult(id) : endedStream(id));
      oversized = false;
    };
    return base(message, { ...options, onRequestStreamEnd }).catch((error: unknown) => {
      open.delete(id);
      throw error;
    });
  };
  return Object.assign(transport, { onmessage, send });
}

const limitedFetch =
  (onOversized: () => void): FetchLike =>
  async (url, init) => {
    const response = await fetch(url, init);
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
