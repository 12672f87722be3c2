import type { Json } from '@aip/wire';
import { errorBody } from '../../../kernel/error-body.ts';
import type { RouteCall } from '../../../kernel/route.ts';
import type { EffectState, RouteEvent } from '../../../kernel/task.ts';
import { failureOf } from './failures.ts';
import { isUnknownTask, type RemoteTask, type TaskDialect } from './remote-task-dialect.ts';
import { extensionDialect } from './remote-task-extension.ts';
import { legacyDialect } from './remote-task-legacy.ts';
import { raiseSignals } from './signals.ts';

/*
 * A call that a server has made a task of, in either era. Its id is put on record, so that it outlives connections, and
 * the gateway itself, for as long as the server keeps it.
 */

/** Bounds on how often a server is asked that says nothing about it, or too much; milliseconds. */
const POLL = { usual: 1_000, least: 100, most: 60_000 };
/** How long the server may be away before its task is given up, and how often it is tried meanwhile; milliseconds. */
const AWAY = 10 * 60_000;
const AGAIN = 1_000;

/** Follows the task to its end: what it says, what it asks, and that its caller gives it up. Never rejects. */
export async function followTask(task: RemoteTask): Promise<RouteEvent> {
  const { taskId, call, channel, use } = task;
  const { entry, signal } = call;
  const possible: EffectState = entry.effect === 'read' ? 'none' : 'unknown';
  const bell = createBell(signal);
  let dialect: TaskDialect | undefined;
  let said: Json | undefined;
  let steps = 0;
  let seen = performance.now();
  channel.push({ type: 'working', handle: taskId });

  const speak = async (): Promise<TaskDialect> =>
    (dialect ??= await use(async ({ client }) =>
      client.getProtocolEra() === 'modern' ? extensionDialect(task) : legacyDialect(task, bell.ring),
    ));

  /** One look at the task; its end, if it has ended. */
  async function look(): Promise<RouteEvent | undefined> {
    const spoken = await speak();
    const standing = await spoken.look();
    const { status, statusMessage } = standing;
    if (status === 'cancelled') return { type: 'failed', error: canceled(call), effect: possible };
    if (status === 'completed' || status === 'failed') {
      const end = await spoken.collect(standing);
      if ('error' in end) return { type: 'failed', ...failureOf(entry.owner, end.error, possible) };
      raiseSignals(end.result, call, channel);
      return { type: 'done', body: { type: 'mcp', value: end.result } };
    }
    seen = performance.now();
    if (typeof statusMessage === 'string' && statusMessage !== said)
      channel.push({ type: 'progress', progress: ++steps, message: statusMessage });
    said = statusMessage;
    await unlessAborted(spoken.attend(standing), signal);
    await bell.wait(paceOf(standing.pollInterval));
    return undefined;
  }

  try {
    while (!signal.aborted) {
      try {
        const end = await look();
        if (end) return end;
      } catch (thrown) {
        const gone = isUnknownTask(thrown);
        if (!signal.aborted && (gone || performance.now() - seen > AWAY)) {
          const why = gone ? 'does not know the task of this call any more' : 'has been away for too long';
          const text = `${entry.owner} ${why}; check what the call has done before repeating it.`;
          return { type: 'failed', error: errorBody('EFFECT_UNKNOWN', text), effect: possible };
        }
        await bell.wait(AGAIN);
      }
    }
    // A platform that stops leaves it alone: the next one goes on with it.
    if (signal.reason !== 'shutdown')
      await speak()
        .then((spoken) => spoken.cancel())
        .catch(() => {});
    return { type: 'failed', error: canceled(call), effect: possible };
  } finally {
    dialect?.end();
  }
}

const canceled = ({ entry }: RouteCall) =>
  errorBody('CANCELED', `The task of this call at ${entry.owner} was canceled.`);

const paceOf = (interval: Json | undefined): number =>
  Math.min(POLL.most, Math.max(POLL.least, typeof interval === 'number' ? interval : POLL.usual));

interface Bell {
  /** Ends the wait, or the next one if nobody is waiting. */
  readonly ring: () => void;
  /** Resolves after so many milliseconds, when it rings, or when the call is given up. */
  wait(ms: number): Promise<void>;
}

function createBell(signal: AbortSignal): Bell {
  let rung = false;
  let wake = (): void => {};
  return {
    ring() {
      rung = true;
      wake();
    },
    async wait(ms) {
      if (!rung && !signal.aborted)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms).unref();
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
          signal.addEventListener('abort', wake, { once: true });
        }).finally(() => signal.removeEventListener('abort', wake));
      rung = false;
    },
  };
}

async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const fail = (): void => reject(new Error('The call was given up.'));
  if (signal.aborted) fail();
  signal.addEventListener('abort', fail, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', fail);
  }
}
