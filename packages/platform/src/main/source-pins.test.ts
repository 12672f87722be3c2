import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOutbound } from '../engines/outbound/fetch.ts';
import { outcomeOf } from '../exchange/index.ts';
import type { Address } from '../kernel/address.ts';
import { data } from '../kernel/body.ts';
import { createSources, sourcesSchema, type Sources } from '../sources/index.ts';
import { startTestApi, type SourcesInput, type TestApi } from '../sources/testing.ts';
import { openTestCore, temporaryFolder, type TestCore } from './testing.ts';

/** An OpenAPI document that somebody else serves, over a real core that pins what it says. */
const SECRET = 'k3y-of-the-operator';
const LIST = { operationId: 'list', summary: 'Pets.', responses: {} };
const limitIn = (where: string): JsonObject => ({ name: 'limit', in: where, schema: { type: 'integer' } });
const BODY = { content: { 'application/json': { schema: { type: 'string' } } } };

let folder: ReturnType<typeof temporaryFolder>;
let api: TestApi;
let elsewhere: TestApi;
let document: JsonObject;
let core: TestCore;
let sources: Sources;
const outbound = createOutbound();

beforeEach(async () => {
  folder = temporaryFolder();
  api = await startTestApi((app) => {
    app.get('/openapi.json', () => document);
    app.all('/*', () => ({ ok: true }));
  });
  elsewhere = await startTestApi((app) => {
    app.all('/*', () => ({ ok: true }));
  });
  document = documentOf({ '/pets': { get: { ...LIST, parameters: [limitIn('query')] } } });
  core = await openTestCore(folder.path, { pinning: (name) => sources?.pinning(name) });
});
afterEach(async () => {
  await sources.stop();
  await core[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
  await elsewhere[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const documentOf = (paths: JsonObject, more: JsonObject = {}): JsonObject => ({
  openapi: '3.1.0',
  info: { title: 'Pets', version: '1' },
  paths,
  ...more,
});

async function open(more: Partial<NonNullable<SourcesInput['openapi']>[string]> = {}): Promise<void> {
  sources = createSources(core.exchange, {
    settings: sourcesSchema.parse({ openapi: { pets: { document: `${api.url}/openapi.json`, ...more } } }),
    folder: folder.path,
    fetchFor: outbound.fetchFor,
    readSecret: async () => SECRET,
    openDatabase: () => {
      throw new Error('there is none');
    },
  });
  sources.start();
  await sources.settled();
}

async function readAgain(): Promise<void> {
  await sources.stop();
  sources.start();
  await sources.settled();
}

async function call(args: JsonObject = {}): Promise<string> {
  try {
    const to: Address = 'tool:pets/list';
    const sent = await core.exchange.send(core.admin, { to, action: 'call', body: data(args) });
    return outcomeOf(await sent.ended).ok ? 'ok' : 'failed';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const asked = (): string[] =>
  [...api.requests, ...elsewhere.requests]
    .map(({ method, url }) => `${method} ${url}`)
    .filter((request) => request !== 'GET /openapi.json');

const auth = { bearer: { env: 'KEY' } };

describe(`what a document of somebody else makes of a tool ${claim('P-MCP-GW.openapi')}`, () => {
  it('is called while it stays as it was pinned, and is not shown', async () => {
    await open({ auth });
    expect(await call({ limit: 5 })).toBe('ok');
    document = { ...document, info: { title: 'Other words', version: '2' } };
    await readAgain();
    expect(await call({ limit: 5 })).toBe('ok');
    expect(asked()).toEqual(['GET /pets?limit=5', 'GET /pets?limit=5']);
    expect(api.requests.at(-1)!.headers.authorization).toBe(`Bearer ${SECRET}`);
    const { entries } = await core.operate<{ entries: JsonObject[] }>('catalogue.list', { owner: 'pets' });
    expect(entries).toEqual([expect.objectContaining({ name: 'list' })]);
    expect(JSON.stringify(entries)).not.toContain('/pets"');
  });

  it.each<[string, () => JsonObject]>([
    ['method', () => documentOf({ '/pets': { delete: { ...LIST, parameters: [limitIn('query')] } } })],
    ['path', () => documentOf({ '/admin': { get: { ...LIST, parameters: [limitIn('query')] } } })],
    ['place of a parameter', () => documentOf({ '/pets': { get: { ...LIST, parameters: [limitIn('header')] } } })],
    [
      'writing of a parameter',
      () => documentOf({ '/pets': { get: { ...LIST, parameters: [{ ...limitIn('query'), explode: false }] } } }),
    ],
    ['path of the server', () => ({ ...document, servers: [{ url: '/admin' }] })],
    ['server', () => ({ ...document, servers: [{ url: elsewhere.url }] })],
  ])('is quarantined with another %s, and the API hears nothing', async (_, changed) => {
    await open();
    expect(await call()).toBe('ok');
    document = changed();
    await readAgain();
    expect(await call({ limit: 1 })).toBe('QUARANTINED');
    expect(asked()).toEqual(['GET /pets']);
  });

  it('is quarantined with another type of its body', async () => {
    const upload = (type: string): JsonObject =>
      documentOf({
        '/pets': { post: { ...LIST, requestBody: { content: { [type]: BODY.content['application/json'] } } } },
      });
    document = upload('application/json');
    await open();
    expect(await call({ body: 'x' })).toBe('ok');
    document = upload('text/plain');
    await readAgain();
    expect(await call({ body: 'x' })).toBe('QUARANTINED');
    expect(asked()).toEqual(['POST /pets']);
  });

  it('has the credentials for the origin of the document only, unless the operator says otherwise', async () => {
    document = { ...document, servers: [{ url: elsewhere.url }] };
    await open({ auth });
    expect(sources.status()).toMatchObject([
      { state: 'failed', error: expect.stringMatching(/names the server http:\/\/127\.0\.0\.1:\d+, .* set base_url/) },
    ]);
    expect(asked()).toEqual([]);
    await sources.stop();
    await open({ auth, base_url: elsewhere.url });
    expect(await call()).toBe('ok');
    expect(elsewhere.requests.at(-1)!.headers.authorization).toBe(`Bearer ${SECRET}`);
  });
});
