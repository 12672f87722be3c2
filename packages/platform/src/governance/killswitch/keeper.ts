import type { Exchange } from '../../exchange/index.ts';
import { killEntry, type Latch } from './latch.ts';

/** How often a stop that the log could not take is tried again, in milliseconds. */
const RETRY = 1_000;

/** Keeps latch and log together: releases reach the latch, stops that are not durable yet reach the log. */
export function keepLatch(exchange: Exchange, latch: Latch): () => void {
  const { journal } = exchange;
  latch.load(journal.read);
  const unfollow = journal.follow(['release'], (entry) => latch.clear(entry.head['scope'] as string));

  async function retry(): Promise<void> {
    for (const stop of latch.notDurable()) {
      const verdict = await journal.commit({ tenant: stop.tenant, entries: [killEntry(stop)] });
      if (verdict.ok) latch.take(stop.message);
    }
  }

  const timer = setInterval(() => void retry(), RETRY).unref();
  return () => {
    clearInterval(timer);
    unfollow();
  };
}
