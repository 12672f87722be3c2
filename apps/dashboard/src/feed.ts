import type { JsonObject } from '@aip/wire';

/** One state change of the platform, as the live feed and the audit show it. */
export interface LogEntry {
  /** Its number in the log. */
  readonly seq: number;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly kind: string;
  readonly head: JsonObject;
  readonly task?: string;
  readonly n?: number;
}

export type FeedStatus = 'connecting' | 'live' | 'reconnecting' | 'signed out';

export interface FeedListener {
  entries(entries: readonly LogEntry[]): void;
  /** The feed goes on behind `seq` (-1 in an empty log); `missed` entries before it were not sent. */
  snapshot(seq: number, missed: number): void;
  status(status: FeedStatus): void;
}

interface ServerEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** Wait before a new connection, in milliseconds; doubles with each failure. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;

/**
 * Follows the log from behind entry `after`, -1 for all of it, until `signal` is aborted; connects again by itself, from the last
 * entry it has seen. Not EventSource: that gives up for good at the first refusal and hides which one it was.
 */
export async function followLog(after: number, listener: FeedListener, signal: AbortSignal): Promise<void> {
  let last = after;
  let wait = FIRST_WAIT;
  listener.status('connecting');
  while (!signal.aborted) {
    try {
      const response = await fetch(last < 0 ? '/v1/events?from=0' : '/v1/events', {
        headers: last < 0 ? {} : { 'last-event-id': String(last) },
        signal,
      });
      if (response.status === 401) return listener.status('signed out');
      if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`);
      listener.status('live');
      await readEvents(response.body, (event) => {
        wait = FIRST_WAIT;
        if (event.id !== undefined) last = Number(event.id);
        dispatch(event, listener);
      });
    } catch {
      // Every failure is answered the same way: wait, then connect again.
    }
    if (signal.aborted) return;
    listener.status('reconnecting');
    await sleep(wait, signal);
    wait = Math.min(LONGEST_WAIT, wait * 2);
  }
}

function dispatch({ event, data }: ServerEvent, listener: FeedListener): void {
  if (event === 'entries') listener.entries(JSON.parse(data) as LogEntry[]);
  if (event === 'snapshot') {
    const { seq, missed } = JSON.parse(data) as { seq: number; missed: number };
    listener.snapshot(seq, missed);
  }
}

/** Reads a stream of server-sent events to its end. */
export async function readEvents(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  onEvent: (event: ServerEvent) => void,
): Promise<void> {
  const parser = createEventParser(onEvent);
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) parser(chunk.value);
}

/** Longest event that is kept while its end is awaited, in characters. */
const MAX_EVENT = 8 * 1024 * 1024;

/** Takes text as it arrives and hands out whole events (HTML Living Standard §9.2.6). */
export function createEventParser(onEvent: (event: ServerEvent) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    rest += text.replaceAll('\r', '');
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    if (rest.length > MAX_EVENT) throw new Error('The event has no end.');
    for (const block of blocks) {
      const event = parseEvent(block);
      if (event) onEvent(event);
    }
  };
}

function parseEvent(block: string): ServerEvent | undefined {
  let event = 'message';
  let id: string | undefined;
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') event = value;
    if (field === 'id') id = value;
    if (field === 'data') data.push(value);
  }
  return data.length === 0 ? undefined : { event, id, data: data.join('\n') };
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
