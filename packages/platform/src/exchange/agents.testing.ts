import { onTestFinished } from 'vitest';
import { data } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { Draft } from '../kernel/message.ts';
import type { Route } from '../kernel/route.ts';
import type { Session } from '../kernel/session.ts';
import type { Exchange } from './exchange.ts';
import { oneShot } from './sessions.ts';
import { createTestExchange } from './testing.ts';

export const agent = (name: string): CatalogueEntry => ({
  address: `agent:${name}`,
  kind: 'agent',
  name,
  owner: name,
  ownerName: name,
  description: '',
  effect: 'external',
  idempotent: false,
  price: 0,
  state: 'active',
});

/** An exchange with these agents in this process, until the end of the test. */
export async function withAgents(agents: Record<string, Route['deliver']>): Promise<Exchange> {
  const made = await createTestExchange();
  onTestFinished(() => made[Symbol.asyncDispose]());
  for (const [name, deliver] of Object.entries(agents)) {
    made.exchange.catalogue.put(name, [agent(name)]);
    made.exchange.routes.bind(name, { reach: 'local', deliver });
  }
  return made.exchange;
}

export const as = (exchange: Exchange, name: string): Session =>
  oneShot({ principal: exchange.authenticate({ kind: 'bearer', token: name }), edge: 'http' }, Date.now());
/** An agent's own session: in these tests agents are known by their names. */
export const asAgent = (name: string): Session =>
  oneShot(
    {
      principal: { id: name, kind: 'agent', name, tenant: 'default', assurance: 'signature', roles: [] },
      edge: 'ioap',
    },
    Date.now(),
  );

export const invoke = (name: string, more: Partial<Draft> = {}): Draft => ({
  to: `agent:${name}`,
  action: 'invoke',
  body: data({}),
  ...more,
});

export const entries = (exchange: Exchange) => exchange.journal.read.entries('default', { from: 0, limit: 10_000 });
