import { AipError, isJsonObject, type Json, type JsonObject } from '@aip/wire';
import type { Client, ClientCapabilities } from '@modelcontextprotocol/client';
import type { Ask, AskKind } from '../../../kernel/ask.ts';
import { valueOf } from '../../../kernel/body.ts';
import { uuidv7 } from '../../../kernel/ids.ts';
import type { Message } from '../../../kernel/message.ts';
import type { RouteCall } from '../../../kernel/route.ts';
import type { Connection } from './connection.ts';
import type { EventChannel } from './event-channel.ts';

/**
 * Older servers do not say which call a question of theirs belongs to. So whoever can answer questions gets a
 * connection of its own, with one call on it at a time: nobody is ever asked for another's call.
 */
export interface Lanes {
  /** Waits for its turn on the caller's lane; undefined when no further lane can be opened. */
  take(call: RouteCall, channel: EventChannel): Promise<Turn | undefined>;
  close(): Promise<void>;
}

export interface Turn {
  readonly connection: Connection;
  /** Gives the lane to the next call. */
  end(): void;
}

/** Lanes of one server: each may be a process. */
const MAX_LANES = 16;
/** Calls that wait for one lane. */
const MAX_WAITING = 32;
/** An unused lane is closed after this many milliseconds. */
const IDLE = 5 * 60_000;
/** Questions that one call may put. */
const MAX_ASKS = 32;
/** How long a person may take to answer, in milliseconds. */
const ANSWER_WITHIN = 10 * 60_000;

interface Lane {
  connection: Promise<Connection>;
  /** The call whose questions these are. */
  current?: { readonly call: RouteCall; readonly channel: EventChannel; asks: number };
  last: Promise<void>;
  waiting: number;
  idle?: NodeJS.Timeout;
}

export const mayAsk = ({ accepts }: Message): boolean => accepts.sampling === true || accepts.elicitation === true;

export function createLanes(
  connectWith: (capabilities: ClientCapabilities, prepare: (client: Client) => void) => Promise<Connection>,
): Lanes {
  const lanes = new Map<string, Lane>();

  function laneOf(message: Message): Lane | undefined {
    const { sampling, elicitation } = message.accepts;
    const key = JSON.stringify([message.from.tenant, message.from.id, sampling === true, elicitation === true]);
    const known = lanes.get(key);
    if (known || lanes.size >= MAX_LANES) return known;
    const lane: Lane = { connection: open(key, message, () => lane), last: Promise.resolve(), waiting: 0 };
    lanes.set(key, lane);
    return lane;
  }

  async function open(key: string, { accepts }: Message, lane: () => Lane): Promise<Connection> {
    const capabilities: ClientCapabilities = {
      ...(accepts.sampling ? { sampling: {} } : {}),
      ...(accepts.elicitation ? { elicitation: { form: {}, url: {} } } : {}),
    };
    const ask = (kind: AskKind) => async (request: { params?: unknown }) =>
      (await put(lane(), kind, request.params)) as never;
    try {
      const connection = await connectWith(capabilities, (client) => {
        if (accepts.sampling) client.setRequestHandler('sampling/createMessage', ask('sampling'));
        if (accepts.elicitation) client.setRequestHandler('elicitation/create', ask('elicitation'));
        client.setNotificationHandler('notifications/message', ({ params }) => {
          lane().current?.channel.push({
            type: 'log',
            level: params.level,
            data: { type: 'data', value: params.data as Json },
            ...(params.logger === undefined ? {} : { logger: params.logger }),
          });
        });
      });
      void connection.lost.then(() => lanes.delete(key));
      return connection;
    } catch (error) {
      lanes.delete(key);
      throw error;
    }
  }

  return {
    async take(call, channel) {
      const lane = laneOf(call.message);
      if (!lane) return undefined;
      if (lane.waiting >= MAX_WAITING)
        throw new AipError(
          'RATE_LIMITED',
          `${MAX_WAITING} of your calls wait for this server already; it answers them one by one.`,
        );
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      const turn = lane.last;
      lane.last = ended;
      lane.waiting++;
      clearTimeout(lane.idle);
      try {
        await Promise.race([turn, aborted(call.signal)]);
        const connection = await lane.connection;
        lane.current = { call, channel, asks: 0 };
        return { connection, end: () => release(lane, end) };
      } catch (error) {
        // The calls behind it still wait for those before it.
        lane.waiting--;
        void turn.then(end);
        throw error;
      }
    },
    async close() {
      const all = [...lanes.values()];
      lanes.clear();
      for (const lane of all) clearTimeout(lane.idle);
      await Promise.all(
        all.map((lane) =>
          lane.connection.then(
            (connection) => connection.close(),
            () => {},
          ),
        ),
      );
    },
  };
}

function release(lane: Lane, end: () => void): void {
  delete lane.current;
  lane.waiting--;
  if (lane.waiting === 0)
    lane.idle = setTimeout(
      () =>
        void lane.connection.then(
          (connection) => connection.close(),
          () => {},
        ),
      IDLE,
    ).unref();
  end();
}

/** Puts a question to the caller of the call that is on the lane, and waits for the answer. */
async function put(lane: Lane, kind: AskKind, params: unknown): Promise<JsonObject> {
  const asker = lane.current;
  if (!asker) throw new AipError('UNSUPPORTED_OPERATION', 'Nobody has called this server, so nobody can be asked.');
  if (++asker.asks > MAX_ASKS) throw new AipError('RATE_LIMITED', `One call may ask ${MAX_ASKS} times.`);
  const ask: Ask = {
    id: uuidv7(),
    of: 'caller',
    kind,
    body: isJsonObject(params) ? params : {},
    expires: Date.now() + ANSWER_WITHIN,
  };
  const answer = asker.call.answer(ask.id);
  asker.channel.push({ type: 'asked', ask });
  const value = valueOf(await within(answer, ANSWER_WITHIN));
  return isJsonObject(value) ? value : {};
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(new AipError('CANCELED', 'The call was canceled while it waited for its turn.'));
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AipError('TIMEOUT', 'Nobody has answered in time.')), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
