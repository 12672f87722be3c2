import { AipError } from '@aip/wire';
import { data, type Body } from '../../../kernel/body.ts';
import { errorBody } from '../../../kernel/error-body.ts';
import type { RouteCall } from '../../../kernel/route.ts';
import type { RouteEvent } from '../../../kernel/task.ts';
import { capabilitiesOf } from './capabilities.ts';
import type { Connection, ConnectOptions } from './connection.ts';
import { eventChannel, type EventChannel } from './event-channel.ts';
import { aipErrorIn, failureOf, isConnectionLoss, isLostSession } from './failures.ts';
import { createLanes, mayAsk, wantsLogs } from './lanes.ts';
import { handleLogs } from './logs.ts';
import type { Access } from './oauth/access.ts';
import { accountKey, accountOf, type Account } from './oauth/account.ts';
import { createOwnConnections } from './own-connections.ts';
import { perform } from './perform.ts';
import { createQuestioner } from './questions.ts';
import { createdTaskIn, followTask } from './remote-task.ts';

/** How long a person who is sent to log in may take, in milliseconds. */
const LOGIN_WITHIN = 10 * 60_000;

/** The connection that callers share who have no tokens of their own at the server. */
export interface SharedConnection {
  /** Throws UPSTREAM_FAILED while the server is down, REAUTHORISE when nobody can use it without a login. */
  current(): Promise<Connection>;
  /** It is no longer good. */
  drop(connection: Connection): void;
  /** Resolves when there is another one, or when that takes too long. */
  next(): Promise<unknown>;
}

export interface DeliveryOptions {
  readonly name: string;
  readonly shared: SharedConnection;
  readonly open: (options: Partial<ConnectOptions>) => Promise<Connection>;
  /** For a server over HTTP. */
  readonly access: Access | undefined;
  /** Begins a login that a person has to finish; returns its URL. */
  readonly login: (account: Account) => Promise<string>;
  /** Told how long a call has taken, in milliseconds. */
  readonly onDone: (took: number) => void;
}

/** Calls of one server, each on the connection that is its caller's. */
export interface Delivery {
  readonly deliver: (call: RouteCall) => AsyncIterable<RouteEvent>;
  close(): Promise<void>;
}

export function createDelivery({ name, shared, open, access, login, onDone }: DeliveryOptions): Delivery {
  const lanes = createLanes(async (account, capabilities, prepare) =>
    open({ capabilities, prepare, ...(await tokensOf(account)) }),
  );
  const own = createOwnConnections(async (account) => open({ prepare: handleLogs, ...(await tokensOf(account)) }));
  const unfollow = access?.onChange((account) => {
    lanes.forget(account);
    own.forget(account);
  });

  /** Nobody's tokens but the account's own; nothing at all of how it came in here. */
  async function tokensOf(account: Account): Promise<Pick<Partial<ConnectOptions>, 'fetch'>> {
    return access && !access.service && (await access.has(account)) ? { fetch: access.as(account) } : {};
  }

  /** Ends with exactly one `done` or `failed`. */
  async function work(call: RouteCall, channel: EventChannel): Promise<RouteEvent> {
    const began = performance.now();
    try {
      if (call.handle !== undefined) return await follow(call.handle, call, channel);
      const body = await attempt(call, channel).catch(async (error: unknown) => {
        // A server that has forgotten the session has done nothing.
        if (!isLostSession(error) && !(await loggedIn(call, channel, error))) throw error;
        return attempt(call, channel);
      });
      onDone(performance.now() - began);
      return { type: 'done', body };
    } catch (thrown) {
      const task = createdTaskIn(thrown);
      if (task !== undefined) return follow(task, call, channel);
      const possible = call.entry.effect === 'read' ? 'none' : 'unknown';
      if (thrown instanceof AipError) return { type: 'failed', error: thrown.toJSON(), effect: 'none' };
      if (call.signal.aborted)
        return { type: 'failed', error: errorBody('CANCELED', `The call to ${name} was canceled.`), effect: possible };
      return { type: 'failed', ...failureOf(name, thrown, possible) };
    }
  }

  /** The task that the server has made of the call, each time on the connection that is its caller's then. */
  const follow = (taskId: string, call: RouteCall, channel: EventChannel): Promise<RouteEvent> =>
    followTask({
      taskId,
      call,
      channel,
      use: async (ask) =>
        (await isOwnAt(call))
          ? own.use(accountOf(call.message.from), ({ client }) => ask(client))
          : onShared(call, ({ client }) => ask(client)),
    });

  const isOwnAt = async ({ message }: RouteCall): Promise<boolean> =>
    access !== undefined && !access.service && (await access.has(accountOf(message.from)));

  async function attempt(call: RouteCall, channel: EventChannel): Promise<Body> {
    const account = accountOf(call.message.from);
    const isOwn = await isOwnAt(call);
    const turn = (await needsLane(call, isOwn)) ? await lanes.take(call, channel) : undefined;
    if (!turn && isOwn) return own.use(account, ({ client }) => perform(client, call, channel));
    if (!turn) return onShared(call, ({ client }) => perform(client, call, channel));
    try {
      return await perform(turn.connection.client, call, channel);
    } catch (error) {
      if (isConnectionLoss(error)) turn.connection.lose();
      throw error;
    } finally {
      turn.end();
    }
  }

  /** Since 2026-07-28 a question, or a log message, belongs to its request; before, only to its connection. */
  async function needsLane({ message, entry }: RouteCall, isOwn: boolean): Promise<boolean> {
    if (entry.kind !== 'tool' && entry.kind !== 'prompt') return false;
    // Over HTTP a log message comes with the answer to its call, whatever the era.
    const isProcess = access === undefined;
    if (!mayAsk(message) && !(isProcess && wantsLogs(message))) return false;
    const eraOf = ({ client }: Connection): string | undefined => client.getProtocolEra();
    const era = isOwn
      ? await own.use(accountOf(message.from), (connection) => Promise.resolve(eraOf(connection)))
      : eraOf(await shared.current());
    return era === 'legacy';
  }

  async function onShared<T>(call: RouteCall, ask: (connection: Connection) => Promise<T>): Promise<T> {
    const used = await shared.current();
    try {
      return await ask(used);
    } catch (error) {
      if (access && !call.signal.aborted && isConnectionLoss(error)) shared.drop(used);
      if (isLostSession(error)) await shared.next();
      throw error;
    }
  }

  /** A caller who can be shown a URL (MCP 2025-11-25, elicitation) logs in at once, and the call goes on after it. */
  async function loggedIn(call: RouteCall, channel: EventChannel, error: unknown): Promise<boolean> {
    const wanted = aipErrorIn(error);
    if (!access || wanted?.code !== 'REAUTHORISE' || !capabilitiesOf(call.message).elicitation?.url) return false;
    const account = accountOf(call.message.from);
    const done = Promise.withResolvers<boolean>();
    const stop = access.onChange((changed) => {
      if (accountKey(changed) === accountKey(account)) done.resolve(true);
    });
    const late = setTimeout(() => done.resolve(false), LOGIN_WITHIN).unref();
    const cancel = (): void => done.resolve(false);
    call.signal.addEventListener('abort', cancel, { once: true });
    try {
      const url = await login(account);
      const params = { mode: 'url', message: `${name} wants you to log in.`, url, elicitationId: call.message.id };
      const [answer] = await createQuestioner(call, channel).ask([{ kind: 'elicitation', params }]);
      return answer?.['action'] === 'accept' && (await done.promise);
    } catch {
      // A client without URLs, or nobody there: the error says what to do instead.
      return false;
    } finally {
      stop();
      clearTimeout(late);
      call.signal.removeEventListener('abort', cancel);
    }
  }

  return {
    async *deliver(call) {
      // That somebody subscribes has been decided and recorded by now; `watch` carries it out.
      if (call.message.kind === 'signal') return yield { type: 'done', body: data(null) };
      const channel = eventChannel();
      void work(call, channel).then((end) => channel.push(end));
      yield* channel.events();
    },
    async close() {
      unfollow?.();
      await Promise.all([lanes.close(), own.close()]);
    },
  };
}
