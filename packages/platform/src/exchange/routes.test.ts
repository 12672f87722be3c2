import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Route } from '../kernel/route.ts';
import { createRoutes } from './routes.ts';

const route = (): Route => ({ reach: 'local', async *deliver() {} });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a later way to an owner replaces the earlier one, which cannot take it away any more', () => {
  const routes = createRoutes();
  const [first, second] = [route(), route()];
  const unbindFirst = routes.bind('scout', first);
  const unbindSecond = routes.bind('scout', second);
  unbindFirst();
  expect(routes.get('scout')).toBe(second);
  unbindSecond();
  expect(routes.get('scout')).toBeUndefined();
});

test('whoever waits for an owner is woken when it comes, all of them, or told that it did not', async () => {
  const routes = createRoutes();
  const waiting = [
    routes.whenBound('scout', 1_000),
    routes.whenBound('scout', 5_000),
    routes.whenBound('other', 1_000),
  ];
  vi.advanceTimersByTime(1_001);
  expect(await waiting[0]).toBeUndefined();
  expect(await waiting[2]).toBeUndefined();
  const back = route();
  routes.bind('scout', back);
  expect(await waiting[1]).toBe(back);
  expect(await routes.whenBound('scout', 1_000)).toBe(back);
  expect(vi.getTimerCount()).toBe(0);
});

test('who has just been let in is waited for until it comes, and not for long', async () => {
  const routes = createRoutes();
  expect(routes.arriving('scout')).toBeUndefined();
  routes.arrives('scout');
  routes.arrives('nobody');
  const [scout, nobody] = [routes.arriving('scout'), routes.arriving('nobody')];
  routes.bind('scout', route());
  await scout;
  expect(routes.arriving('scout')).toBeUndefined();
  expect(routes.awaitsArrivals).toBe(true);
  vi.advanceTimersByTime(8_001);
  await nobody;
  expect(routes.awaitsArrivals).toBe(false);
  expect(vi.getTimerCount()).toBe(0);
});

test('what an owner offers is waited for until it is known, and not for long', async () => {
  const routes = createRoutes();
  const first = Promise.withResolvers<void>();
  expect(routes.expected()).toBeUndefined();
  routes.expect('prompt', first.promise);
  routes.expect('slow', new Promise(() => {}));
  expect(routes.expected('other')).toBeUndefined();
  let all = false;
  void routes.expected()?.then(() => (all = true));

  const prompt = routes.expected('prompt');
  first.resolve();
  await prompt;
  await vi.advanceTimersByTimeAsync(0);
  expect(routes.expected('prompt')).toBeUndefined();
  await vi.advanceTimersByTimeAsync(4_990);
  expect(all).toBe(false);
  expect(routes.expected('slow')).toBeDefined();
  await vi.advanceTimersByTimeAsync(10);
  expect(all).toBe(true);
  expect(routes.expected()).toBeUndefined();
  expect(vi.getTimerCount()).toBe(0);
});
