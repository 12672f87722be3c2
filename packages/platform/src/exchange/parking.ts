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

interface Kept {
  readonly task: LiveTask;
  /** Since it has ended: until it is forgotten. */
  lapse?: NodeJS.Timeout;
}

export function createParking(): Parking {
  const byHash = new Map<string, Kept>();
  /** Of those in `byHash`, by task: every call that ends looks here. */
  const hashes = new Map<string, string>();
  const opening = new Map<string, Promise<LiveTask>>();

  const holdsStill = (hash: string, kept: Kept): boolean => byHash.get(hash) === kept;

  function forget(hash: string, kept: Kept): void {
    // A timer that went on would keep the task.
    clearTimeout(kept.lapse);
    hashes.delete(kept.task.id);
    if (holdsStill(hash, kept)) byHash.delete(hash);
  }

  return {
    park(task, askId, hash, delay, onExpired) {
      const stopExpiry = alarm(delay, onExpired);
      task.askId = askId;
      task.parked = { hash, stopExpiry };
      const kept: Kept = { task };
      byHash.set(hash, kept);
      hashes.set(task.id, hash);
      void task.stream.ended.then((end) => {
        stopExpiry();
        // Whoever canceled it and sends it again means a new call.
        if (end.type === 'canceled' || !holdsStill(hash, kept)) forget(hash, kept);
        else kept.lapse = setTimeout(() => forget(hash, kept), REATTACH_WINDOW).unref();
      });
    },
    async find(hash, open) {
      const parked = byHash.get(hash);
      if (parked) return parked.task;
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
      const hash = hashes.get(taskId);
      const kept = hash === undefined ? undefined : byHash.get(hash);
      if (hash !== undefined && kept?.task.id === taskId) forget(hash, kept);
    },
  };
}
