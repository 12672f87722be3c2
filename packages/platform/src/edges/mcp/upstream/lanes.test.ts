import type { JsonObject } from '@aip/wire';
import type { Client, ClientCapabilities } from '@modelcontextprotocol/client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RouteCall } from '../../../kernel/route.ts';
import type { Connection } from './connection.ts';
import { eventChannel } from './event-channel.ts';
import { createLanes, type Lanes, type Turn } from './lanes.ts';
import type { Account } from './oauth/account.ts';

type Handler = (request: { params?: unknown }) => Promise<unknown>;

/** A connection to nobody; the test is the server. */
interface Opened {
  readonly owner: string;
  readonly capabilities: ClientCapabilities;
  readonly connection: Connection;
  isClosed: boolean;
  /** Asks whoever has called. */
  ask(): Promise<unknown>;
}

let opened: Opened[] = [];
const live = (): string[] => opened.filter(({ isClosed }) => !isClosed).map(({ owner }) => owner);

/** Opens one of those, as `connect` would. */
async function connectWith(
  { owner }: Account,
  capabilities: ClientCapabilities,
  prepare: (client: Client) => void,
): Promise<Connection> {
  const handlers = new Map<string, Handler>();
  const client = {
    setRequestHandler: (method: string, handler: Handler) => handlers.set(method, handler),
    setNotificationHandler: () => {},
  } as unknown as Client;
  prepare(client);
  const { promise: lost, resolve: lose } = Promise.withResolvers<void>();
  const connection = {
    client,
    lost,
    lose,
    close: async () => {
      one.isClosed = true;
      lose();
    },
  } as Connection;
  const one: Opened = {
    owner,
    capabilities,
    connection,
    isClosed: false,
    ask: () => handlers.get('elicitation/create')!({ params: {} }),
  };
  opened.push(one);
  return connection;
}

/** A call of somebody whose client can be asked. */
function callOf(id: string, native: JsonObject = {}, signal = new AbortController().signal): RouteCall {
  const message = { from: { id, tenant: 'default' }, accepts: { elicitation: true }, native };
  return { message, signal, answer: () => new Promise(() => {}) } as unknown as RouteCall;
}
const ableTo = (what: string): JsonObject => ({ capabilities: { elicitation: {}, experimental: { [what]: {} } } });

let lanes: Lanes;
beforeEach(() => {
  vi.useFakeTimers();
  opened = [];
  lanes = createLanes(connectWith);
});
afterEach(async () => {
  vi.useRealTimers();
  await lanes.close();
});

async function take(id: string, native?: JsonObject): Promise<Turn> {
  const turn = await lanes.take(callOf(id, native), eventChannel());
  expect(turn).toBeDefined();
  return turn!;
}

/** The call waits for a person from now on. */
async function takeAndAsk(id: string): Promise<Turn> {
  const turn = await take(id);
  void opened.find(({ connection }) => connection === turn.connection)!.ask();
  return turn;
}

const users = Array.from({ length: 16 }, (_, n) => `user ${n}`);
const limited = (message: RegExp) =>
  expect.objectContaining({ code: 'RATE_LIMITED', message: expect.stringMatching(message) });

describe('the lanes of a server', () => {
  it('are one for each caller and what it can be asked, with one call at a time', async () => {
    const first = await take('alice');
    let isOn = false;
    const second = take('alice').finally(() => (isOn = true));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(isOn).toBe(false);
    first.end();
    expect((await second).connection).toBe(first.connection);
    expect((await take('alice', ableTo('more'))).connection).not.toBe(first.connection);
    expect((await take('bob')).connection).not.toBe(first.connection);
    expect(live()).toEqual(['alice', 'alice', 'bob']);
  });

  it('are not all one caller’s whose calls wait for people', async () => {
    for (let n = 0; n < 4; n++) await takeAndAsk('alice');
    await expect(take('alice')).rejects.toEqual(limited(/4 connections/));
    for (const user of users.slice(0, 12)) await take(user);
    expect(live()).toHaveLength(16);
  });

  it('are not all one caller’s with ever other capabilities: its unused ones make way', async () => {
    for (let n = 0; n < 8; n++) (await take('alice', ableTo(`${n}`))).end();
    expect(live()).toHaveLength(4);
    // The latest stay.
    expect(opened.slice(0, 4).every(({ isClosed }) => isClosed)).toBe(true);
  });

  it('make way, unused, for somebody who needs one: the longest unused first', async () => {
    const turns = await Promise.all(users.map((user) => take(user)));
    turns[3]!.end();
    await vi.advanceTimersByTimeAsync(10);
    turns[1]!.end();
    await take('bob');
    expect(opened.filter(({ isClosed }) => isClosed).map(({ owner }) => owner)).toEqual(['user 3']);
    await take('carol');
    expect(opened.filter(({ isClosed }) => isClosed).map(({ owner }) => owner)).toEqual(['user 1', 'user 3']);
  });

  it('are waited for when all are used, by each in turn, and not for ever', async () => {
    const turns = await Promise.all(users.map((user) => take(user)));
    const [bob, carol, dave] = ['bob', 'carol', 'dave'].map((who) => take(who));
    const refused = expect(dave).rejects.toEqual(limited(/16 connections .* in use/));
    await vi.advanceTimersByTimeAsync(5_000);
    turns[0]!.end();
    expect((await bob)!.connection).toBe(opened.at(-1)!.connection);
    expect(live()).not.toContain('user 0');
    turns[1]!.end();
    (await carol)!.end();
    // Carol's is unused now, and dave has it.
    await expect(dave).resolves.toBeDefined();
    await refused.catch(() => {});
    const erin = expect(take('erin')).rejects.toEqual(limited(/16 connections .* in use/));
    await vi.advanceTimersByTimeAsync(10_000);
    await erin;
    // Whoever gave up waits no longer.
    turns[2]!.end();
    await vi.advanceTimersByTimeAsync(10);
    expect(live()).not.toContain('erin');
  });

  it('that are wanted for log messages only are not waited for', async () => {
    await Promise.all(users.map((user) => take(user)));
    const call = callOf('bob', { logLevel: 'info' });
    expect(await lanes.take({ ...call, message: { ...call.message, accepts: {} } }, eventChannel())).toBeUndefined();
  });

  it('have room again for a connection that was lost, or could not be opened', async () => {
    await Promise.all(users.map((user) => take(user)));
    const bob = take('bob');
    opened[0]!.connection.lose();
    await expect(bob).resolves.toBeDefined();
    await lanes.close();

    let fails = true;
    lanes = createLanes((...how) => (fails ? Promise.reject(new Error('no')) : connectWith(...how)));
    for (let n = 0; n < 20; n++) await expect(take(`user ${n}`)).rejects.toThrow('no');
    fails = false;
    await take('bob');
  });
});

describe('a lane', () => {
  it('is closed when it has not been used for long, also when the last who waited for it has left', async () => {
    const turn = await take('alice');
    const leaving = new AbortController();
    const left = expect(lanes.take(callOf('alice', {}, leaving.signal), eventChannel())).rejects.toMatchObject({
      code: 'CANCELED',
    });
    await vi.advanceTimersByTimeAsync(0);
    turn.end();
    leaving.abort();
    await left;
    expect(live()).toEqual(['alice']);
    await vi.advanceTimersByTimeAsync(5 * 60_000);
    expect(live()).toEqual([]);
  });

  it('that is forgotten is closed with the end of its call; who waits for it gets a new one', async () => {
    const turn = await take('alice');
    const waiting = take('alice');
    await vi.advanceTimersByTimeAsync(0);
    lanes.forget({ tenant: 'default', owner: 'alice' });
    expect(live()).toEqual(['alice']);
    turn.end();
    expect((await waiting).connection).not.toBe(turn.connection);
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  });

  it('that is forgotten while nobody uses it is closed at once', async () => {
    (await take('alice')).end();
    (await take('bob')).end();
    lanes.forget({ tenant: 'default', owner: 'alice' });
    await vi.advanceTimersByTimeAsync(0);
    expect(live()).toEqual(['bob']);
  });

  it('that is forgotten while it is used is closed with all others', async () => {
    await take('alice');
    lanes.forget({ tenant: 'default', owner: 'alice' });
    await take('alice');
    expect(live()).toHaveLength(2);
    await lanes.close();
    expect(live()).toEqual([]);
  });

  it('stays open for a task, and is left to it when it is needed for calls', async () => {
    const turn = await take('alice');
    const seat = turn.stay('task');
    turn.end();
    await vi.advanceTimersByTimeAsync(5 * 60_000);
    for (const user of users.slice(1)) await take(user);
    const bob = expect(take('bob')).rejects.toEqual(limited(/16 connections .* in use/));
    expect(await lanes.seat('another', callOf('carol'), eventChannel())).toBeUndefined();
    await vi.advanceTimersByTimeAsync(10_000);
    await bob;
    expect(live()).toContain('alice');
    seat.end();
    expect(await lanes.seat('another', callOf('carol'), eventChannel())).toBeDefined();
    expect(live()).not.toContain('alice');
  });

  it('that is forgotten is closed though a task has a seat on it, which finds itself another', async () => {
    const turn = await take('alice');
    const seat = turn.stay('task');
    lanes.forget({ tenant: 'default', owner: 'alice' });
    expect(live()).toEqual(['alice']);
    turn.end();
    await seat.connection.lost;
    seat.end();
    expect((await lanes.seat('task', callOf('alice'), eventChannel()))?.connection).not.toBe(seat.connection);
  });

  it('that is waited for when all end is waited for no longer', async () => {
    await Promise.all(users.map((user) => take(user)));
    const bob = expect(take('bob')).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
    await lanes.close();
    await bob;
    expect(live()).toEqual([]);
  });
});
