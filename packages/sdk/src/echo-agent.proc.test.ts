import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { claim } from '@aip/conformance';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from '../../platform/src/edges/ioap/testing.ts';
import { GatewayClient } from './gateway-client.ts';

let gateway: TestGateway;
let folder: string;
const processes: ChildProcess[] = [];

beforeEach(async () => {
  gateway = await startTestGateway({ joinToken: 'sesame' });
  folder = mkdtempSync(join(tmpdir(), 'aip-echo-'));
});
afterEach(async () => {
  for (const child of processes.splice(0)) await kill(child);
  await gateway[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

function startEcho(): ChildProcess {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../../../examples/echo-agent.ts', import.meta.url))], {
    cwd: folder,
    env: { ...process.env, AIP_GATEWAY_URL: gateway.url, AIP_JOIN_TOKEN: 'sesame' },
    stdio: 'ignore',
  });
  processes.push(child);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const connected = (): boolean =>
  gateway.exchange.catalogue.list({ kind: 'skill' }).some(({ owner }) => gateway.exchange.routes.get(owner));

it(`the echo agent, a process of its own, joins, answers, and is the same agent after a kill -9 ${claim('P-IOAP.agent')}`, async () => {
  const first = startEcho();
  await expect.poll(connected, { timeout: 20_000 }).toBe(true);
  await using client = new GatewayClient({ url: gateway.url });
  await client.connect();
  await client.register({ name: 'caller', join_token: 'sesame' });
  expect(await client.sendExecRequest('capability:echo', { args: { text: 'hello' } })).toBe('hello');
  await kill(first);
  await expect.poll(connected).toBe(false);
  startEcho();
  await expect.poll(connected, { timeout: 20_000 }).toBe(true);
  expect(await client.sendExecRequest('agent:echo', { args: { text: 'again' } })).toBe('again');
  expect(gateway.exchange.catalogue.list({ kind: 'skill' })).toHaveLength(1);
});
