import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AipClient } from '@aip/sdk';
import { AipError } from '@aip/wire';
import { verifyFolder } from '../../main/audit.ts';
import { connected, DEMO_POLICY, NOTES_EFFECTS, openAsk, type Stage } from './stage.ts';

export interface CrashOptions {
  /** Disposed by whoever opened it, also when the demonstration is broken off. */
  readonly stage: Stage;
  readonly say: (line: string) => void;
}

const AIP = path.resolve(import.meta.dirname, '../../../bin/aip.mjs');

/**
 * `kill -9` in the middle of a three-step task with a pending approval, and a new start: the same task, no
 * completed step repeated, the approval still there to be answered.
 */
export async function demoCrash({ stage, say }: CrashOptions): Promise<boolean> {
  const folder = mkdtempSync(path.join(tmpdir(), 'aip-crash-'));
  const trace = path.join(folder, 'effects.txt');
  writeFileSync(trace, '');
  stage.afterwards(() => rmSync(folder, { recursive: true, force: true }));
  const notes = await stage.startServer('notes-server.ts');
  const settings = { mcp: { servers: { notes: { url: notes, effects: NOTES_EFFECTS } } } };
  writeFileSync(path.join(folder, 'aip.yaml'), JSON.stringify(settings));
  const port = await freePort();
  let platform = await startPlatform(folder, port);
  stage.afterwards(async () => {
    if (platform.exitCode !== null || platform.signalCode !== null) return;
    platform.kill('SIGKILL');
    await once(platform, 'exit');
  });
  const client = new AipClient({
    url: `http://127.0.0.1:${port}`,
    token: readFileSync(path.join(folder, 'data', 'admin.token'), 'utf8').trim(),
  });
  await client.operate('policies.put', { name: 'demo.cedar', text: DEMO_POLICY });
  for (const name of ['counter', 'clerk']) {
    const { join_token } = await client.operate('agents.invite', { name });
    stage.start(`${name}.ts`, {
      AIP_GATEWAY_URL: `ws://127.0.0.1:${port}/ws`,
      AIP_JOIN_TOKEN: join_token,
      AIP_KEY_FILE: path.join(folder, `${name}.key`),
      AIP_DEMO_TRACE: trace,
    });
    await connected(stage, client, name);
  }
  say('A clerk works on a report: two steps by a colleague, the third one a write that needs an approval.');
  const task = await startReport(client);
  const ask = await openAsk(stage, client);
  say(`Task ${task}: steps 1 and 2 are done, step 3 waits for approval ${ask.id}.`);

  platform.kill('SIGKILL');
  await once(platform, 'exit');
  say('kill -9: the platform is gone, in the middle of it.');
  platform = await startPlatform(folder, port);
  say('Started again on the same data folder.');

  const still = await openAsk(stage, client);
  say(still.id === ask.id ? 'The approval is still there.' : `Another approval is there: ${still.id}!`);
  await connected(stage, client, 'clerk');
  await client.operate('asks.answer', { ask: still.id, verdict: 'approve' });
  let state = '';
  for await (const update of client.follow(task)) state = update.state;
  say(`Approved. Task ${task} has ended: ${state}.`);

  const executed = readFileSync(trace, 'utf8')
    .split('\n')
    .filter((line) => line.includes('executed'));
  say(`Effects on record: ${executed.join(', ')}.`);
  const ok =
    state === 'completed' && still.id === ask.id && executed.length === new Set(executed).size && executed.length === 2;
  platform.kill('SIGTERM');
  await once(platform, 'exit');
  const reports = await verifyFolder(path.join(folder, 'data'));
  say(
    `aip audit verify: ${reports.every((report) => report.ok) ? 'passes' : (reports[0]?.problems[0]?.what ?? 'fails')}.`,
  );
  say(ok ? 'No completed step was repeated.' : 'That is not what was promised.');
  return ok && reports.every((report) => report.ok);
}

/** Starts the platform as a user would, and waits for its ready line. */
async function startPlatform(folder: string, port: number): Promise<ChildProcess> {
  const env = {
    ...process.env,
    AIP_CONFIG: path.join(folder, 'aip.yaml'),
    AIP_DATA_DIR: path.join(folder, 'data'),
    AIP_PORT: String(port),
    AIP_LOG_LEVEL: 'error',
  };
  const child = spawn(process.execPath, [AIP, 'up'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => [])])) as [Buffer?];
  if (line === undefined) throw new AipError('UPSTREAM_FAILED', 'The platform ended before it was ready.');
  return child;
}

/** Sends the report on its way and returns its task; the answer is read from the task later. */
async function startReport(client: AipClient): Promise<string> {
  const updates = client.stream('skill:clerk/report', {});
  const first = await updates.next();
  if (first.done) throw new AipError('UPSTREAM_FAILED', 'The report was not accepted.');
  const { task } = first.value;
  // The platform dies while this stream is open; the task does not.
  void updates.return(undefined);
  return task;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
