import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AipClient } from '@aip/sdk';
import { AipError, toAipError } from '@aip/wire';
import { verifyFolder } from '../../main/audit.ts';
import { relativeToT } from '../times.ts';
import { enterPressed } from './prompt.ts';
import { connected, DEMO_POLICY, NOTES_EFFECTS, openAsk, type Stage } from './stage.ts';
import { verifyTampered } from './tamper.ts';

/** What the researcher may spend in one showing, in units. */
const ALLOWANCE = 100;
const AGENTS = ['researcher', 'summariser'] as const;
const SERVER = 'notes';
const NAMES: ReadonlySet<string> = new Set([...AGENTS, SERVER]);
/** Pause between two calls of the researcher, in milliseconds: for somebody who watches, and for nobody. */
const PACE = { watched: 350, auto: 60 };
/** How long the demonstration waits for a person, in milliseconds. */
const PATIENCE = 15 * 60_000;

export interface RunawayOptions {
  /** Disposed by whoever opened it, also when the demonstration is broken off. */
  readonly stage: Stage;
  readonly client: AipClient;
  readonly dataDir: string;
  /** Approves and kills by itself, for those who only watch. */
  readonly auto: boolean;
  readonly say: (line: string) => void;
}

/**
 * An agent loops, spends and calls tools: its budget stops the loop, a write waits for a person, Kill ends it,
 * and the log proves that it ended. Two agents and a tool server, each a process of its own. With the stage goes
 * everything it has put up: agents, kill, tool server and policy; the log keeps what has happened.
 */
export async function demoRunaway(options: RunawayOptions): Promise<boolean> {
  const { client, auto, say } = options;
  const researcher = await raiseCurtain(options);
  const before = await spent(client, researcher);
  await client.operate('budgets.set', { principal: researcher, total: before + ALLOWANCE });
  say(`The researcher may spend ${ALLOWANCE} units; a summary costs 5. It starts to research …`);
  const research = client
    .invoke('skill:researcher/research', { topic: 'agents' })
    .catch((error: unknown) => toAipError(error));

  await watchSpending(options, researcher, before);
  await approveWrite(options);
  const proof = await kill(options, researcher);
  const ended = await research;
  say(`Its task: ${ended instanceof Error ? ended.message : 'ended'}`);
  const refused = await client.invoke('skill:researcher/research', { topic: 'again' }).then(
    () => 'it was let through!',
    (error: unknown) => `${toAipError(error).code}: ${toAipError(error).message}`,
  );
  say(`The next call: ${refused}`);
  say(
    `Proof: last message accepted at ${relativeToT(proof.after)} (entry #${proof.last}); kill received at T, entry #${proof.seq}; ${proof.since} accepted since.`,
  );
  const proven = await proveIt(options, proof.since);
  if (!auto) await lookAround(options);
  return proven;
}

async function raiseCurtain({ stage, client, dataDir, auto, say }: RunawayOptions): Promise<string> {
  await clear(client, dataDir);
  await checkNames(client);
  stage.afterwards(async () => {
    await clear(client, dataDir);
    say('Cleaned up: agents, budget, kill, tool server and demo.cedar are gone. The log keeps what has happened.');
  });
  stage.defer(() => client.operate('mcp.remove', { name: SERVER }));
  const keys = keysIn(dataDir);
  mkdirSync(keys, { recursive: true, mode: 0o700 });
  await client.operate('policies.put', { name: 'demo.cedar', text: DEMO_POLICY });
  await client.operate('mcp.add', {
    name: SERVER,
    url: await stage.startServer('notes-server.ts'),
    effects: NOTES_EFFECTS,
  });
  const gateway = `${client.url.replace(/^http/, 'ws')}/ws`;
  for (const name of AGENTS) {
    const { join_token } = await client.operate('agents.invite', { name });
    stage.start(`${name}.ts`, {
      AIP_GATEWAY_URL: gateway,
      AIP_JOIN_TOKEN: join_token,
      AIP_KEY_FILE: path.join(keys, `${name}.key`),
      AIP_DEMO_PACE: String(auto ? PACE.auto : PACE.watched),
    });
  }
  const did = await connected(stage, client, 'researcher');
  await connected(stage, client, 'summariser');
  say('On stage: two agents over IoAP, every frame signed, and an MCP tool server.');
  return did;
}

/** Where the keys of the agents are while they are on stage, and only then: that is how theirs are told from others'. */
const keysIn = (dataDir: string): string => path.join(dataDir, 'demo');

/** Takes away what a demonstration has put up, this one or one that was killed; nothing where there was none. */
async function clear(client: AipClient, dataDir: string): Promise<void> {
  const keys = keysIn(dataDir);
  if (!existsSync(keys)) return;
  rmSync(path.join(dataDir, 'policies', 'demo.cedar'), { force: true });
  await client.operate('mcp.remove', { name: SERVER }).catch(() => {});
  await client.operate('mcp.unpin', { server: SERVER }).catch(() => {});
  const { kills } = await client.operate('kills.list', {});
  for (const did of AGENTS.flatMap((name) => didIn(path.join(keys, `${name}.key`)))) {
    if (kills.some(({ scope }) => scope === `agent:${did}`))
      await client.operate('kills.release', { scope: `agent:${did}`, reason: 'the demonstration is over' });
    // Neither is there yet where it was broken off early.
    await client.operate('budgets.remove', { principal: did }).catch(() => {});
    await client.operate('agents.remove', { agent: did }).catch(() => {});
  }
  rmSync(keys, { recursive: true });
}

function didIn(keyFile: string): string[] {
  if (!existsSync(keyFile)) return [];
  return [(JSON.parse(readFileSync(keyFile, 'utf8')) as { did: string }).did];
}

/** What others have put up under the names of the demonstration stays theirs. Throws CONFLICT. */
async function checkNames(client: AipClient): Promise<void> {
  const [{ agents }, { servers }] = await Promise.all([
    client.operate('agents.list', { limit: 1_000 }),
    client.operate('mcp.list', {}),
  ]);
  const taken = [...agents, ...servers].map(({ name }) => name).filter((name) => NAMES.has(name));
  if (taken.length > 0)
    throw new AipError(
      'CONFLICT',
      `The demonstration calls its agents and its server ${[...NAMES].join(', ')}; here ${taken.join(', ')} is somebody else’s. Show it on another platform, with --data-dir.`,
    );
}

async function spent(client: AipClient, principal: string): Promise<number> {
  return client.operate('budgets.get', { principal }).then(
    (budget) => budget.spent_total,
    () => 0,
  );
}

/** Shows the rising spend until the budget has stopped it. */
async function watchSpending(
  { stage, client, say }: RunawayOptions,
  researcher: string,
  before: number,
): Promise<void> {
  let shown = 0;
  await stage.until('the budget to stop the loop', async () => {
    const used = (await spent(client, researcher)) - before;
    if (used >= shown + 25) say(`  spent ${(shown = used)} of ${ALLOWANCE} units`);
    return used >= ALLOWANCE ? used : undefined;
  });
  say('BUDGET_EXCEEDED: the budget has stopped the loop, in the commit of the call that would have passed it.');
}

async function approveWrite({ stage, client, auto, say }: RunawayOptions): Promise<void> {
  const ask = await openAsk(stage, client);
  say(`Parked for approval: ${ask.summary} (policy "${ask.policy}").`);
  if (!auto) say(`  Approve it in the dashboard, with "aip approve ${ask.id}", or press Enter here.`);
  if (auto || (await waitForPerson(stage, () => isAnswered(client, ask.id))) === 'enter')
    await client.operate('asks.answer', { ask: ask.id, verdict: 'approve' });
  say('Approved: the stored call has passed all guards again, and the note is written.');
}

async function isAnswered(client: AipClient, id: string): Promise<boolean> {
  const { asks } = (await client.operate('asks.list', {})) as { asks: { id: string }[] };
  return !asks.some((ask) => ask.id === id);
}

/** Whoever watches may look at what has happened before it is taken away. */
async function lookAround({ stage, say }: RunawayOptions): Promise<void> {
  say('Look around: kill and proof are under Stops in the dashboard. Enter takes everything away again.');
  const enough = new AbortController();
  const signal = AbortSignal.any([enough.signal, stage.signal]);
  const waited = sleep(PATIENCE, undefined, { signal }).catch(() => {});
  await Promise.race([enterPressed(signal), waited]);
  enough.abort();
}

interface Proof {
  readonly seq: number;
  readonly last: number;
  readonly after: number;
  readonly since: number;
}

async function kill({ stage, client, auto, say }: RunawayOptions, researcher: string): Promise<Proof> {
  const scope = `agent:${researcher}`;
  say('It goes on reading notes, over and over. Time to stop it.');
  if (!auto) say('  Press Kill in the dashboard, run "aip kill agent:researcher", or press Enter here.');
  const isKilled = async (): Promise<boolean> =>
    (await client.operate('kills.list', {})).kills.some((stop) => stop.scope === scope || stop.scope === 'global');
  if (auto) await sleep(1_000);
  if (auto || (await waitForPerson(stage, isKilled)) === 'enter')
    await client.operate('kills.kill', { scope, reason: 'it runs away' });
  say('KILLED: sockets closed, tasks in flight canceled.');
  const stopped = (await client.operate('kills.list', {})).kills.find((stop) => stop.scope === scope) ?? {
    scope: 'global',
  };
  const proof = await client.operate('kills.proof', { scope: stopped.scope });
  return {
    seq: proof.kill.seq,
    last: proof.last_accept?.seq ?? 0,
    after: proof.last_accept?.after_ms ?? 0,
    since: proof.accepted_since,
  };
}

/** Waits for Enter here, or for somebody to do it elsewhere. */
async function waitForPerson(stage: Stage, done: () => Promise<boolean>): Promise<'enter' | 'done'> {
  const controller = new AbortController();
  try {
    const elsewhere = stage.until(
      'somebody to decide',
      async () => ((await done()) ? ('done' as const) : undefined),
      PATIENCE,
      300,
    );
    return await Promise.race([enterPressed(controller.signal), elsewhere]);
  } finally {
    controller.abort();
  }
}

async function proveIt({ dataDir, say }: RunawayOptions, acceptedSince: number): Promise<boolean> {
  // The last second of the log is signed with the next checkpoint.
  await sleep(1_200);
  const reports = await verifyFolder(dataDir);
  const ok = reports.every((report) => report.ok);
  const entries = reports.reduce((sum, report) => sum + report.entries, 0);
  say(
    `aip audit verify: ${ok ? `passes, ${entries} entries` : (reports.find((report) => !report.ok)?.problems[0]?.what ?? '')}.`,
  );
  say(`With one byte flipped in a copy: ${await verifyTampered(dataDir)}.`);
  return ok && acceptedSince === 0;
}
