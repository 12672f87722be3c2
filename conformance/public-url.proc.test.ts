import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { claim } from '@aip/conformance';
import { describe, expect, it } from 'vitest';
import { startPlatformProcess } from './fixtures/platform-process.ts';

/** A request as a proxy passes it on: with the Host that its client has named. */
async function behindProxy(port: number, path: string, host: string): Promise<{ status?: number; body: unknown }> {
  const headers = { host, 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example' };
  const sent = request({ host: '127.0.0.1', port, path, headers }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { ...(response.statusCode === undefined ? {} : { status: response.statusCode }), body: await json(response) };
}

describe('a platform behind a proxy that terminates TLS', () => {
  it(`answers to its public name and says it, and to no other ${claim('P-A2A.public-url')}`, async () => {
    await using platform = await startPlatformProcess({ settings: { public_url: 'https://aip.example.org' } });
    const card = await behindProxy(platform.port, '/.well-known/agent-card.json', 'aip.example.org');
    expect(card).toMatchObject({
      status: 200,
      body: { supportedInterfaces: [{ url: 'https://aip.example.org/a2a' }, {}, {}] },
    });
    expect(JSON.stringify(card.body)).not.toMatch(/http:|evil/);
    expect(await behindProxy(platform.port, '/openapi.json', 'aip.example.org')).toMatchObject({
      body: { servers: [{ url: 'https://aip.example.org' }] },
    });
    expect(await behindProxy(platform.port, '/healthz', 'evil.example')).toMatchObject({
      status: 403,
      body: { error: { code: 'FORBIDDEN_HOST' } },
    });
  }, 30_000);
});
