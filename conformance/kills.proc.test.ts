import { randomInt } from 'node:crypto';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { claim } from '@aip/conformance';
import { GatewayClient } from '@aip/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoredEntry } from '../packages/platform/src/kernel/journal.ts';
import type { TaskHead } from '../packages/platform/src/kernel/task.ts';
import { verifyFolder } from '../packages/platform/src/main/audit.ts';
import { startAgentProcess, until, type AgentProcess } from './fixtures/agent-process.ts';
import { startLoad, type Load } from './fixtures/load.ts';
import { hasEnded, logFaults, logSize, readLog, unsettled, type Log } from './fixtures/log.ts';
import { aip, startPlatformProcess, type PlatformProcess } from './fixtures/platform-process.ts';
import { rounds } from './fixtures/rounds.ts';

const ROUNDS = rounds({ usual: 12, full: 100 });
/** A canceled route has two seconds to end by itself; then the task ends without it. */
const GRACE = 3_000;

const EVERYTHING = path.resolve(
  import.meta.dirname,
  '../node_modules/@modelcontextprotocol/server-everything/dist/index.js',
);
const RISKY = `
@id("risky-work-waits")
@approve("operators")
permit (principal in Role::"caller", action == Action::"invoke", resource is Skill)
when { resource.name == "risky" };
`;

/** What is stopped, one after the other, and whose connections that closes. */
const SCOPES = [
  { scope: 'agent:first', closes: ['first'] },
  { scope: 'capability:work', closes: [] },
  { scope: 'global', closes: ['first', 'second', 'loader'] },
  { scope: 'server:everything', closes: [] },
  { scope: 'agent:loader', closes: ['loader'] },
  { scope: 'protocol:a2a', closes: [] },
] as const;

let platform: PlatformProcess;
let agents: AgentProcess;
let loader: GatewayClient;
let load: Load;
const signals = new AbortController();
/** States of the loader's connection, in order. */
const loaderStates: string[] = [];

beforeAll(async () => {
  platform = await startPlatformProcess({
    settings: {
      mcp: {
        servers: { everything: { command: process.execPath, args: [EVERYTHING, 'stdio'], effects: { echo: 'read' } } },
      },
    },
  });
  platform.writePolicy('risky.cedar', RISKY);
  const token = await platform.token('caller');
  await platform.admin.operate('budgets.set', { principal: 'service:caller', total: 1_000_000_000 });
  agents = await startAgentProcess(platform, {
    first: ['work', 'pieces', 'risky', 'paid'],
    second: ['work', 'pieces', 'endless'],
  });
  loader = new GatewayClient({ url: `${platform.url.replace('http', 'ws')}/ws`, backoff: { min: 50, max: 400 } });
  loader.onStatus(({ state }) => loaderStates.push(state));
  await loader.connect();
  await loader.register({ name: 'loader', join_token: await platform.invitation('loader') });
  for (const to of ['first', 'second'])
    await platform.admin.operate('policies.connect', { from: 'loader', to, protocol: 'ioap' });
  await until(
    async () => (await platform.admin.operate('catalogue.list', { kind: 'tool' })).entries.length > 0,
    20_000,
  );
  load = startLoad({
    platform,
    name: 'load',
    token,
    ioap: loader,
    clients: 4,
    work: 80,
    targets: {
      a2a: ['skill:first/work', 'skill:first/risky', 'skill:second/pieces', 'skill:first/paid', 'skill:second/endless'],
      http: [
        'capability:work',
        'tool:everything/echo',
        'skill:second/work',
        'skill:first/pieces',
        'tool:everything/echo',
      ],
      ioap: ['capability:work', 'skill:first/pieces', 'skill:second/work'],
    },
  });
  void sendSignals();
});
afterAll(async () => {
  signals.abort();
  await loader?.disconnect();
  await agents?.[Symbol.asyncDispose]();
  await platform?.[Symbol.asyncDispose]();
});

/** Signals cross the same guards as calls, and are load as well. */
async function sendSignals(): Promise<void> {
  while (!signals.signal.aborted) {
    for (const did of Object.values(agents.dids)) await loader.sendOffer(did, { sdp: 'v=0' }).catch(() => {});
    await delay(10);
  }
}

/** The agents and clients that are connected, by name. */
async function connected(): Promise<string[]> {
  const { agents: present } = (await (await fetch(`${platform.url}/agents`)).json()) as { agents: { did: string }[] };
  const names = new Map(
    [...Object.entries(agents.dids), ['loader', loader.did] as const].map(([name, did]) => [did, name]),
  );
  return present.map(({ did }) => names.get(did) as string).toSorted();
}

/** A scope as the log names it: agents by their DIDs. */
function canonicalScope(scope: string): string {
  const [, name] = /^agent:(.+)$/.exec(scope) ?? [];
  if (name === undefined) return scope;
  return `agent:${name === 'loader' ? loader.did : agents.dids[name]}`;
}

const isIn =
  (scope: string) =>
  (entry: StoredEntry): boolean =>
    (entry.head['scopes'] as string[] | undefined)?.includes(scope) === true && entry.head['plane'] !== 'control';
const opens = ({ kind }: StoredEntry): boolean => kind === 'accept' || kind === 'park' || kind === 'signal';

/** What the log of one round says about the stop of a scope. */
function proofOf(entries: readonly StoredEntry[], scope: string) {
  const kill = entries.findIndex(({ kind, head }) => kind === 'kill' && head['scope'] === scope);
  const release = entries.findIndex(({ kind, head }) => kind === 'release' && head['scope'] === scope);
  const before = entries.slice(0, kill).filter(isIn(scope));
  const during = entries.slice(kill, release).filter(isIn(scope));
  return {
    acceptedBefore: before.filter(opens).length,
    acceptedDuring: during.filter(opens),
    refusedDuring: during.filter(({ kind }) => kind === 'deny').length,
  };
}

/** How the tasks of the scope ended whose end the kill did not find in the log already, and what has not ended. */
function endsOf({ entries, tasks }: Log, scope: string): string[] {
  const kill = entries.find(({ kind, head }) => kind === 'kill' && head['scope'] === scope) as StoredEntry;
  // What has begun after the release is none of the kill's business.
  const own = (task: string | undefined): boolean => {
    const { scopes, to, entry } = tasks.get(task as string) as TaskHead;
    return scopes.includes(scope) && !to.startsWith('operation:') && entry < kill.seq;
  };
  const ends = entries.filter(
    ({ kind, head, seq, task }) => kind === 'settle' && own(task) && (seq > kill.seq || head['reason'] === 'kill'),
  );
  const open = [...tasks.values()].filter((head) => !hasEnded(head) && own(head.id));
  return [
    ...ends.map(({ head }) => `${String(head['type'])} ${String(head['reason'] ?? head['code'])}`),
    ...open.map(({ state }) => `still ${state}`),
  ];
}

describe(`a kill during load, ${ROUNDS} rounds ${claim('G-KILL.load')}`, () => {
  const told = { refused: 0, stopped: 0 };

  it.each(Array.from({ length: ROUNDS }, (_, index) => [index + 1, SCOPES[index % SCOPES.length]!] as const))(
    'round %i',
    async (round, { scope, closes }) => {
      await until(
        async () => (await connected()).length === 3,
        15_000,
        () => `not everybody is back: ${agents.logs.slice(-5).join('\n')}`,
      );
      const from = logSize(platform.folder);
      const canonical = canonicalScope(scope);
      await delay(randomInt(200, 500));
      // However slow the machine is, there is something to stop.
      await until(
        () => readLog(platform.folder, from).entries.some((entry) => isIn(canonical)(entry) && opens(entry)),
        15_000,
      );
      const statesBefore = loaderStates.length;

      const answer = await platform.admin.operate('kills.kill', { scope, reason: `round ${round}` });
      expect(answer).toMatchObject({ mode: 'kill', durable: true, scope: canonical });
      if (closes.length > 0) expect(answer.sessions_closed).toBeGreaterThanOrEqual(closes.length);
      const still = await connected();
      for (const name of closes) expect(still).not.toContain(name);
      await delay(randomInt(150, 350));
      expect(await platform.admin.operate('kills.proof', { scope: canonical })).toMatchObject({ accepted_since: 0 });
      await until(
        () => unsettled(platform.folder).every(({ scopes }) => !scopes.includes(canonical)),
        GRACE,
        () => JSON.stringify(unsettled(platform.folder)),
      );
      if ((closes as readonly string[]).includes('loader')) expect(loaderStates.slice(statesBefore)).toContain('lost');
      await platform.admin.operate('kills.release', { scope: canonical, reason: 'the round is over' });

      const log = readLog(platform.folder, from);
      const { acceptedBefore, acceptedDuring, refusedDuring } = proofOf(log.entries, canonical);
      expect(acceptedDuring).toEqual([]);
      expect(acceptedBefore).toBeGreaterThan(0);
      told.refused += refusedDuring;
      const ends = endsOf(log, canonical);
      told.stopped += ends.length;
      // A message whose acceptance was on its way to the disk is refused there, or ends before it is delivered.
      expect(ends.filter((end) => end !== 'canceled kill' && end !== 'failed KILLED')).toEqual([]);
    },
  );

  it('the load was real: calls were refused and tasks were stopped in it', () => {
    expect(told.refused).toBeGreaterThan(ROUNDS);
    expect(told.stopped).toBeGreaterThan(ROUNDS);
    expect(load.faults).toEqual([]);
  });

  it('is verified by aip audit verify itself, which names every stop', async () => {
    signals.abort();
    const finished = load.finish();
    // What never ends by itself, or waits for a person, is stopped, so that the load comes to an end.
    await platform.admin.operate('kills.kill', { scope: 'protocol:a2a', reason: 'the end' });
    await until(
      () => unsettled(platform.folder).length === 0,
      15_000,
      () => JSON.stringify(unsettled(platform.folder)),
    );
    await finished;
    expect(await logFaults(platform.folder)).toEqual([]);
    await platform.stop();
    const [report] = await verifyFolder(platform.folder);
    expect(report).toMatchObject({ ok: true, unsigned: 0 });
    expect(report!.kills).toHaveLength(ROUNDS + 1);
    expect(report!.kills.filter(({ released }) => released === null)).toHaveLength(1);
    expect(await aip(['audit', 'verify', '--data-dir', platform.folder])).toMatchObject({ code: 0 });
  });
});
