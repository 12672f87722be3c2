import { AipError } from '@aip/wire';

/** One event of a stream; `id` is what to resume after. */
export interface ServerSentEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** Longest accepted event in UTF-16 units. */
const MAX_EVENT = 8 * 1024 * 1024;

/**
 * Reads a stream of Server-Sent Events (HTML Living Standard §9.2.6) to its end. Comments and events without data
 * are left out.
 *
 * @throws AipError PAYLOAD_TOO_LARGE for an event beyond 8 Mi characters
 */
export async function* readServerSentEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  let unread = '';
  let lines: string[] = [];
  /** Length of the lines of the event under way. */
  let length = 0;
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    unread += chunk;
    // A carriage return at the end may be half of a line's end.
    const complete = unread.split(/\r\n|\n|\r(?!$)/);
    unread = complete.pop() ?? '';
    for (const line of complete) {
      if (line !== '') {
        lines.push(line);
        length += line.length;
        continue;
      }
      const event = parseEvent(lines);
      lines = [];
      length = 0;
      if (event) yield event;
    }
    if (length + unread.length > MAX_EVENT)
      throw new AipError('PAYLOAD_TOO_LARGE', 'An event of this stream is too large.');
  }
}

function parseEvent(lines: readonly string[]): ServerSentEvent | undefined {
  let event = 'message';
  let id: string | undefined;
  const data: string[] = [];
  for (const line of lines) {
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'event') event = value;
    else if (field === 'id') id = value;
    else if (field === 'data') data.push(value);
  }
  return data.length === 0 ? undefined : { event, id, data: data.join('\n') };
}
