import { AipError } from '@aip/wire';
import type { Client, ClientCapabilities } from '@modelcontextprotocol/client';
import type { Message } from '../../../kernel/message.ts';
import type { RouteCall } from '../../../kernel/route.ts';
import { capabilitiesOf, mayAsk } from './capabilities.ts';
import type { Connection } from './connection.ts';
import type { EventChannel } from './event-channel.ts';
import { askerOf, prepareLane, type Asker, type Lane } from './lane.ts';
import { accountKey, accountOf, type Account } from './oauth/account.ts';
import { createPlaces } from './places.ts';

/**
 * Older servers do not say which call a question of theirs belongs to, nor, over stdio, a log message. So whoever can
 * answer the one, or wants to hear the other, gets a connection of its own, with one call on it at a time: nobody is ever
 * asked, or told, of another's call. What belongs to a task names it, so any number of tasks share a lane beside its call.
 */
export interface Lanes {
  /**
   * Waits for its turn on a lane of its caller's. Undefined for a caller that can be asked nothing when no lane is free:
   * it only misses log messages. Throws RATE_LIMITED when too many are in use or waited for, CANCELED.
   */
  take(call: RouteCall, channel: EventChannel): Promise<Turn | undefined>;
  /** A seat on the caller's lane for a task whose own has gone; undefined when no lane is free. */
  seat(taskId: string, call: RouteCall, channel: EventChannel): Promise<Seat | undefined>;
  /** Closes the lanes of one account, those in use with the end of their call: its tokens have changed. */
  forget(account: Account): void;
  close(): Promise<void>;
}

export interface Turn {
  readonly connection: Connection;
  /** Keeps the lane for the task that the server has made of the call; the next call does not wait for it. */
  stay(taskId: string): Seat;
  /** Gives the lane to the next call. */
  end(): void;
}

/** One task's place on a lane: what the server asks for it is put to its caller. */
export interface Seat {
  readonly connection: Connection;
  end(): void;
}

/** Lanes of one server: each may be a process. */
const MAX_LANES = 16;
/** Of those, the ones that one account may have. */
const MAX_OWN = 4;
/** Calls that wait for one lane. */
const MAX_WAITING = 32;
/** An unused lane is closed after this many milliseconds, or sooner if somebody else needs one. */
const IDLE = 5 * 60_000;

export function createLanes(
  connectWith: (
    account: Account,
    capabilities: ClientCapabilities,
    prepare: (client: Client) => void,
  ) => Promise<Connection>,
): Lanes {
  const lanes = new Set<Lane>();
  const places = createPlaces(MAX_LANES, () => vacate([...lanes]));

  /** One may have to wait for its place; whoever cannot wait gets one that is free, or undefined. Throws RATE_LIMITED. */
  function laneOf(message: Message, canWait: boolean): Lane | undefined {
    const account = accountKey(accountOf(message.from));
    const kind = JSON.stringify([account, capabilitiesOf(message)]);
    // A lane whose call waits for a person, who may never answer, is not waited for.
    const known = [...lanes].find((lane) => lane.kind === kind && lane.asking === 0 && !lane.isForgotten);
    if (known) return known;
    const own = [...lanes].filter((lane) => lane.account === account);
    if (own.length >= MAX_OWN && !vacate(own)) {
      if (!canWait) return undefined;
      throw new AipError(
        'RATE_LIMITED',
        `You have ${MAX_OWN} connections to this server in use already, for calls that can ask you something; let one of them end first.`,
      );
    }
    if (!canWait && places.isFull && !vacate([...lanes])) return undefined;
    return addLane(message, account, kind);
  }

  function addLane(message: Message, account: string, kind: string): Lane {
    const lane: Lane = {
      account,
      kind,
      connection: places.take().then((leavePlace) => {
        lane.leavePlace = leavePlace;
        return open(lane, message);
      }),
      tasks: new Map(),
      last: Promise.resolve(),
      waiting: 0,
      asking: 0,
      isForgotten: false,
    };
    lane.connection.then(
      ({ lost }) => lost.then(() => closeLane(lane)),
      () => remove(lane),
    );
    lanes.add(lane);
    return lane;
  }

  async function open(lane: Lane, message: Message): Promise<Connection> {
    if (!lanes.has(lane)) {
      lane.leavePlace?.();
      throw new AipError('CANCELED', 'Nobody waits for this connection any more.');
    }
    const capabilities = capabilitiesOf(message);
    return connectWith(accountOf(message.from), capabilities, (client) => prepareLane(lane, capabilities, client));
  }

  /** Undefined when the lane was forgotten before it was the call's turn. */
  async function turnOn(lane: Lane, call: RouteCall, channel: EventChannel): Promise<Turn | undefined> {
    if (lane.waiting >= MAX_WAITING)
      throw new AipError(
        'RATE_LIMITED',
        `${MAX_WAITING} of your calls wait for this server already; it answers them one by one.`,
      );
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const turn = lane.last;
    lane.last = ended;
    enter(lane);
    const give = (): void => {
      leave(lane);
      // The calls behind it still wait for those before it.
      void turn.then(end);
    };
    try {
      const connection = await Promise.race([turn.then(() => lane.connection), aborted(call.signal)]);
      if (lane.isForgotten) {
        give();
        return undefined;
      }
      const asker = askerOf(call, channel);
      lane.current = asker;
      return {
        connection,
        stay: (taskId) => sit(lane, connection, taskId, asker),
        end() {
          delete lane.current;
          give();
        },
      };
    } catch (error) {
      give();
      throw error;
    }
  }

  function sit(lane: Lane, connection: Connection, taskId: string, asker: Asker): Seat {
    lane.tasks.set(taskId, asker);
    return {
      connection,
      end() {
        if (lane.tasks.get(taskId) === asker) lane.tasks.delete(taskId);
        rest(lane);
      },
    };
  }

  function enter(lane: Lane): void {
    lane.waiting++;
    clearTimeout(lane.idle?.timer);
    delete lane.idle;
  }

  function leave(lane: Lane): void {
    lane.waiting--;
    rest(lane);
  }

  /** What nobody uses is closed: at once when it is of no more use or somebody else needs it, else after some time. */
  function rest(lane: Lane): void {
    if (!lanes.has(lane) || lane.waiting > 0) return;
    // A task finds itself another.
    if (lane.isForgotten) return void closeLane(lane);
    if (lane.tasks.size > 0) return;
    if (!lane.leavePlace || places.isWanted) return void closeLane(lane);
    clearTimeout(lane.idle?.timer);
    const timer = setTimeout(() => void closeLane(lane), IDLE).unref();
    lane.idle = { since: performance.now(), timer };
  }

  /** Closes the one that has been unused for longest; false when all are used. */
  function vacate(among: readonly Lane[]): boolean {
    const [longest] = among
      .flatMap((lane) => (lane.idle ? [{ lane, since: lane.idle.since }] : []))
      .toSorted((a, b) => a.since - b.since);
    if (longest) void closeLane(longest.lane);
    return longest !== undefined;
  }

  function remove(lane: Lane): void {
    lanes.delete(lane);
    clearTimeout(lane.idle?.timer);
    delete lane.idle;
    lane.leavePlace?.();
  }

  function closeLane(lane: Lane): Promise<void> {
    remove(lane);
    return lane.connection.then(
      (connection) => connection.close(),
      () => {},
    );
  }

  return {
    async take(call, channel) {
      for (;;) {
        const lane = laneOf(call.message, mayAsk(call.message));
        if (!lane) return undefined;
        const turn = await turnOn(lane, call, channel);
        if (turn) return turn;
      }
    },
    async seat(taskId, call, channel) {
      const lane = laneOf(call.message, false);
      if (!lane) return undefined;
      enter(lane);
      try {
        return sit(lane, await lane.connection, taskId, askerOf(call, channel));
      } finally {
        leave(lane);
      }
    },
    forget(account) {
      for (const lane of lanes) {
        if (lane.account !== accountKey(account)) continue;
        lane.isForgotten = true;
        rest(lane);
      }
    },
    async close() {
      places.close();
      await Promise.all([...lanes].map(closeLane));
    },
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(new AipError('CANCELED', 'The call was canceled while it waited for its turn.'));
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}
