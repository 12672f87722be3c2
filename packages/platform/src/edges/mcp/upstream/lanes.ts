import { AipError, type JsonObject } from '@aip/wire';
import type { Client, ClientCapabilities } from '@modelcontextprotocol/client';
import type { AskKind } from '../../../kernel/ask.ts';
import type { Message } from '../../../kernel/message.ts';
import type { RouteCall } from '../../../kernel/route.ts';
import { capabilitiesOf } from './capabilities.ts';
import type { Connection } from './connection.ts';
import type { EventChannel } from './event-channel.ts';
import { handleLogs } from './logs.ts';
import { accountKey, accountOf, type Account } from './oauth/account.ts';
import { createQuestioner, type Questioner } from './questions.ts';

/**
 * Older servers do not say which call a question of theirs belongs to, nor, over stdio, a log message. So whoever can
 * answer the one, or wants to hear the other, gets a connection of its own, with one call on it at a time: nobody is ever
 * asked, or told, of another's call.
 */
export interface Lanes {
  /** Waits for its turn on the caller's lane; undefined when no further lane can be opened. */
  take(call: RouteCall, channel: EventChannel): Promise<Turn | undefined>;
  /** Closes the lanes of one account: its tokens have changed. */
  forget(account: Account): void;
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

interface Lane {
  readonly account: Account;
  connection: Promise<Connection>;
  /** The call whose questions these are. */
  current?: { readonly channel: EventChannel; readonly questioner: Questioner };
  last: Promise<void>;
  waiting: number;
  /** Questions of its call that are not answered yet. */
  asking: number;
  idle?: NodeJS.Timeout;
}

export const mayAsk = ({ accepts }: Message): boolean =>
  accepts.sampling === true || accepts.elicitation === true || accepts.roots === true;

/** Whether the caller has said that it wants to hear log messages. */
export const wantsLogs = ({ native }: Message): boolean => typeof native?.['logLevel'] === 'string';

export function createLanes(
  connectWith: (
    account: Account,
    capabilities: ClientCapabilities,
    prepare: (client: Client) => void,
  ) => Promise<Connection>,
): Lanes {
  const lanes = new Map<string, Lane>();

  function laneOf(message: Message): Lane | undefined {
    const account = accountOf(message.from);
    for (let n = 0; n < MAX_LANES; n++) {
      const key = JSON.stringify([accountKey(account), capabilitiesOf(message), n]);
      const known = lanes.get(key);
      // A lane whose call waits for a person, who may never answer, is not waited for.
      if (known && known.asking > 0) continue;
      if (known) return known;
      if (lanes.size >= MAX_LANES) return undefined;
      const connection = open(key, message, () => lane);
      const lane: Lane = { account, connection, last: Promise.resolve(), waiting: 0, asking: 0 };
      lanes.set(key, lane);
      return lane;
    }
    return undefined;
  }

  async function open(key: string, message: Message, lane: () => Lane): Promise<Connection> {
    const capabilities = capabilitiesOf(message);
    const gone = (): void => void (lanes.get(key) === lane() && lanes.delete(key));
    const ask = (kind: AskKind) => async (request: { params?: unknown }) =>
      (await put(lane(), kind, request.params)) as never;
    try {
      const connection = await connectWith(accountOf(message.from), capabilities, (client) => {
        if (capabilities.sampling) client.setRequestHandler('sampling/createMessage', ask('sampling'));
        if (capabilities.elicitation) client.setRequestHandler('elicitation/create', ask('elicitation'));
        if (capabilities.roots) client.setRequestHandler('roots/list', ask('roots'));
        handleLogs(client, () => lane().current?.channel);
      });
      void connection.lost.then(() => {
        gone();
        return connection.close();
      });
      return connection;
    } catch (error) {
      gone();
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
        lane.current = { channel, questioner: createQuestioner(call, channel) };
        return { connection, end: () => release(lane, end) };
      } catch (error) {
        // The calls behind it still wait for those before it.
        lane.waiting--;
        void turn.then(end);
        throw error;
      }
    },
    forget(account) {
      for (const [key, lane] of lanes) {
        if (accountKey(lane.account) !== accountKey(account)) continue;
        lanes.delete(key);
        if (lane.waiting === 0) closeIdle(lane);
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
  if (lane.waiting === 0) lane.idle = setTimeout(closeIdle, IDLE, lane).unref();
  end();
}

function closeIdle({ connection, idle }: Lane): void {
  clearTimeout(idle);
  void connection.then(
    (opened) => opened.close(),
    () => {},
  );
}

/** Puts a question to the caller of the call that is on the lane, and waits for the answer. */
async function put(lane: Lane, kind: AskKind, params: unknown): Promise<JsonObject> {
  const { current } = lane;
  if (!current) throw new AipError('UNSUPPORTED_OPERATION', 'Nobody has called this server, so nobody can be asked.');
  lane.asking++;
  try {
    const [answer = {}] = await current.questioner.ask([{ kind, params }]);
    return answer;
  } finally {
    lane.asking--;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(new AipError('CANCELED', 'The call was canceled while it waited for its turn.'));
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}
