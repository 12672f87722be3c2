import { setTimeout as delay } from 'node:timers/promises';
import { claim } from '@aip/conformance';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startMeasuredPlatform, type MeasuredPlatform } from './fixtures/abandoned-sessions.ts';

/** Seconds until a session that nobody uses ends. */
const IDLE = 5;
const SESSIONS = 200;
/** What may stay for each of them, in bytes; an open one takes 20,000. */
const TOLERANCE = 6_000;

let measured: MeasuredPlatform;
beforeAll(async () => {
  measured = await startMeasuredPlatform(IDLE);
});
afterAll(async () => {
  await measured?.[Symbol.asyncDispose]();
});

/** Opens so many sessions, waits until all have ended, and returns what the platform holds then, in bytes. */
async function heapAfter(sessions: number): Promise<number> {
  await measured.abandon(sessions);
  await measured.deserted(30_000);
  // The last connections, and timers that belonged to them.
  await delay(2_000);
  return (await measured.inspector.holdings()).heap;
}

it(`sessions that are opened and abandoned cost nothing once they have been idle for long enough ${claim('P-MCP.legacy')}`, async () => {
  // What a first use needs once and for all stays.
  const before = await heapAfter(SESSIONS);

  await measured.abandon(SESSIONS);
  expect(await measured.attached()).toBeGreaterThan(0);
  const after = await heapAfter(0);

  expect((after - before) / SESSIONS).toBeLessThan(TOLERANCE);
}, 120_000);
