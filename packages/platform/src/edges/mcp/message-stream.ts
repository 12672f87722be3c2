import type { ServerResponse } from 'node:http';
import type { JsonObject } from '@aip/wire';
import { writeOn } from './unread.ts';

/** How often a stream on which nothing happens shows that it is there, in milliseconds. */
const KEEP_ALIVE = 15_000;

/** Where messages to one client go. */
export interface Sink {
  send(message: JsonObject): void;
  /** Nothing follows. */
  end(): void;
}

/** A response as a stream of messages (2026-07-28, basic/transports); it begins with the first of them. */
export function messageStream(response: ServerResponse): Sink {
  function begin(): void {
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    const alive = setInterval(() => writeOn(response, ': keepalive\n\n'), KEEP_ALIVE);
    response.once('close', () => clearInterval(alive));
  }
  return {
    send(message) {
      if (response.destroyed || response.writableEnded) return;
      if (!response.headersSent) begin();
      writeOn(response, `event: message\ndata: ${JSON.stringify(message)}\n\n`);
    },
    end: () => void response.end(),
  };
}
