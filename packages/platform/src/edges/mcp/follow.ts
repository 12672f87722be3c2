import type { LoggingLevel, ProgressToken, ServerContext } from '@modelcontextprotocol/server';
import type { Call } from '../../exchange/index.ts';
import type { Ask } from '../../kernel/ask.ts';
import { textOf, valueOf } from '../../kernel/body.ts';
import { isTerminal, type TaskEvent } from '../../kernel/task.ts';

/** How often a client that waits for a person is told so, in milliseconds: it keeps its timeout away. */
const REMINDER = 15_000;
/** Longest piece of output that is shown as progress, in characters. */
const MAX_MESSAGE = 8_192;

/**
 * A call at its end, or at what its caller has to answer before it goes on (events `first` to `n`), or still on its
 * way when nobody wants to wait for it any longer.
 */
export type Stand =
  | { readonly ended: TaskEvent }
  | { readonly asked: readonly Ask[]; readonly first: number; readonly n: number }
  | { readonly late: true };

export interface FollowOptions {
  /** Number of the event to go on after; from the beginning unless given. */
  readonly after?: number;
  /** From which level on log messages are told; all unless given. */
  readonly logLevel?: LoggingLevel | undefined;
  /** Ends the wait, not the call. */
  readonly patience?: AbortSignal | undefined;
}

/** Whether the call waits for an operator. Such a call outlives its client: an identical retry re-attaches to it. */
export const isParked = (call: Pick<Call, 'last'>): boolean =>
  call.last?.type === 'asked' && call.last.ask.of === 'operators';

/** Follows a call, telling its client about progress and logs. */
export async function follow(call: Call, ctx: ServerContext, options: FollowOptions = {}): Promise<Stand> {
  const { after = 0, logLevel, patience } = options;
  const progress = progressTo(ctx);
  const asked: Ask[] = [];
  let first = 0;
  let reminder: NodeJS.Timeout | undefined;
  try {
    for await (const event of call.events(after, patience)) {
      clearInterval(reminder);
      if (event.type === 'asked' && event.ask.of === 'operators') {
        const waiting = `Waiting for an operator to approve this call (task ${call.taskId}).`;
        progress.say(waiting);
        reminder = setInterval(() => progress.say(waiting), REMINDER);
        continue;
      }
      if (event.type === 'asked') {
        if (asked.push(event.ask) === 1) first = event.n;
        if (!event.ask.more) return { asked, first, n: event.n };
        continue;
      }
      if (isTerminal(event.state)) return { ended: event };
      await tell(event, progress, ctx, logLevel);
    }
    if (patience?.aborted) return { late: true };
  } finally {
    clearInterval(reminder);
  }
  return { ended: await call.ended };
}

async function tell(
  event: TaskEvent,
  progress: Progress,
  ctx: ServerContext,
  logLevel: LoggingLevel | undefined,
): Promise<void> {
  if (event.type === 'progress') return progress.at(event.progress, event.total, event.message);
  if (event.type === 'log') {
    const level = levelOf(event.level);
    if (LEVELS.indexOf(level) < LEVELS.indexOf(logLevel ?? 'debug')) return;
    return ctx.mcpReq.log(level, valueOf(event.data), event.logger);
  }
  if (event.type === 'output' || (event.type === 'working' && event.body)) {
    const piece = event.body ? textOf(event.body) : '';
    if (piece !== '') progress.say(piece.slice(0, MAX_MESSAGE));
  }
}

interface Progress {
  at(value: number, total?: number, message?: string): void;
  /** A message without a number of its own: the number still has to rise, so it rises by little. */
  say(message: string): void;
}

/** notifications/progress for a client that gave a token; its numbers only ever rise (2026-07-28, progress). */
function progressTo(ctx: ServerContext): Progress {
  const token = ctx.mcpReq._meta?.progressToken;
  if (token === undefined) return { at() {}, say() {} };
  // The first number may be zero.
  let last = -1;
  const send = (progressToken: ProgressToken, progress: number, total?: number, message?: string): void => {
    last = progress;
    const params = {
      progressToken,
      progress,
      ...(total === undefined ? {} : { total }),
      ...(message === undefined ? {} : { message }),
    };
    // A client that has gone away is noticed by its signal, not here.
    ctx.mcpReq.notify({ method: 'notifications/progress', params }).catch(() => {});
  };
  return {
    at(value, total, message) {
      if (value > last) send(token, value, total, message);
      else if (message !== undefined) this.say(message);
    },
    say: (message) => send(token, Math.max(last, 0) + 0.001, undefined, message),
  };
}

/** By severity (RFC 5424). */
const LEVELS: readonly LoggingLevel[] = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
];

const levelOf = (level: string): LoggingLevel => LEVELS.find((known) => known === level) ?? 'info';

/**
 * Cancels the call when its client gives up: by `notifications/cancelled`, or by closing the stream it waits on. A
 * call that has been waiting for a person is left alone, since clients give up by their own timeouts.
 *
 * @returns stops watching
 */
export function cancelWithClient(call: Call, signal: AbortSignal): () => void {
  const parked = isParked(call);
  const cancel = (): void => {
    if (!parked) call.cancel(signal.reason instanceof Error ? 'disconnect' : 'caller');
  };
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
  return () => signal.removeEventListener('abort', cancel);
}
