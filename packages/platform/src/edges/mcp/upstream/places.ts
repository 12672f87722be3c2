import { AipError } from '@aip/wire';

/** So many at once. Who finds none free waits for one, in the order of coming and not for ever. */
export interface Places {
  /** Resolves to what gives the place back. Throws RATE_LIMITED, and UPSTREAM_FAILED after `close`. */
  take(): Promise<() => void>;
  readonly isFull: boolean;
  /** Whether somebody waits. */
  readonly isWanted: boolean;
  /** Nobody waits any longer. */
  close(): void;
}

/** Who may wait at once, and how long, in milliseconds. */
const MAX_QUEUED = 64;
const PATIENCE = 10_000;

interface Waiting {
  readonly place: PromiseWithResolvers<() => void>;
  readonly late: NodeJS.Timeout;
}

/** `vacate` gives a place back that is taken and not used, if there is one. */
export function createPlaces(total: number, vacate: () => void): Places {
  const queue = new Set<Waiting>();
  let taken = 0;

  const refusal = (): AipError =>
    new AipError(
      'RATE_LIMITED',
      `All ${total} connections to this server for calls that can be asked something are in use; try again later.`,
    );

  function leave(waiting: Waiting): void {
    queue.delete(waiting);
    clearTimeout(waiting.late);
  }

  /** Of one place, good once. */
  function giver(): () => void {
    let isGiven = false;
    return () => {
      if (isGiven) return;
      isGiven = true;
      const [next] = queue;
      if (!next) return void taken--;
      leave(next);
      next.place.resolve(giver());
    };
  }

  return {
    async take() {
      if (taken < total) {
        taken++;
        return giver();
      }
      if (queue.size >= MAX_QUEUED) throw refusal();
      const place = Promise.withResolvers<() => void>();
      const late = setTimeout(() => {
        leave(waiting);
        place.reject(refusal());
      }, PATIENCE);
      const waiting: Waiting = { place, late };
      queue.add(waiting);
      vacate();
      return place.promise;
    },
    get isFull() {
      return taken >= total;
    },
    get isWanted() {
      return queue.size > 0;
    },
    close() {
      for (const waiting of queue) {
        leave(waiting);
        waiting.place.reject(new AipError('UPSTREAM_FAILED', 'The connections to this server are being closed.'));
      }
    },
  };
}
