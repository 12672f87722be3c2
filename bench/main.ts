import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fire } from './load.ts';
import { SCENARIOS } from './scenarios.ts';
import type { Usage } from './servers/report.ts';

/**
 * Every figure beside the physical floor and the peers, in one run: several rounds, medians. CPU is that of the
 * whole server process per call; the load comes from this process.
 */
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    calls: { type: 'string', default: '4000' },
    warm: { type: 'string', default: '12000' },
    only: { type: 'string', default: '' },
    idle: { type: 'string', default: '40' },
    clients: { type: 'string', default: '1,32' },
  },
});
const rounds = Number(values.rounds);
const calls = Number(values.calls);
const warm = Number(values.warm);

interface Row {
  readonly scenario: string;
  readonly server: string;
  readonly clients: number;
  /** Microseconds of CPU per call. */
  readonly cpu: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
}

interface Started {
  readonly child: ChildProcess;
  readonly facts: { readonly url: string; readonly token?: string; readonly ready?: string };
}

async function start(name: string): Promise<Started> {
  const child = fork(path.join(import.meta.dirname, 'servers', `${name}.ts`), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [facts] = (await once(child, 'message')) as [Started['facts']];
  return { child, facts };
}

async function usage({ child }: Started): Promise<Usage> {
  child.send('usage');
  const [answer] = (await once(child, 'message')) as [Usage];
  return answer;
}

async function round(
  server: Started,
  scenario: (typeof SCENARIOS)[number],
  serverName: string,
  at: string,
  clients: number,
  count = clients === 1 ? Math.ceil(calls / 4) : calls,
): Promise<Row> {
  const { url, token = '' } = server.facts;
  const before = await usage(server);
  const started = performance.now();
  const latencies = (await fire(url, clients, count, (n) => scenario.shot(at, token, n), scenario.check)).toSorted(
    (a, b) => a - b,
  );
  const elapsed = performance.now() - started;
  const after = await usage(server);
  return {
    scenario: scenario.name,
    server: serverName,
    clients,
    cpu: (after.cpu - before.cpu) / count,
    p50: latencies[Math.floor(count / 2)] ?? 0,
    p99: latencies[Math.floor(count * 0.99)] ?? 0,
    perSecond: (count / elapsed) * 1000,
  };
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

function medians(rows: readonly Row[]): Row {
  const of = (pick: (row: Row) => number): number => median(rows.map(pick));
  return {
    ...(rows[0] as Row),
    cpu: of((row) => row.cpu),
    p50: of((row) => row.p50),
    p99: of((row) => row.p99),
    perSecond: of((row) => row.perSecond),
  };
}

const scenarios = SCENARIOS.filter(({ name }) => name.includes(values.only));
const names = [...new Set(scenarios.flatMap((scenario) => scenario.servers.map(({ server }) => server)))];
const servers = new Map<string, Started>();
for (const name of names) servers.set(name, await start(name));
const aip = servers.get('aip') as Started;
// V8 gives back what a start needed after half a minute without work.
await new Promise((resolve) => setTimeout(resolve, Number(values.idle) * 1000));
const idle = (await usage(aip)).rss;

const results: Row[] = [];
for (const scenario of scenarios) {
  // A server that has run for a minute is what is measured, not a compiler that is still at work.
  for (const { server, path: at } of scenario.servers)
    await round(servers.get(server) as Started, scenario, server, at, 32, warm);
  for (const clients of values.clients.split(',').map(Number)) {
    const seen = new Map<string, Row[]>();
    // Rounds of all servers alternate, so that a noisy minute hits all of them.
    for (let n = 0; n < rounds; n++) {
      for (const { server, path: at, as: name = server } of scenario.servers) {
        const row = await round(servers.get(server) as Started, scenario, name, at, clients);
        seen.set(name, [...(seen.get(name) ?? []), row]);
      }
    }
    for (const rows of seen.values()) results.push(medians(rows));
  }
}
const loaded = (await usage(aip)).rss;
for (const { child } of servers.values()) child.disconnect();

const start_ms = Number(aip.facts.ready);
if (values.json)
  console.log(
    JSON.stringify({ rounds, calls, warm, start_ms, idle_rss: idle, loaded_rss: loaded, results }, undefined, 2),
  );
else print();

function print(): void {
  console.log(
    `\n${'scenario'.padEnd(26)}${'server'.padEnd(14)}${'clients'.padStart(8)}${'CPU µs'.padStart(9)}${'p50 ms'.padStart(9)}${'p99 ms'.padStart(9)}${'calls/s'.padStart(9)}${'× peer'.padStart(9)}`,
  );
  for (const row of results) {
    const peer = results.find(
      (other) =>
        other.scenario === row.scenario &&
        other.clients === row.clients &&
        (other.server.endsWith('-sdk') || other.server.endsWith('-relay')),
    );
    const ratio = peer && row.server.startsWith('aip') ? (row.cpu / peer.cpu).toFixed(2) : '';
    console.log(
      `${row.scenario.padEnd(26)}${row.server.padEnd(14)}${String(row.clients).padStart(8)}${row.cpu.toFixed(0).padStart(9)}${row.p50.toFixed(2).padStart(9)}${row.p99.toFixed(2).padStart(9)}${row.perSecond.toFixed(0).padStart(9)}${ratio.padStart(9)}`,
    );
  }
  console.log(
    `\nready in ${start_ms} ms · ${(idle / 1e6).toFixed(0)} MB idle · ${(loaded / 1e6).toFixed(0)} MB after the load · medians of ${rounds} rounds, ${calls} calls each, after ${warm} to warm up`,
  );
}
