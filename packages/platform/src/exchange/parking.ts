import { alarm } from './alarm.ts';
import type { LiveTask } from './live-task.ts';

/** How long the result of a parked call waits for an identical retry, in milliseconds. */
const REATTACH_WINDOW = 10 * 60_000;

/** Calls that wait for a person, found by task and by what the approval is bound to. */
export interface Parking {
  park(task: LiveTask, askId: string, hash: string, delay: number, onExpired: () => void): void;
  /** The parked, or just ended, call that an identical retry re-attaches to; else the one that `open` makes. */
  find(hash: string, open: () => Promise<LiveTask>): Promise<LiveTask>;
  /** Whether `find` would lead such a call to one that is there. */
  holds(fingerprint: () => string): boolean;
  /** Takes a task out because its approval has been answered. */
  leave(task: LiveTask): void;
  /** The caller has the result: the next identical call is a new one. */
  readonly delivered: (taskId: string) => void;
}

export function createParking(): Parking {
  const byHash = new Map<string, LiveTask>();
  const opening = new Map<string, Promise<LiveTask>>();

  function forget(hash: string, task: LiveTask): void {
    if (byHash.get(hash) === task) byHash.delete(hash);
  }

  return {
    park(task, askId, hash, delay, onExpired) {
      const stopExpiry = alarm(delay, onExpired);
      task.askId = askId;
      task.parked = { hash, stopExpiry };
      byHash.set(hash, task);
      void task.stream.ended.then((end) => {
        stopExpiry();
        // Whoever canceled it and sends it again means a new call.
        if (end.type === 'canceled') forget(hash, task);
        else setTimeout(() => forget(hash, task), REATTACH_WINDOW).unref();
      });
    },
    async find(hash, open) {
      const parked = byHash.get(hash);
      if (parked) return parked;
      // Two identical calls at once are one ask: the second waits for the first to be written.
      const running = opening.get(hash) ?? open().finally(() => opening.delete(hash));
      opening.set(hash, running);
      return running;
    },
    holds(fingerprint) {
      // Nothing is computed while nobody waits.
      return byHash.size + opening.size > 0 && (byHash.has(fingerprint()) || opening.has(fingerprint()));
    },
    leave(task) {
      task.parked?.stopExpiry();
      delete task.parked;
    },
    delivered(taskId) {
      for (const [hash, task] of byHash) if (task.id === taskId) forget(hash, task);
    },
  };
}
