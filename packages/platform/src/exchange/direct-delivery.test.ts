import { claim } from '@aip/conformance';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { data, text } from '../kernel/body.ts';
import type { EntryDraft } from '../kernel/entry.ts';
import { errorBody } from '../kernel/error-body.ts';
import { PASS } from '../kernel/guard.ts';
import { operation } from '../kernel/operation.ts';
import { DEFAULT_TENANT } from '../kernel/principal.ts';
import type { Session } from '../kernel/session.ts';
import { until } from '../kernel/testing.ts';
import type { Exchange } from './exchange.ts';
import { expel } from './expulsion.ts';
import { oneShot } from './sessions.ts';
import { createTestExchange } from './testing.ts';

let exchange: Exchange;
let dispose: () => PromiseLike<void>;
let stopped: boolean;
/** The signals that targets were given. */
let given: AbortSignal[];
let finish: () => void;

beforeEach(async () => {
  stopped = false;
  given = [];
  const finished = Promise.withResolvers<void>();
  finish = finished.resolve;
  /** Goes on whatever its signal says, as a careless target does. */
  const work = (signal: AbortSignal): Promise<void> => {
    given.push(signal);
    return finished.promise;
  };
  const made = await createTestExchange({
    operations: [
      operation({
        name: 'test.read',
        summary: 'Takes long.',
        effect: 'read',
        plane: 'data',
        input: z.object({}),
        output: z.object({ secret: z.number() }),
        async handler({ signal }) {
          await work(signal);
          return { output: { secret: 1 } };
        },
      }),
    ],
    slots: {
      gate: {
        name: 'gate',
        admit: () => (stopped ? { verdict: 'deny', error: errorBody('PAUSED', 'Stopped.') } : PASS),
      },
    },
  });
  ({ exchange } = made);
  dispose = () => made[Symbol.asyncDispose]();
  exchange.catalogue.put('scout', [
    {
      address: 'agent:scout',
      kind: 'agent',
      name: 'scout',
      owner: 'scout',
      ownerName: 'scout',
      description: '',
      effect: 'external',
      idempotent: false,
      price: 0,
      state: 'active',
    },
  ]);
  exchange.routes.bind('scout', {
    reach: 'remote',
    async *deliver({ signal }) {
      await work(signal);
      yield { type: 'done', body: text('late') };
    },
  });
});
afterEach(() => {
  finish();
  return dispose();
});

const alice = (): Session =>
  oneShot({ principal: exchange.authenticate({ kind: 'bearer', token: 'alice' }), edge: 'http' }, Date.now());
const read = (caller?: AbortSignal): Promise<unknown> => exchange.operate(alice(), 'test.read', {}, caller);
const signal = (caller?: AbortSignal): Promise<() => boolean> =>
  exchange.signal(alice(), { to: 'agent:scout', action: 'signal', body: data({}) }, caller);

const kinds = (): EntryDraft['kind'][] =>
  exchange.journal.read.entries(DEFAULT_TENANT, { from: 0, limit: 10 }).map(({ kind }) => kind);

/** How it ended for its sender. */
async function told(outcome: Promise<unknown>): Promise<string> {
  try {
    await outcome;
    return 'all of it';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe.each([
  ['an own read', read],
  ['a signal', signal],
])('%s that is under way', (_, start) => {
  test(`is ended by a kill in its scope, however its target takes it ${claim('G-KILL.stop')}`, async () => {
    const outcome = told(start());
    await until(() => given.length === 1);
    expect(exchange.cancelAll(({ scopes }) => scopes.includes('agent:service:bob'), 'kill')).toBe(0);
    expect(given[0]?.aborted).toBe(false);
    exchange.cancelAll(({ scopes }) => scopes.includes('agent:service:alice'), 'kill');
    expect(await outcome).toBe('KILLED');
    expect(given[0]?.reason).toBe('kill');
    finish();
    await exchange.drain(1_000);
    expect(kinds()).not.toContain('read');
  });

  test('is ended when its sender may no longer be here', async () => {
    const outcome = told(start());
    await until(() => given.length === 1);
    expel(exchange, { who: ({ name }) => name === 'alice', code: 'UNAUTHENTICATED', reason: 'revoked' });
    expect(await outcome).toBe('CANCELED');
    expect(given[0]?.reason).toBe('revoked');
  });

  test('is ended when its caller goes away, or has gone already', async () => {
    const leaving = new AbortController();
    const outcome = told(start(leaving.signal));
    await until(() => given.length === 1);
    leaving.abort();
    expect(await outcome).toBe('CANCELED');
    expect(given[0]?.reason).toBe('disconnect');
    expect(await told(start(leaving.signal))).toBe('CANCELED');
    expect(given.every(({ aborted }) => aborted)).toBe(true);
  });

  test('is waited for when the platform shuts down, but not for ever', async () => {
    const first = told(start());
    await until(() => given.length === 1);
    const drained = exchange.drain(5_000);
    finish();
    await drained;
    expect(await first).toBe('all of it');
    expect(await told(start())).toBe('SHUTTING_DOWN');
  });

  test('is ended when it keeps a platform from shutting down', async () => {
    const outcome = told(start());
    await until(() => given.length === 1);
    await exchange.drain(10);
    expect(await outcome).toBe('SHUTTING_DOWN');
    expect(given[0]?.reason).toBe('shutdown');
  });
});

test(`an answer that a kill still reaches on its way out does not get out ${claim('G-KILL.stop')}`, async () => {
  finish();
  const outcomes = new Set<string>();
  for (let steps = 0; steps < 20; steps++) {
    const killSoon = (left: number): void => {
      if (left === 0) exchange.cancelAll(() => true, 'kill');
      else queueMicrotask(() => killSoon(left - 1));
    };
    const unfollow = exchange.journal.follow(['read'], () => killSoon(steps));
    const outcome = await told(read());
    unfollow();
    expect(outcome).toBe(given.at(-1)?.aborted ? 'KILLED' : 'all of it');
    outcomes.add(outcome);
  }
  expect(outcomes).toEqual(new Set(['KILLED', 'all of it']));
});

test('a signal that is killed while it is put on record does not reach its target', async () => {
  const unfollow = exchange.journal.follow(['signal'], () => exchange.cancelAll(() => true, 'kill'));
  expect(await told(signal())).toBe('KILLED');
  unfollow();
  expect(given).toEqual([]);
});

test('what a signal has begun stands for as long as nothing in its scope is stopped', async () => {
  finish();
  const stands = await signal();
  expect(stands()).toBe(true);
  stopped = true;
  expect(stands()).toBe(false);
  stopped = false;
  expect(stands()).toBe(true);
});
