import { AipError } from '@aip/wire';
import { data } from '../../../kernel/body.ts';
import { errorBody } from '../../../kernel/error-body.ts';
import type { RouteCall } from '../../../kernel/route.ts';
import type { RouteEvent } from '../../../kernel/task.ts';
import { capabilitiesOf, mayAsk, wantsLogs } from './capabilities.ts';
import type { Connection, ConnectOptions } from './connection.ts';
import { eventChannel, type EventChannel } from './event-channel.ts';
import { aipErrorIn, failureOf, isConnectionLoss, isLostSession } from './failures.ts';
import { createLanes, type Seat } from './lanes.ts';
import { handleLogs } from './logs.ts';
import type { Access } from './oauth/access.ts';
import { accountKey, accountOf, type Account } from './oauth/account.ts';
import { createOwnConnections } from './own-connections.ts';
import { perform, type Performed } from './perform.ts';
import { createQuestioner } from './questions.ts';
import type { RemoteTask } from './remote-task-dialect.ts';
import { followTask } from './remote-task.ts';

/** How long a person who is sent to log in may take, in milliseconds. */
const LOGIN_WITHIN = 10 * 60_000;
/** How long a connection that fails is kept for a task that has been made on it, in milliseconds. */
const PATIENCE = 5_000;

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
  async function tokensOf(account: Account): Promise<Pick<Partial<ConnectOptions>, 'fetch' | 'told'>> {
    return access && !access.service && (await access.has(account)) ? access.as(account) : {};
  }

  /** Ends with exactly one `done` or `failed`. */
  async function work(call: RouteCall, channel: EventChannel): Promise<RouteEvent> {
    const began = performance.now();
    try {
      if (call.handle !== undefined) return await follow(call.handle, call, channel);
      const performed = await attempt(call, channel).catch(async (error: unknown) => {
        // A server that has forgotten the session has done nothing.
        if (!isLostSession(error) && !(await loggedIn(call, channel, error))) throw error;
        return attempt(call, channel);
      });
      if ('task' in performed) return await follow(performed.task, call, channel, performed.seat);
      onDone(performance.now() - began);
      return { type: 'done', body: performed.body };
    } catch (thrown) {
      const possible = call.entry.effect === 'read' ? 'none' : 'unknown';
      if (thrown instanceof AipError) return { type: 'failed', error: thrown.toJSON(), effect: 'none' };
      if (call.signal.aborted)
        return { type: 'failed', error: errorBody('CANCELED', `The call to ${name} was canceled.`), effect: possible };
      return { type: 'failed', ...failureOf(name, thrown, possible) };
    }
  }

  /** The task that the server has made of the call, each time on the connection that is its caller's then. */
  async function follow(taskId: string, call: RouteCall, channel: EventChannel, first?: Seat): Promise<RouteEvent> {
    let seat = first && heldWhileIn(Promise.resolve(first));

    /** On the lane of a caller who can be asked; anew when that has gone. */
    async function seated(isOwn: boolean): Promise<Seat | undefined> {
      // Only to say that it is given up, any connection will do.
      if (seat || call.signal.aborted) return seat;
      return (seat = heldWhileIn(
        needsLane(call, isOwn).then((does) => (does ? lanes.seat(taskId, call, channel) : undefined)),
      ));
    }

    function heldWhileIn(taken: Promise<Seat | undefined>): Promise<Seat | undefined> {
      const leave = (): void => void (seat === taken && (seat = undefined));
      taken.then((found) => {
        // Without one, because none was free or none is needed, it is asked for again.
        if (!found) return leave();
        void found.connection.lost.then(() => {
          leave();
          found.end();
        });
      }, leave);
      return taken;
    }

    let reached = performance.now();

    /** Servers may keep a task to its session: that is given up when it has gone, or cannot be reached for some time. */
    const patient = <T>(ask: (connection: Connection) => Promise<T>) =>
      async function (connection: Connection): Promise<() => T> {
        try {
          const answer = await ask(connection);
          reached = performance.now();
          return () => answer;
        } catch (error) {
          if (isLostSession(error) || performance.now() - reached > PATIENCE) throw error;
          return () => {
            throw error;
          };
        }
      };

    const use: RemoteTask['use'] = async (ask) => {
      const isOwn = await isOwnAt(call);
      const found = await seated(isOwn);
      if (found) return (await onLane(found.connection, patient(ask)))();
      if (isOwn) return (await own.use(accountOf(call.message.from), patient(ask)))();
      return (await onShared(call, patient(ask)))();
    };
    try {
      return await followTask({ taskId, call, channel, use });
    } finally {
      void seat?.then((found) => found?.end()).catch(() => {});
    }
  }

  const isOwnAt = async ({ message }: RouteCall): Promise<boolean> =>
    access !== undefined && !access.service && (await access.has(accountOf(message.from)));

  async function attempt(call: RouteCall, channel: EventChannel): Promise<Performed & { readonly seat?: Seat }> {
    const account = accountOf(call.message.from);
    const isOwn = await isOwnAt(call);
    const turn = (await needsLane(call, isOwn)) ? await lanes.take(call, channel) : undefined;
    const ask = (connection: Connection): Promise<Performed> => perform(connection, call, channel);
    if (!turn) return isOwn ? own.use(account, ask) : onShared(call, ask);
    try {
      const performed = await onLane(turn.connection, ask);
      return 'task' in performed ? { ...performed, seat: turn.stay(performed.task) } : performed;
    } finally {
      turn.end();
    }
  }

  async function onLane<T>(connection: Connection, ask: (connection: Connection) => Promise<T>): Promise<T> {
    try {
      return await ask(connection);
    } catch (error) {
      if (isConnectionLoss(error)) connection.lose();
      throw error;
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
