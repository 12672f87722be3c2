import type { Exchange } from '../../exchange/index.ts';
import { DEFAULT_TENANT } from '../../kernel/principal.ts';
import { killKey, type KillRow } from './decider.ts';
import { GLOBAL, killEntry, type Latch } from './latch.ts';

/** How often a stop that the log could not take is tried again, in milliseconds. */
const RETRY = 1_000;

/**
 * Keeps latch and log together: releases reach the latch, stops that are not durable yet reach the log, and a stop of
 * the whole platform reaches the log of every tenant, so that each proves it by itself.
 */
export function keepLatch(exchange: Exchange, latch: Latch): () => void {
  const { journal } = exchange;
  latch.load(journal.read);
  const unfollow = journal.follow(['release', 'kill'], ({ kind, head, tenant }) => {
    const scope = head['scope'] as string;
    const message = head['message'] as string;
    if (kind === 'release') latch.clear(tenant, scope, message);
    else latch.recorded(message);
    if (tenant === DEFAULT_TENANT && scope === GLOBAL) spreadInTurn();
  });
  let retrying = false;
  let spreading = Promise.resolve();

  /** One after the other: the last one starts from what those before it have left. */
  function spreadInTurn(): void {
    // A log that has been closed meanwhile is brought up to it by the next start.
    spreading = spreading.then(spread).catch(() => {});
  }

  /** Brings the logs of the other tenants to what the platform's own says about everything. */
  async function spread(): Promise<void> {
    const stop = stopIn(DEFAULT_TENANT);
    for (const tenant of journal.read.tenants()) {
      if (tenant === DEFAULT_TENANT || stopIn(tenant)?.mode === stop?.mode) continue;
      const entry = stop
        ? killEntry({
            ...stop,
            scope: GLOBAL,
            received: stop.received_at,
            message: '',
            tenant,
            matches: true,
            sessions: 0,
            tasks: 0,
          })
        : {
            kind: 'release',
            head: { scope: GLOBAL, reason: 'released for the whole platform', by: 'platform', message: '' },
          };
      await journal.commit({ tenant, entries: [entry] });
    }
  }

  const stopIn = (tenant: string): KillRow | undefined =>
    journal.read.row(tenant, killKey(GLOBAL)) as unknown as KillRow | undefined;

  async function retry(): Promise<void> {
    if (retrying) return;
    retrying = true;
    // Younger ones are still on the way that every operation takes.
    for (const stop of latch.notDurable().filter(({ received }) => received + RETRY <= exchange.clock.now())) {
      if (latch.order(stop.message)) await journal.commit({ tenant: stop.tenant, entries: [killEntry(stop)] });
    }
    retrying = false;
  }

  spreadInTurn();
  const timer = setInterval(() => void retry(), RETRY).unref();
  return () => {
    clearInterval(timer);
    unfollow();
  };
}
