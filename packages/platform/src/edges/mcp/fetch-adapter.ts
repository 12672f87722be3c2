import type { IncomingMessage, ServerResponse } from 'node:http';
import { whenClosed } from '../../kernel/when-closed.ts';
import { requireReader, writeOn } from './unread.ts';

/** A request for the SDK, without its body, which has been read; aborted when its connection closes before the answer has ended. */
export function webRequest({ method = 'GET', url = '/', headers }: IncomingMessage, response: ServerResponse): Request {
  const given = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one): [string, string] => [name, one]),
  );
  const gone = new AbortController();
  whenClosed(response, () => {
    if (!response.writableEnded) gone.abort();
  });
  return new Request(new URL(url, 'http://localhost'), { method, headers: given, signal: gone.signal });
}

/**
 * Answers with what the SDK has answered. What it has to say goes out at once: its own queue has no bound, ours has
 * ({@link writeOn}), and the SDK's adapters for Node would let it grow until somebody reads.
 */
export async function answerWith(answer: Response, response: ServerResponse): Promise<void> {
  const headers = Object.fromEntries(answer.headers);
  if (!answer.body || !headers['content-type']?.startsWith('text/event-stream')) {
    const body = Buffer.from(await answer.arrayBuffer());
    requireReader(response);
    return void response.writeHead(answer.status, headers).end(body);
  }
  const reader = answer.body.getReader();
  whenClosed(response, () => void reader.cancel().catch(() => {}));
  response.writeHead(answer.status, headers).flushHeaders();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return void response.end();
    if (!writeOn(response, value)) return;
  }
}
