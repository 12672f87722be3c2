import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { claim } from '@aip/conformance';
import { GatewayClient } from '@aip/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAgentProcess, until, type AgentProcess } from './fixtures/agent-process.ts';
import { startLoad, type LoadCall } from './fixtures/load.ts';
import { hasEnded, holdStates, logFaults, moneyFaults, readLog, unsettled } from './fixtures/log.ts';
import { aip, startPlatformProcess, type PlatformProcess } from './fixtures/platform-process.ts';
import { rounds } from './fixtures/rounds.ts';

const ROUNDS = rounds({ usual: 4, full: 20 });
/** Nothing may take longer to come to an end, or to a person, in milliseconds. */
const PATIENCE = 60_000;

const LOADERS_BUDGET = 40 * ROUNDS;

const RISKY = `
@id("risky-work-waits")
@approve("operators")
permit (principal in Role::"caller", action == Action::"invoke", resource is Skill)
when { resource.name == "risky" };
`;

let platform: PlatformProcess;
/** They outlive every crash of the platform. */
let workers: AgentProcess;
/** Is killed together with the platform in every other round. */
let planner: AgentProcess;
let ioap: GatewayClient;
let token: string;
const calls: LoadCall[] = [];

beforeAll(async () => {
  platform = await startPlatformProcess();
  platform.writePolicy('risky.cedar', RISKY);
  token = await platform.token('caller');
  workers = await startAgentProcess(platform, {
    first: ['work', 'once', 'pieces', 'risky', 'paid'],
    second: ['work', 'once', 'paid'],
  });
  planner = await startAgentProcess(platform, { planner: ['plan'] });
  ioap = new GatewayClient({ url: `${platform.url.replace('http', 'ws')}/ws`, backoff: { min: 50, max: 400 } });
  await ioap.connect();
  await ioap.register({ name: 'loader', join_token: await platform.invitation('loader') });
  await platform.admin.operate('budgets.set', { principal: 'service:caller', total: 1_000_000 });
  // This one runs out of it.
  await platform.admin.operate('budgets.set', { principal: 'loader', total: LOADERS_BUDGET });
  for (const from of ['loader', 'planner']) {
    for (const to of ['first', 'second'])
      await platform.admin.operate('policies.connect', { from, to, protocol: 'ioap' });
  }
});
afterAll(async () => {
  await ioap?.disconnect();
  for (const process of [planner, workers, platform]) await process?.[Symbol.asyncDispose]();
});

/** Everything the agents have done, with how often under each key. */
function effects(): Map<string, number> {
  const done = [...workers.traces(), ...planner.traces()].filter(({ kind }) => kind === 'effect');
  return new Map(
    [...Map.groupBy(done, ({ key, capability }) => `${capability} ${key}`)].map(([key, list]) => [key, list.length]),
  );
}

describe(`kill -9 under load, ${ROUNDS} rounds ${claim('O-EXEC.crash', 'E-LEDGER.crash')}`, () => {
  it.each(Array.from({ length: ROUNDS }, (_, index) => index + 1))(
    `round %i: what was acknowledged is there, and everything comes to an end`,
    async (round) => {
      const load = startLoad({
        platform,
        name: `r${round}`,
        token,
        ioap,
        clients: 3,
        work: 120,
        targets: {
          a2a: [
            'skill:first/work',
            'skill:first/risky',
            'skill:second/once',
            'skill:first/pieces',
            'skill:second/paid',
          ],
          http: ['capability:work', 'skill:first/once', 'capability:plan', 'skill:first/pieces', 'skill:first/paid'],
          ioap: ['capability:work', 'skill:first/once', 'skill:second/work', 'skill:second/paid'],
        },
      });
      await delay(randomInt(300, 1_200));
      const killed = [platform.kill9(), ...(round % 2 === 0 ? [planner.kill9()] : [])];
      await Promise.all(killed);
      const told = structuredClone(load.calls) as LoadCall[];
      const finished = load.finish();
      await platform.restart();
      if (round % 2 === 0) await planner.restart();
      await within(
        PATIENCE,
        finished,
        () => `still without an end: ${JSON.stringify(load.calls.filter(({ end, task }) => !end && task))}`,
      );
      await until(
        () => unsettled(platform.folder).length === 0,
        PATIENCE,
        () => JSON.stringify(unsettled(platform.folder)),
      );
      expect(load.faults).toEqual([]);
      calls.push(...load.calls);

      // No acknowledged task is lost, and its end is the one that was told.
      const { tasks } = readLog(platform.folder);
      const client = platform.client(token);
      for (const { task, end } of told) {
        if (task === undefined) continue;
        const head = tasks.get(task);
        expect(head, `task ${task} was acknowledged`).toBeDefined();
        if (!end) continue;
        expect(hasEnded(head!)).toBe(true);
        const { events } = (await client.operate('tasks.get', { task })) as unknown as {
          events: { type: string; body?: { value: unknown }; error?: { code: string } }[];
        };
        const last = events.at(-1)!;
        expect('value' in end ? { value: last.body?.value } : { code: last.error?.code }).toEqual(end);
      }
      expect(await logFaults(platform.folder)).toEqual([]);
      expect(moneyFaults(platform.folder)).toEqual([]);
    },
    3 * PATIENCE,
  );

  it('no completed step was executed again, and no key had its effect twice', () => {
    const { tasks, steps } = readLog(platform.folder);
    const twice = [...effects()].filter(([key, count]) => count > 1 && !key.startsWith('plan '));
    expect(twice).toEqual([]);
    // Nothing was even delivered again once it had ended.
    const late = [...workers.traces(), ...planner.traces()].filter(({ kind, task, at }) => {
      const end = kind === 'delivery' ? steps.get(task)?.at(-1) : undefined;
      return end?.kind === 'settle' && tasks.get(task)?.state === 'completed' && at > end.at;
    });
    expect(late).toEqual([]);
  });

  it('what was in flight has been delivered again where it is idempotent, else its effect is unknown', () => {
    const { tasks, entries } = readLog(platform.folder);
    const redelivered = entries.filter(({ kind, head }) => kind === 'event' && head['type'] === 'redelivered');
    const unknown = entries.filter(({ kind, head }) => kind === 'settle' && head['code'] === 'EFFECT_UNKNOWN');
    expect(redelivered.length).toBeGreaterThan(0);
    expect(unknown.length).toBeGreaterThan(0);
    for (const { task } of redelivered) expect(tasks.get(task!)).toMatchObject({ idempotent: true });
    for (const { task } of unknown) expect(tasks.get(task!)).toMatchObject({ idempotent: false, state: 'failed' });
    // Idempotent work that was accepted has come to its result, however often the platform was killed.
    const lost = [...tasks.values()].filter(
      ({ idempotent, state, edge, action }) =>
        action === 'invoke' && edge !== 'ioap' && idempotent && state !== 'completed' && state !== 'auth_required',
    );
    expect(lost).toEqual([]);
  });

  it('every call over IoAP, whose client comes back for it, has its answer', () => {
    const own = calls.filter(({ via }) => via === 'ioap');
    const { entries } = readLog(platform.folder);
    const accepted = (key: string): boolean =>
      entries.some(({ kind, body }) => kind === 'accept' && body?.includes(`"${key}"`));
    const wrong = own.filter(({ key, to, end }) => {
      if (end && 'value' in end) return JSON.stringify(end.value) !== JSON.stringify({ key });
      if (end?.code === 'EFFECT_UNKNOWN') return !to.endsWith('once');
      if (end?.code === 'BUDGET_EXCEEDED') return !/paid|once/.test(to);
      // What had not been accepted yet may find that its agent is not back yet: it is told so, and nothing has been done.
      return end?.code !== 'AGENT_UNAVAILABLE' || accepted(key);
    });
    expect(own.length).toBeGreaterThan(0);
    expect(wrong).toEqual([]);
  });

  it('calls that waited for a person have waited through every crash, and run once when approved', async () => {
    const waiting = [...readLog(platform.folder).tasks.values()].filter(({ state }) => state === 'auth_required');
    expect(waiting.length).toBeGreaterThan(0);
    const answered = new Set<string>();
    for (let asks = await openAsks(); asks.length > 0; asks = await openAsks()) {
      for (const { id, task } of asks) {
        await platform.admin.operate('asks.answer', { ask: id, verdict: 'approve' });
        answered.add(task);
      }
    }
    expect(answered).toEqual(new Set(waiting.map(({ id }) => id)));
    await until(
      () => [...readLog(platform.folder).tasks.values()].every(({ state }) => state !== 'auth_required'),
      PATIENCE,
    );
    await until(() => unsettled(platform.folder).length === 0, PATIENCE);
    const { tasks } = readLog(platform.folder);
    expect(new Set(waiting.map(({ id }) => tasks.get(id)?.state))).toEqual(new Set(['completed']));
    expect([...effects()].filter(([key]) => key.startsWith('risky ')).map(([, count]) => count)).toEqual(
      waiting.map(() => 1),
    );
  });

  it('the books balance, holds of unknown effects are kept until somebody has looked, and the log is verified', async () => {
    expect(moneyFaults(platform.folder)).toEqual([]);
    const states = holdStates(platform.folder);
    expect(states).toMatchObject({ captured: expect.any(Number), kept: expect.any(Number) });
    expect(states['held']).toBeUndefined();
    const { transfers } = (await platform.admin.operate('ledger.open', {})) as { transfers: { task: string }[] };
    expect(transfers).toHaveLength(states['kept']!);
    for (const [at, { task }] of transfers.entries())
      await platform.admin.operate('ledger.reconcile', { task, resolution: at % 2 === 0 ? 'captured' : 'released' });
    const spend = await platform.admin.operate('budgets.get', { principal: 'loader' });
    expect(spend.held).toBe(0);
    expect(spend.spent_total).toBeLessThanOrEqual(LOADERS_BUDGET);
    await platform.stop();
    expect(await aip(['audit', 'verify', '--data-dir', platform.folder])).toMatchObject({ code: 0 });
  });
});

async function openAsks(): Promise<{ id: string; task: string }[]> {
  const { asks } = await platform.admin.operate('asks.list', { limit: 500 });
  return asks;
}

async function within(time: number, promise: Promise<void>, describeIt: () => string): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`Not within ${time} ms: ${describeIt()}`)), time);
  await Promise.race([promise, late.promise]).finally(() => clearTimeout(timer));
}
