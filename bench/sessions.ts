import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startMeasuredPlatform } from '../conformance/fixtures/abandoned-sessions.ts';
import type { Holdings } from '../conformance/fixtures/inspector.ts';

/**
 * What a session of an older MCP client costs, and what is left of many that nobody has ended: opened, used a little,
 * abandoned, with `server-everything` behind them. Memory is measured after garbage collection.
 */
const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '1000' },
    /** Seconds until a session that nobody uses ends. */
    idle: { type: 'string', default: '30' },
    rounds: { type: 'string', default: '3' },
    snapshots: { type: 'string' },
  },
});
const sessions = Number(values.sessions);
const idle = Number(values.idle);

await using measured = await startMeasuredPlatform(idle);
const { inspector } = measured;

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

async function show(label: string): Promise<Holdings> {
  const holdings = await inspector.holdings();
  const { heap, external, rss } = holdings;
  console.log(
    `${label.padEnd(34)} heap ${megabytes(heap).padStart(9)}   buffers ${megabytes(external).padStart(8)}   RSS ${megabytes(rss).padStart(9)}   sessions ${await measured.attached()}`,
  );
  if (values.snapshots !== undefined)
    await inspector.snapshot(`${values.snapshots}/${label.replaceAll(' ', '-')}.heapsnapshot`);
  return holdings;
}

/** Idle sessions end at the next sweep after their time. */
const waitForEnd = async (): Promise<void> => {
  await measured.deserted(idle * 3_000 + 30_000);
  // Connections of the last clients, and what they still had in flight.
  await delay(6_000);
};

// What a first use needs once and for all: code that is compiled, lists that are built, policies that are loaded.
await measured.abandon(Math.min(200, sessions));
await waitForEnd();
const before = await show('before');
let last = before;
for (let round = 1; round <= Number(values.rounds); round++) {
  await measured.abandon(sessions);
  const open = await show(`${sessions} sessions abandoned`);
  const held = await measured.attached();
  console.log(
    `${''.padEnd(34)} ${((open.heap + open.external - last.heap - last.external) / held / 1024).toFixed(1)} KiB of heap and buffers, ${((open.rss - last.rss) / held / 1024).toFixed(1)} KiB of RSS for each of ${held}`,
  );
  await waitForEnd();
  last = await show(`after the idle limit, round ${round}`);
}
const change = (pick: (holdings: Holdings) => number): string =>
  `${((pick(last) / pick(before) - 1) * 100).toFixed(1)} %`;
console.log(`against the start: heap ${change(({ heap }) => heap)}, RSS ${change(({ rss }) => rss)}`);
