import { describe, expect, test, vi } from 'vitest';
import { text } from '../kernel/body.ts';
import type { Route } from '../kernel/route.ts';
import { agent, withAgents, as, invoke } from './agents.testing.ts';
import { outcomeOf } from './outcome.ts';
import { createTestExchange } from './testing.ts';

describe('a deadline', () => {
  test('is one of the clock that the exchange was given', async () => {
    const ahead = 3_600_000;
    const clock = { now: () => Date.now() + ahead, monotonic: () => performance.now() };
    await using made = await createTestExchange({ clock });
    const { exchange } = made;
    exchange.catalogue.put('scout', [agent('scout')]);
    exchange.routes.bind('scout', {
      reach: 'local',
      async *deliver({ signal }) {
        yield { type: 'working' };
        if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    const call = await exchange.send(as(exchange, 'alice'), invoke('scout', { deadline: clock.now() + 50 }));
    expect(await call.ended).toMatchObject({ type: 'canceled', reason: 'deadline' });
  });

  test('that has passed is refused before anything happens', async () => {
    const deliver = vi.fn<Route['deliver']>();
    const exchange = await withAgents({ scout: deliver });
    await expect(
      exchange.send(as(exchange, 'alice'), invoke('scout', { deadline: Date.now() - 1 })),
    ).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(deliver).not.toHaveBeenCalled();
  });

  test('that passes cancels the route and is the reason of the end', async () => {
    const exchange = await withAgents({
      async *scout({ signal }) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    const call = await exchange.send(as(exchange, 'alice'), invoke('scout', { deadline: Date.now() + 50 }));
    const end = await call.ended;
    expect(end).toMatchObject({ type: 'canceled', reason: 'deadline', effect: 'unknown' });
    expect(outcomeOf(end)).toMatchObject({ ok: false, error: { code: 'DEADLINE_EXCEEDED' } });
  });

  test('a month away does not pass at once', async () => {
    const exchange = await withAgents({
      async *scout() {
        await new Promise((resolve) => setTimeout(resolve, 30));
        yield { type: 'done', body: text('in time') };
      },
    });
    const call = await exchange.send(
      as(exchange, 'alice'),
      invoke('scout', { deadline: Date.now() + 40 * 86_400_000 }),
    );
    expect(await call.ended).toMatchObject({ type: 'done' });
  });
});

describe('a cancellation', () => {
  test('gives the route time to say what it has done', async () => {
    const exchange = await withAgents({
      async *scout({ signal }) {
        yield { type: 'working' };
        if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
        await new Promise((resolve) => setTimeout(resolve, 50));
        yield {
          type: 'failed',
          error: { code: 'CANCELED', message: 'Rolled back.', retryable: false },
          effect: 'none',
        };
      },
    });
    const call = await exchange.send(as(exchange, 'alice'), invoke('scout'));
    call.cancel('caller');
    call.cancel('disconnect');
    expect(await call.ended).toMatchObject({ type: 'canceled', reason: 'caller', effect: 'none' });
    expect(exchange.cancel(call.taskId, 'caller')).toBe(false);
  });

  test('that comes too late leaves the result to the caller', async () => {
    const exchange = await withAgents({
      async *scout({ signal }) {
        if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
        yield { type: 'done', body: text('was done already') };
      },
    });
    const call = await exchange.send(as(exchange, 'alice'), invoke('scout'));
    call.cancel('caller');
    expect(await call.ended).toMatchObject({ type: 'done', body: text('was done already') });
  });

  test('is overruled by a kill: then nothing leaves any more', async () => {
    const finish = Promise.withResolvers<void>();
    const exchange = await withAgents({
      async *scout() {
        await finish.promise;
        yield { type: 'done', body: text('was done already') };
      },
    });
    const call = await exchange.send(as(exchange, 'alice'), invoke('scout'));
    call.cancel('caller');
    call.cancel('kill');
    call.cancel('disconnect');
    finish.resolve();
    expect(await call.ended).toMatchObject({ type: 'canceled', reason: 'kill', effect: 'applied' });
  });
});
