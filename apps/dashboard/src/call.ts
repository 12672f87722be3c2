import { AipError, aipErrorFromBody, type Json, type JsonObject } from '@aip/wire';
import { readEvents } from './feed.ts';

/** How a call that somebody tries out stands. */
export interface CallState {
  readonly task?: string;
  readonly state: 'sending' | 'working' | 'asked' | 'done' | 'failed' | 'refused';
  readonly progress?: { readonly done: number; readonly total?: number };
  /** What the target has said meanwhile. */
  readonly message?: string;
  /** Who has to answer before it goes on: an approval, or something that only an MCP client can answer. */
  readonly ask?: { readonly id: string; readonly kind: string };
  readonly result?: Json;
  readonly error?: AipError;
  /** Milliseconds from sending to the end. */
  readonly took?: number;
}

/**
 * Calls anything, and tells how it goes, up to its end; never throws. Whoever aborts `signal` cancels the call, unless
 * it waits for a person.
 */
export async function followCall(
  to: string,
  args: JsonObject,
  tell: (state: CallState) => void,
  signal: AbortSignal,
): Promise<void> {
  const started = performance.now();
  let now: CallState = { state: 'sending' };
  const next = (more: Partial<CallState>): void => tell((now = { ...now, ...more }));
  const took = () => ({ took: performance.now() - started });
  try {
    const response = await fetch('/v1/invoke', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-aip': '1' },
      body: JSON.stringify({ to, arguments: args, stream: true }),
      signal,
    });
    if (!response.ok || !response.body) {
      const body = ((await response.json().catch(() => ({}))) as JsonObject)['error'];
      return next({ state: 'refused', error: aipErrorFromBody(body), ...took() });
    }
    await readEvents(response.body, ({ event, data }) =>
      next({ ...stateAfter(event, JSON.parse(data) as Event), ...(ENDS.has(event) ? took() : {}) }),
    );
    if (now.state !== 'done' && now.state !== 'failed') throw new Error('The stream has ended.');
  } catch (cause) {
    if (signal.aborted) return;
    next({
      state: 'failed',
      error: new AipError(
        'AGENT_UNAVAILABLE',
        'The connection to the platform was lost; its task shows how the call goes on.',
        { cause },
      ),
    });
  }
}

const ENDS = new Set(['done', 'failed', 'canceled']);

interface Event {
  readonly task: string;
  readonly value?: Json;
  /** The same as it came; of MCP the whole result, of which `value` may be a part. */
  readonly body?: { readonly type: string; readonly value: Json };
  readonly error?: JsonObject;
  readonly ask?: { readonly id: string; readonly kind: string };
  readonly progress?: number;
  readonly total?: number;
  readonly message?: string;
}

function stateAfter(
  event: string,
  { task, value: plain, body, error, ask, progress, total, message }: Event,
): Partial<CallState> {
  const value = body?.type === 'mcp' ? body.value : plain;
  switch (event) {
    case 'asked':
      return { task, state: 'asked', ...(ask ? { ask } : {}) };
    case 'progress':
      return {
        task,
        state: 'working',
        progress: { done: progress ?? 0, ...(total === undefined ? {} : { total }) },
        ...(message === undefined ? {} : { message }),
      };
    case 'done':
      return { task, state: 'done', result: value ?? null };
    case 'failed':
    case 'canceled':
      return {
        task,
        state: 'failed',
        error: aipErrorFromBody(error),
        ...(value === undefined ? {} : { result: value }),
      };
    default:
      return { task, state: 'working', ...(typeof value === 'string' ? { message: value } : {}) };
  }
}
