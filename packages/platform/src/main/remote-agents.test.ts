import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { claim } from '@aip/conformance';
import { AipClient } from '@aip/sdk';
import type { JsonObject } from '@aip/wire';
import { afterEach, describe, expect, it } from 'vitest';
import { startGateway } from '../edges/a2a/testing.ts';
import { text } from '../kernel/body.ts';
import { loadConfig } from './config.ts';
import { startPlatform } from './platform.ts';
import { everyByte, temporaryFolder } from './testing.ts';

/** A2A agents elsewhere, as the settings name them, through the whole platform. */
const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0).toReversed()) await item[Symbol.asyncDispose]();
});

async function platformWith(folder: string, agents: JsonObject, secrets: Record<string, string> = {}) {
  const logged: string[] = [];
  const config = loadConfig({ env: {}, flags: { data_dir: folder, port: 0, a2a: { agents } }, cwd: folder });
  const platform = await startPlatform({
    config,
    log: (...line) => void logged.push(JSON.stringify(line)),
  });
  open.push({ [Symbol.asyncDispose]: () => platform.stop() });
  const client = new AipClient({ url: platform.url, token: platform.core.secrets.adminToken });
  for (const [name, value] of Object.entries(secrets)) await client.operate('secrets.set', { name, value });
  const isActive = (name: string) =>
    expect
      .poll(() => platform.exchange.catalogue.get(`agent:${name}`)?.state, { timeout: 10_000, interval: 50 })
      .toBe('active');
  return { client, logged, isActive };
}

/** Answers every request with this; returns its origin and what has been asked of it. */
async function serve(answer: (origin: string) => JsonObject): Promise<{ origin: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''}`.trim());
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer(origin)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  open.push({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return { origin, asked };
}

const cardAt = (url: string, protocolBinding: string): JsonObject => ({
  name: 'far',
  description: 'Far away.',
  version: '1',
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  supportedInterfaces: [{ url, protocolBinding, protocolVersion: '1.0' }],
  capabilities: { streaming: true },
  skills: [],
});

describe(`a card that names an interface inside ${claim('P-A2A.client', 'D-SECURE.outbound')}`, () => {
  it.each(['JSONRPC', 'HTTP+JSON'])('is not followed there over %s, though its own address is', async (binding) => {
    using folder = temporaryFolder();
    const inside = await serve(() => ({ jsonrpc: '2.0', id: 1, result: {} }));
    const agents = await Promise.all(
      [
        `${inside.origin}/rpc`,
        `${inside.origin.replace('127.0.0.1', 'localhost')}/rpc`,
        `${inside.origin.replace('127.0.0.1', '[::ffff:127.0.0.1]')}/rpc`,
        'http://169.254.169.254/latest/meta-data',
        'http://10.0.0.1/rpc',
        'file:///etc/passwd',
      ].map(async (url, at) => {
        const { origin } = await serve(() => cardAt(url, binding));
        return [`far${at}`, { url: origin, headers: { authorization: 'Bearer for-its-origin' } }] as const;
      }),
    );
    const { client, isActive } = await platformWith(folder.path, Object.fromEntries(agents));
    for (const [name] of agents) {
      await isActive(name);
      await expect(client.invoke(`agent:${name}`, 'hello'), name).rejects.toMatchObject({ code: 'ADDRESS_BLOCKED' });
    }
    expect(inside.asked).toEqual([]);
  });
});

describe(`a header of an A2A agent that cites a secret ${claim('P-MCP-GW.secrets')}`, () => {
  const SECRET = 'a2a-token-hush-hush';

  it.each([
    ['as a whole', { vault: 'far-token' }, `Bearer ${SECRET}`],
    ['in its middle', 'Bearer {vault:far-token}', SECRET],
  ])('%s is sent once there is one, and does not come back', async (_how, authorization, value) => {
    using folder = temporaryFolder();
    await using other = await startGateway();
    await other.agent('far', [{ name: 'greet' }], async function* ({ message }) {
      yield { type: 'output', artifactId: 'g', body: text(`hello ${message.from.name}`) };
      yield { type: 'done', body: text(`hello ${message.from.name}`) };
    });
    const far = { url: `${other.url}/a2a/far`, headers: { authorization } };
    const { client, logged, isActive } = await platformWith(folder.path, { far });
    await expect.poll(() => logged.join('\n')).toContain('aip secret set far-token');
    await client.operate('secrets.set', { name: 'far-token', value });
    await isActive('far');
    const answer = JSON.stringify(await client.invoke('skill:far/greet', 'you'));
    expect(answer).toContain('hello [secret]');
    expect(logged.join('\n') + everyByte(folder.path)).not.toContain(SECRET);
  });
});
