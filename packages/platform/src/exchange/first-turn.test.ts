import { claim } from '@aip/conformance';
import { AipError } from '@aip/wire';
import { describe, expect, test } from 'vitest';
import { data, text } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { Decider } from '../kernel/entry.ts';
import { errorBody } from '../kernel/error-body.ts';
import type { Route } from '../kernel/route.ts';
import type { RouteEvent } from '../kernel/task.ts';
import { firstTurn } from './first-turn.ts';
import type { Call } from './live-task.ts';
import { oneShot } from './sessions.ts';
import { createTestExchange, trusting, type TestExchangeOptions } from './testing.ts';

const output = (value: string): RouteEvent => ({ type: 'output', artifactId: 'a', append: true, body: text(value) });
const done: RouteEvent = { type: 'done', body: text('all') };

const entry: CatalogueEntry = {
  address: 'tool:local/look',
  kind: 'tool',
  name: 'look',
  owner: 'local',
  ownerName: 'local',
  description: '',
  effect: 'read',
  idempotent: false,
  price: 0,
  state: 'active',
};

async function openWith(deliver: Route['deliver'], options: TestExchangeOptions & { effect?: 'write' } = {}) {
  const opened = await createTestExchange(options);
  const { exchange } = opened;
  exchange.catalogue.put('local', [{ ...entry, ...(options.effect ? { effect: options.effect } : {}) }]);
  exchange.routes.bind('local', { reach: 'local', deliver });
  const session = oneShot({ principal: trusting({ kind: 'bearer', token: 'caller' }), edge: 'http' }, 0);
  const commits: string[][] = [];
  const { commit } = exchange.journal;
  Object.assign(exchange.journal, {
    commit(group: Parameters<typeof commit>[0]) {
      commits.push(group.entries.map(({ kind }) => kind));
      return commit(group);
    },
  });
  return {
    ...opened,
    commits,
    send: () => exchange.send(session, { to: entry.address, action: 'call', body: data({}) }),
  };
}

describe(`a read in this process ${claim('O-EXEC.own-reads')}`, () => {
  test('that answers at once is one step of the log, with everything it has said', async () => {
    await using opened = await openWith(async function* () {
      yield { type: 'working' };
      yield output('a');
      yield done;
    });
    const call = await opened.send();
    expect(opened.commits).toEqual([['accept', 'event', 'event', 'settle']]);
    const events = await Array.fromAsync(call.events());
    expect(events.map(({ n, type, state }) => [n, type, state])).toEqual([
      [1, 'submitted', 'submitted'],
      [2, 'working', 'working'],
      [3, 'output', 'working'],
      [4, 'done', 'completed'],
    ]);
    expect(events.every(({ at }) => at > 0)).toBe(true);
    const again = opened.exchange.call('default', call.taskId) as Call;
    expect((await Array.fromAsync(again.events(2))).map(({ n }) => n)).toEqual([3, 4]);
    expect(opened.exchange.live.size).toBe(0);
  });

  test('that takes longer is accepted first, and loses nothing it has said', async () => {
    await using opened = await openWith(async function* () {
      yield output('a');
      await new Promise((resolve) => setTimeout(resolve, 5));
      yield done;
    });
    const call = await opened.send();
    expect(opened.commits[0]).toEqual(['accept']);
    expect((await Array.fromAsync(call.events())).map(({ type }) => type)).toEqual(['submitted', 'output', 'done']);
  });

  test('that never stops talking is a stream like any other', async () => {
    await using opened = await openWith(async function* () {
      for (let n = 0; n < 500; n++) yield { type: 'progress', progress: n };
      yield done;
    });
    const call = await opened.send();
    expect(opened.commits[0]).toEqual(['accept']);
    expect(await Array.fromAsync(call.events())).toHaveLength(502);
  });

  test('that breaks has failed, and changed nothing', async () => {
    await using opened = await openWith(async function* () {
      yield { type: 'working' };
      throw new AipError('NOT_FOUND', 'It is not there.');
    });
    const end = await (await opened.send()).ended;
    expect(end).toMatchObject({ state: 'failed', effect: 'none', error: { code: 'NOT_FOUND' }, n: 3 });
  });

  test('whose step the commit refuses answers nobody', async () => {
    const stopped: Decider = {
      name: 'stopped',
      kinds: ['accept'],
      keys: () => [],
      decide: () => ({ refuse: errorBody('KILLED', 'Stopped.') }),
    };
    await using opened = await openWith(
      async function* () {
        yield done;
      },
      { deciders: [stopped] },
    );
    await expect(opened.send()).rejects.toMatchObject({ code: 'KILLED' });
    expect(opened.commits).toEqual([['accept', 'settle'], ['deny']]);
    expect(opened.exchange.live.size).toBe(0);
  });
});

test(`what changes something is accepted, durably, before it starts ${claim('O-EXEC.own-reads')}`, async () => {
  const seen: string[][] = [];
  const commits: string[][] = [];
  await using opened = await openWith(
    async function* () {
      seen.push(...structuredClone(commits));
      yield done;
    },
    { effect: 'write' },
  );
  const { commit } = opened.exchange.journal;
  Object.assign(opened.exchange.journal, {
    async commit(group: Parameters<typeof commit>[0]) {
      const verdict = await commit(group);
      commits.push(group.entries.map(({ kind }) => kind));
      return verdict;
    },
  });
  await (
    await opened.send()
  ).ended;
  expect(seen).toEqual([['accept']]);
});

test('the first turn leaves a delivery that goes on whole, and closes one that has ended', async () => {
  let closed = 0;
  async function* delivery(end: boolean): AsyncIterable<RouteEvent> {
    try {
      yield output('a');
      if (!end) await new Promise((resolve) => setTimeout(resolve, 5));
      yield done;
    } finally {
      closed++;
    }
  }
  expect(await firstTurn(delivery(true))).toMatchObject({ ended: true, events: [output('a'), done] });
  expect(closed).toBe(1);
  const going = await firstTurn(delivery(false));
  expect(going).toMatchObject({ ended: false, events: [output('a')] });
  expect(await Array.fromAsync(going.all())).toEqual([output('a'), done]);
  expect(closed).toBe(2);
});
