import { expect, onTestFinished, test } from 'vitest';
import { text } from '../kernel/body.ts';
import type { Route } from '../kernel/route.ts';
import { agent, as, invoke } from './agents.testing.ts';
import type { Exchange } from './exchange.ts';
import { createTestExchange } from './testing.ts';

const answering: Route = {
  reach: 'local',
  async *deliver() {
    yield { type: 'done', body: text('here') };
  },
};

/** An exchange that knows the agent scout, who has just been admitted and is about to come. */
async function expectingScout(): Promise<Exchange> {
  const made = await createTestExchange();
  onTestFinished(() => made[Symbol.asyncDispose]());
  made.exchange.catalogue.put('scout', [agent('scout')]);
  made.exchange.routes.arrives('scout');
  return made.exchange;
}

test('a call of an agent that is about to come waits for it, and not past its own deadline', async () => {
  const exchange = await expectingScout();
  const alice = as(exchange, 'alice');
  const waiting = exchange.send(alice, invoke('scout'));
  await expect(exchange.send(alice, invoke('scout', { deadline: Date.now() + 50 }))).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
  });
  expect(exchange.routes.awaitsArrivals).toBe(true);
  exchange.routes.bind('scout', answering);
  expect(await (await waiting).ended).toMatchObject({ type: 'done' });
});

test('a platform that stops keeps nobody waiting, and takes nothing up any more', async () => {
  const exchange = await expectingScout();
  const waiting = exchange.send(as(exchange, 'alice'), invoke('scout'));
  await exchange.drain(1_000);
  expect(exchange.routes.awaitsArrivals).toBe(true);
  await expect(waiting).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
});

test('calls that wait are calls under way: nobody has more of them than of those, and nobody else less', async () => {
  const exchange = await expectingScout();
  const [alice, bob] = [as(exchange, 'alice'), as(exchange, 'bob')];
  const waiting = Array.from({ length: 2_000 }, () => exchange.send(alice, invoke('scout')));
  await expect(exchange.send(alice, invoke('scout'))).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  const his = exchange.send(bob, invoke('scout'));
  exchange.routes.bind('scout', answering);
  await Promise.all([his, ...waiting].map(async (call) => (await call).ended));
  expect(await (await exchange.send(alice, invoke('scout'))).ended).toMatchObject({ type: 'done' });
}, 60_000);
