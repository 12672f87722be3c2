import { ClientFactory } from '@a2a-js/sdk/client';
import { claim } from '@aip/conformance';
import { isJsonObject, verifyCard, type JsonObject } from '@aip/wire';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Guard } from '../../kernel/guard.ts';
import { officialVerifier, send, startGateway, type Gateway } from './testing.ts';

describe(`agent cards ${claim('P-A2A.card')}`, () => {
  let gateway: Gateway;
  let did: string;

  beforeAll(async () => {
    gateway = await startGateway();
    did = await gateway.agent(
      'translator',
      [{ name: 'translate', description: 'Says it in another language.' }, { name: 'detect' }],
      async function* () {},
    );
  });
  afterAll(() => gateway[Symbol.asyncDispose]());

  const fetchCard = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(gateway.url + path, { headers });
    return { response, card: (response.status === 304 ? {} : await response.json()) as JsonObject };
  };

  it('an agent has a signed A2A 1.0 card at its own path, found by name and by DID', async () => {
    const { card } = await fetchCard('/a2a/translator/.well-known/agent-card.json');
    expect(card).toMatchObject({
      name: 'translator',
      version: '1.2.3',
      capabilities: { streaming: true, pushNotifications: false, extendedAgentCard: false },
      supportedInterfaces: [
        { url: `${gateway.url}/a2a/${did}`, protocolBinding: 'JSONRPC', protocolVersion: '1.0' },
        { url: `${gateway.url}/a2a/${did}`, protocolBinding: 'HTTP+JSON', protocolVersion: '1.0' },
        { url: `${gateway.url}/a2a/${did}`, protocolBinding: 'JSONRPC', protocolVersion: '0.3' },
      ],
      securitySchemes: { bearer: { httpAuthSecurityScheme: { scheme: 'Bearer' } } },
      skills: [{ id: 'translate', description: 'Says it in another language.' }, { id: 'detect' }],
    });
    expect((await fetchCard(`/a2a/${did}`)).card).toEqual(card);
    expect((await fetchCard(`/a2a/${encodeURIComponent(did)}`)).card).toEqual(card);
  });

  it('the official verifier and ours accept the signature, and refuse it on a card that was changed', async () => {
    const { card } = await fetchCard('/a2a/translator');
    await officialVerifier(card as never);
    expect(verifyCard(card).card['name']).toBe('translator');
    const client = await gateway.client('translator');
    expect((await client.getAgentCard(undefined, officialVerifier)).name).toBe('translator');
    // The official verifier tells the console why it refuses.
    vi.spyOn(console, 'debug').mockReturnValue();
    const forged = {
      ...card,
      supportedInterfaces: [{ url: 'https://elsewhere.example', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
    };
    await expect(officialVerifier(forged as never)).rejects.toThrow('No valid signatures');
    expect(() => verifyCard(forged)).toThrow();
    vi.restoreAllMocks();
  });

  it('the gateway lists the skills of connected agents as <agent>.<skill> on a card of its own', async () => {
    const { card } = await fetchCard('/.well-known/agent-card.json');
    expect(card['skills']).toMatchObject([{ id: 'translator.translate' }, { id: 'translator.detect' }]);
    expect(card['version']).toBe('1.2.3');
    expect(card['supportedInterfaces']).toMatchObject([{ url: `${gateway.url}/a2a` }, {}, {}]);
    await officialVerifier(card as never);
  });

  it(`cards name the public URL when there is one, and never what a forwarded header says ${claim('P-A2A.public-url')}`, async () => {
    const forwarded = {
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil.example',
      forwarded: 'host=evil.example',
    };
    const urlsAt = async (url: string): Promise<string> => {
      const response = await fetch(`${url}/.well-known/agent-card.json`, { headers: forwarded });
      return JSON.stringify(((await response.json()) as JsonObject)['supportedInterfaces']);
    };
    await using behindProxy = await startGateway({ publicUrl: 'https://aip.example.org' });
    expect(await urlsAt(behindProxy.url)).toContain('"https://aip.example.org/a2a"');
    expect(await urlsAt(behindProxy.url)).not.toContain('http://');
    expect(await urlsAt(gateway.url)).toContain(`"${gateway.url}/a2a"`);
    expect(await urlsAt(gateway.url)).not.toContain('evil');
  });

  it('cards are cached with a validator', async () => {
    const { response } = await fetchCard('/a2a/translator');
    const etag = response.headers.get('etag') as string;
    expect(response.headers.get('cache-control')).toBe('max-age=60');
    expect((await fetchCard('/a2a/translator', { 'if-none-match': etag })).response.status).toBe(304);
    expect((await fetchCard('/a2a/translator', { 'if-none-match': '"other"' })).response.status).toBe(200);
  });

  it('the official client finds an agent before it has a token, where policy shows its card to strangers', async () => {
    const policy: Guard = {
      name: 'policy',
      admit: ({ principal, message }) =>
        principal.kind === 'anonymous' && message.to !== 'operation:agents.get'
          ? { verdict: 'deny', error: { code: 'UNAUTHENTICATED', message: 'Say who you are.', retryable: false } }
          : { verdict: 'pass' },
    };
    await using strict = await startGateway({ slots: { policy } });
    await strict.agent('open', [{ name: 'main' }], async function* () {});
    const client = await new ClientFactory().createFromUrl(strict.url, '/a2a/open/.well-known/agent-card.json');
    expect((await client.getAgentCard()).name).toBe('open');
    await expect(client.sendMessage(send('x'))).rejects.toThrow('Say who you are.');
    const gateway = await strict.app.inject({ url: '/.well-known/agent-card.json' });
    expect(gateway.json()).toMatchObject({ name: 'AIP', skills: [] });
    const known = { url: '/a2a/open', headers: { host: 'gateway.example', authorization: 'Bearer alice' } };
    expect((await strict.app.inject(known)).json()).toMatchObject({
      supportedInterfaces: [
        { url: expect.stringMatching(/^http:\/\/gateway\.example\/a2a\/did:key:/) as string },
        {},
        {},
      ],
    });
  });

  it('nobody has a card who is not known', async () => {
    const { response, card } = await fetchCard('/a2a/nobody');
    expect(response.status).toBe(404);
    expect(isJsonObject(card['error']) && card['error']).toMatchObject({
      code: 404,
      status: 'NOT_FOUND',
      details: [{ reason: 'UNKNOWN_AGENT', domain: 'aip' }],
    });
  });
});
