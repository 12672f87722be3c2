import { SSEClientTransport, type FetchLike } from '@modelcontextprotocol/client';
import type { HttpUpstream } from './config.ts';
import { limitedFetch } from './http-transport.ts';

/**
 * The HTTP+SSE transport of 2024-11-05, through the SDK. Its event source would come back by itself, to a new session in
 * which nobody has said `initialize`; so the end of the stream is the end of the connection here.
 */
export function sseTransport(config: HttpUpstream<string>, send: FetchLike): SSEClientTransport {
  // One message that is too long ends the connection: here answers have no stream of their own.
  const limited = limitedFetch(send, () => {});
  const transport = new SSEClientTransport(new URL(config.url), {
    requestInit: { headers: { ...config.headers } },
    fetch: async (url, init) => {
      const response = await limited(url, init);
      const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
      if (!isStream || !response.body) return response;
      const { status, statusText, headers } = response;
      return new Response(
        ending(response.body, () => void transport.close()),
        { status, statusText, headers },
      );
    },
  });
  return transport;
}

/** The same bytes; tells when they have come to an end, however. */
function ending(body: ReadableStream<Uint8Array>, onEnd: () => void): ReadableStream<Uint8Array> {
  async function* pass(): AsyncGenerator<Uint8Array> {
    try {
      yield* body as unknown as AsyncIterable<Uint8Array>;
    } finally {
      onEnd();
    }
  }
  return ReadableStream.from(pass());
}
