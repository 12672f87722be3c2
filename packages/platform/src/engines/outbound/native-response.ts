import { AipError } from '@aip/wire';
import type { Response as UndiciResponse } from 'undici';

/**
 * The answer as one of this runtime's own, which is what others test for with `instanceof`. Its body fails with
 * PAYLOAD_TOO_LARGE beyond `maxBytes`.
 */
export function nativeResponse(from: UndiciResponse, maxBytes: number | undefined): Response {
  const { status, statusText, url } = from;
  const body = from.body as ReadableStream<Uint8Array> | null;
  const limited = maxBytes === undefined ? body : body?.pipeThrough(limit(maxBytes));
  const response = new Response(limited ?? null, { status, statusText, headers: [...from.headers] });
  return Object.defineProperty(response, 'url', { value: url });
}

function limit(maxBytes: number): TransformStream<Uint8Array, Uint8Array> {
  let size = 0;
  return new TransformStream({
    transform(chunk, controller) {
      size += chunk.byteLength;
      if (size <= maxBytes) controller.enqueue(chunk);
      else controller.error(new AipError('PAYLOAD_TOO_LARGE', `The answer is larger than ${maxBytes} bytes.`));
    },
  });
}
