import type { Exchange } from '../../exchange/index.ts';
import { killEntry, type Latch } from './latch.ts';

/** How often a stop that the log could not take is tried again, in milliseconds. */
const RETRY = 1_000;

/** Keeps latch and log together: releases reach the latch, stops that are not durable yet reach the log. */
export function keepLatch(exchange: Exchange, latch: Latch): () => void {
  const { journal } = exchange;
  latch.load(journal.read);
  const unfollow = journal.follow(['release', 'kill'], ({ kind, head }) =>
    kind === 'release' ? latch.clear(head['scope'] as string) : latch.recorded(head['message'] as string),
  );
  let retrying = false;

  async function retry(): Promise<void> {
    if (retrying) return;
    retrying = true;
    // Younger ones are still on the way that every operation takes.
    for (const stop of latch.notDurable().filter(({ received }) => received + RETRY <= exchange.clock.now())) {
      if (latch.order(stop.message)) await journal.commit({ tenant: stop.tenant, entries: [killEntry(stop)] });
    }
    retrying = false;
  }

  const timer = setInterval(() => void retry(), RETRY).unref();
  return () => {
    clearInterval(timer);
    unfollow();
  };
}
