import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { inspect, type Holdings } from '../conformance/fixtures/inspector.ts';
import { startPlatformProcess } from '../conformance/fixtures/platform-process.ts';
import { startActors } from './soak-actors.ts';

/**
 * A long life in a short time: every kind of caller at once, coming, going and vanishing, with all idle limits in
 * seconds, so that minutes see as many expiries as a day does. Prints what the platform holds, after garbage collection,
 * and at the end what is left of it when all have gone.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    /** Seconds between two lines. */
    every: { type: 'string', default: '30' },
    /** A folder for heap snapshots of the quiet moments before and after. */
    snapshots: { type: 'string' },
  },
});

const IDLE = 3;
const everything = {
  command: process.execPath,
  args: [path.join(import.meta.dirname, '../node_modules/@modelcontextprotocol/server-everything/dist/index.js')],
};
await using platform = await startPlatformProcess({
  nodeFlags: ['--inspect=127.0.0.1:0'],
  settings: {
    log_level: 'error',
    mcp: { idle_seconds: IDLE, servers: { everything, fragile: everything } },
    ioap: { idle_seconds: IDLE },
  },
});
await using inspector = await inspect(platform.stderr);
platform.writePolicy(
  'starter.cedar',
  `@id("all") permit (principal, action, resource);
@id("slow") @approve("operators") @approve_expires("2s")
permit (principal, action == Action::"call", resource == Tool::"everything/get-tiny-image");
@id("never") forbid (principal, action == Action::"call", resource == Tool::"everything/get-env");
`,
);
await delay(2_000);

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

async function gauges(): Promise<Record<string, number>> {
  const text = await (await fetch(`${platform.url}/metrics`)).text();
  const found = text.matchAll(/^aip_(sessions_live|tasks_live|agents_connected)(?:\{[^}]*\})? (\d+)/gm);
  return Object.fromEntries([...found].map(([, name = '', value]) => [name, Number(value)]));
}

async function line(label: string, calls: number): Promise<Holdings> {
  const holdings = await inspector.holdings();
  const files = readdirSync(platform.folder)
    .filter((name) => name.includes('.db'))
    .map((name) => `${name} ${megabytes(statSync(path.join(platform.folder, name)).size)}`);
  const { heap, workers, external, rss, handles } = holdings;
  console.log(
    `${label.padEnd(12)} ${String(calls).padStart(7)} calls  heap ${megabytes(heap)}  writer ${megabytes(workers)}  buffers ${megabytes(external)}  RSS ${megabytes(rss)} MB  ${JSON.stringify({ ...(await gauges()), ...handles })}  ${files.join(', ')}`,
  );
  if (values.snapshots !== undefined && label.startsWith('quiet'))
    await inspector.snapshot(path.join(values.snapshots, `${label.replaceAll(' ', '-')}.heapsnapshot`));
  return holdings;
}

/** Everybody for so long, and then until every limit has passed. */
async function live(seconds: number, label: string): Promise<{ calls: number; holdings: Holdings }> {
  const actors = await startActors(platform, label);
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    await delay(Math.min(Number(values.every) * 1000, until - performance.now()));
    await line(label, actors.calls());
  }
  await actors.stop();
  await delay(IDLE * 3_000 + 6_000);
  const holdings = await line(`quiet ${label}`, actors.calls());
  console.log(`             ${JSON.stringify(actors.outcomes())}`);
  return { calls: actors.calls(), holdings };
}

const first = await live(Math.min(60, Number(values.minutes) * 20), 'first');
const then = await live(Number(values.minutes) * 60, 'then');
const change = (pick: (holdings: Holdings) => number): string =>
  `${((pick(then.holdings) / pick(first.holdings) - 1) * 100).toFixed(1)} %`;
console.log(
  `after ${then.calls} more calls: heap ${change(({ heap }) => heap)}, writer ${change(({ workers }) => workers)}, RSS ${change(({ rss }) => rss)}`,
);
