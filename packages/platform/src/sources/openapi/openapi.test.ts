import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../main/testing.ts';
import { openTestSources, startTestApi, type TestApi, type TestSources } from '../testing.ts';
import { startPetsApi } from './pets.testing.ts';

const SECRET = 'k3y-that-nobody-sees';

let api: TestApi;
let test: TestSources;
const logged: string[] = [];

beforeAll(async () => {
  api = await startPetsApi();
  test = await openTestSources(
    {
      openapi: {
        pets: {
          document: `${api.url}/openapi.json`,
          auth: { api_key: { in: 'query', name: 'api_key', value: { vault: 'pets' } } },
          headers: { 'X-Tenant': 'acme' },
          timeout_seconds: 1,
          response: { max_bytes: 1_000, max_items: 3, pick: { getPet: ['id', 'owner.name'] } },
          prices: { listPets: 2 },
          effects: { create_pet: 'write' },
        },
      },
    },
    { secrets: { pets: SECRET }, log: (...line) => logged.push(JSON.stringify(line)) },
  );
});

afterAll(async () => {
  await test[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
});

const lastRequest = () => api.requests.at(-1)!;
const textOf = (value: JsonObject): string => ((value['content'] as JsonObject[])[0]!['text'] as string) ?? '';

describe(`an OpenAPI document becomes tools ${claim('P-MCP-GW.openapi')}`, () => {
  it('one for each operation, by a legal name of its own', () => {
    const names = test.offered('pets').map((address) => address.replace('tool:pets/', ''));
    expect(names).toEqual(
      [
        'create_pet',
        'delete_pets_id',
        'echo-key',
        'error',
        'getPet',
        'image',
        'large',
        'listPets',
        'not-json',
        'nothing',
        'promise',
        'redirect',
        'sendForm',
        'slow',
        'text',
        'upload',
      ].toSorted(),
    );
    for (const name of names) expect(name).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
  });

  it('whose effect is what the method means, unless the operator says otherwise', () => {
    const effects = ['listPets', 'create_pet', 'delete_pets_id', 'sendForm'].map(
      (name) => test.entry(`tool:pets/${name}`)?.effect,
    );
    expect(effects).toEqual(['read', 'write', 'external', 'external']);
    expect(test.entry('tool:pets/listPets')).toMatchObject({
      price: 2,
      idempotent: true,
      description: 'Pets, by page.',
    });
  });

  it('that take parameters and body as named arguments, but nothing of the operator’s', () => {
    expect(Object.keys(test.entry('tool:pets/listPets')!.inputSchema!['properties'] as JsonObject)).toEqual([
      'limit',
      'tags',
      'filter',
      'X-Trace',
      'session',
    ]);
    expect(test.entry('tool:pets/create_pet')!.inputSchema).toEqual({
      type: 'object',
      properties: {
        name: { type: 'string' },
        nickname: { type: ['string', 'null'] },
        mother: { $ref: '#/$defs/Pet' },
      },
      required: ['name'],
      additionalProperties: false,
      $defs: expect.objectContaining({ Pet: expect.anything() }),
    });
    expect(test.entry('tool:pets/getPet')!.inputSchema).toMatchObject({
      properties: { id: {}, id_query: {} },
      required: ['id'],
    });
  });

  it('and promise what the document promises, unless something is picked out of it', () => {
    expect(test.entry('tool:pets/create_pet')!.outputSchema).toMatchObject({
      type: 'object',
      required: ['id', 'name'],
    });
    expect(test.entry('tool:pets/getPet')!.outputSchema).toBeUndefined();
  });

  it('names what it has to leave out, with its place', () => {
    expect(test.sources.status()[0]).toMatchObject({
      state: 'active',
      tools: 16,
      problems: [
        expect.stringMatching(
          /openapi\.json#\/paths\/~1broken\/get\/parameters\/0: #\/components\/parameters\/Missing does not exist/,
        ),
      ],
    });
  });

  it('is narrowed by name, method and path, or tag', async () => {
    const offered = async (operations: JsonObject) => {
      await using it = await openTestSources({ openapi: { it: { document: `${api.url}/openapi.json`, operations } } });
      return it.offered('it').map((address) => address.replace('tool:it/', ''));
    };
    expect(await offered({ include: ['getPet', 'GET /answers/t*'] })).toEqual(['getPet', 'text']);
    expect(await offered({ include: ['* /pets*'], exclude: ['DELETE *', 'create pet!'] })).toEqual([
      'getPet',
      'listPets',
    ]);
    expect(await offered({ tags: ['reading'] })).toEqual(['listPets']);
  });
});

describe('a call of such a tool', () => {
  it('is the request that the document describes', async () => {
    const { value } = await test.call('tool:pets/listPets', {
      limit: 5,
      tags: ['a b', 'c&d'],
      filter: { name: 'x' },
      'X-Trace': 't',
      session: 's',
    });
    expect(value['isError']).toBeUndefined();
    expect(lastRequest()).toMatchObject({
      url: `/api/pets?limit=5&tags=a%20b&tags=c%26d&filter%5Bname%5D=x&api_key=${SECRET}`,
      headers: { 'x-trace': 't', cookie: 'session=s', 'x-tenant': 'acme' },
    });
  });

  it('sends a body as JSON, and null where the schema has null', async () => {
    await test.call('tool:pets/create_pet', { name: 'Rex', nickname: null });
    expect(lastRequest()).toMatchObject({ method: 'POST', body: { name: 'Rex', nickname: null } });
  });

  it('sends a body as a form, and as parts', async () => {
    await test.call('tool:pets/sendForm', { a: 'x y', b: ['1', '2'], c: { d: 1 } });
    expect(lastRequest().body).toBe('a=x+y&b=1&b=2&c=%7B%22d%22%3A1%7D');
    await test.call('tool:pets/upload', { title: 'T', file: Buffer.from('bytes').toString('base64') });
    expect(lastRequest().headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
    expect(lastRequest().body).toMatch(/name="title"\r\n\r\nT\r\n[^]*filename="file"[^]*\r\n\r\nbytes\r\n/);
  });

  it.each([
    ['a missing argument', 'getPet', {}, /id: required/],
    ['an unknown argument', 'getPet', { id: '1', admin: true }, /admin: there is no such argument/],
    ['a path that leads elsewhere', 'getPet', { id: '../../openapi.json' }, /no parts of a path/],
    ['a header of two lines', 'listPets', { 'X-Trace': 'a\r\nX-Tenant: other' }, /one line/],
    ['a file that is no base64', 'upload', { file: '%' }, /base64/],
  ])('with %s is refused before anything is sent', async (_, tool, args, message) => {
    const before = api.requests.length;
    const { error, effect } = await test.call(`tool:pets/${tool}`, args);
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) });
    expect(effect).toBe('none');
    expect(api.requests).toHaveLength(before);
  });
});

describe(`the operator’s credentials ${claim('P-MCP-GW.sources-secrets')}`, () => {
  it('cannot be replaced by an object whose keys become parameters', async () => {
    await using forms = await openTestSources(
      {
        openapi: {
          it: {
            document: 'api.json',
            base_url: api.url,
            auth: { api_key: { in: 'query', name: 'api_key', value: { env: 'KEY' } } },
          },
        },
      },
      {
        environment: { KEY: SECRET },
        folder: documentFolder({
          openapi: '3.1.0',
          paths: {
            '/api/pets': {
              get: { operationId: 'find', parameters: [{ name: 'any', in: 'query', schema: { type: 'object' } }] },
            },
          },
        }),
      },
    );
    await forms.call('tool:it/find', { any: { api_key: 'mine', 'api%5Fkey': 'mine too', x: 1 } });
    expect(new URL(lastRequest().url, api.url).searchParams.getAll('api_key')).toEqual([SECRET]);
    expect(lastRequest().url).toContain('x=1');
  });

  it('do not come back, whatever the API repeats, and are not logged', async () => {
    const { value } = await test.call('tool:pets/echo-key');
    expect(textOf(value)).toContain('api_key=[secret]');
    expect(JSON.stringify([value, logged])).not.toContain(SECRET);
    const entries = test.exchange.journal.read.entries('default', { from: 0, limit: 1_000 });
    expect(JSON.stringify(entries)).not.toContain(SECRET);
  });

  it('may be a part of a header', async () => {
    await using server = await startTestApi((app) => {
      app.get('/it', (request) => ({ told: request.headers['x-key'] }));
    });
    await using one = await openTestSources(
      {
        openapi: {
          one: { document: 'api.json', base_url: server.url, headers: { 'X-Key': 'key={env:KEY}', 'X-Mode': 'fast' } },
        },
      },
      {
        environment: { KEY: SECRET },
        folder: documentFolder({ openapi: '3.1.0', paths: { '/it': { get: { operationId: 'it' } } } }),
      },
    );
    const { value } = await one.call('tool:one/it');
    expect(server.requests.at(-1)!.headers).toMatchObject({ 'x-key': `key=${SECRET}`, 'x-mode': 'fast' });
    expect(textOf(value)).toContain('[secret]');
    expect(JSON.stringify(value)).not.toContain(SECRET);
  });

  it('are read for each call, and missing ones are named', async () => {
    await test.vault.remove('default', 'platform', 'pets');
    const { error } = await test.call('tool:pets/text');
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringMatching(/no secret "pets"/) });
    await test.vault.write('default', 'platform', 'pets', SECRET);
    expect(textOf((await test.call('tool:pets/text')).value)).toBe('plain words');
  });

  it('may be a token, a name with a password, a header, a cookie, or what an OAuth server gives', async () => {
    let tokens = 0;
    await using server = await startTestApi((app) => {
      app.post('/token', () => ({ access_token: `token-${++tokens}`, expires_in: 3600, token_type: 'Bearer' }));
      app.get('/it', (request, reply) =>
        reply.code(request.headers.authorization === 'Bearer token-1' && tokens < 2 ? 401 : 200).send({ ok: true }),
      );
    });
    const folder = documentFolder({ openapi: '3.1.0', paths: { '/it': { get: { operationId: 'it' } } } });
    const secret = { env: 'KEY' };
    const seen = async (auth: JsonObject) => {
      await using one = await openTestSources(
        { openapi: { one: { document: 'api.json', base_url: server.url, auth: auth as never } } },
        { folder, environment: { KEY: SECRET } },
      );
      await one.call('tool:one/it');
      await one.call('tool:one/it');
      return server.requests.at(-1)!;
    };
    expect((await seen({ bearer: secret })).headers.authorization).toBe(`Bearer ${SECRET}`);
    expect((await seen({ basic: { username: 'ann', password: secret } })).headers.authorization).toBe(
      `Basic ${Buffer.from(`ann:${SECRET}`).toString('base64')}`,
    );
    expect((await seen({ api_key: { in: 'header', name: 'X-Key', value: secret } })).headers['x-key']).toBe(SECRET);
    expect((await seen({ api_key: { in: 'cookie', name: 'key', value: secret } })).headers.cookie).toBe(
      `key=${SECRET}`,
    );
    // Refused once, so that a new one was asked for.
    const granted = await seen({
      client_credentials: { token_url: `${server.url}/token`, client_id: 'a:b', client_secret: secret, scope: 'read' },
    });
    expect(granted.headers.authorization).toBe('Bearer token-2');
    const asked = server.requests.find(({ url }) => url === '/token')!;
    expect(asked.headers.authorization).toBe(`Basic ${Buffer.from(`a%3Ab:${SECRET}`).toString('base64')}`);
    expect(asked.body).toBe('grant_type=client_credentials&scope=read');
  });
});

describe('what an API answers', () => {
  it('is structured when it is JSON, with lists cut and paths picked', async () => {
    const list = await test.call('tool:pets/listPets');
    expect(list.value['structuredContent']).toHaveLength(3);
    expect(list.value['content']).toContainEqual({
      type: 'text',
      text: '2 items were left out; a list has at most 3.',
    });
    expect((await test.call('tool:pets/getPet', { id: '0' })).value['structuredContent']).toEqual({
      id: 0,
      owner: { name: 'Ann' },
    });
  });

  it('is text when it is text, an image when it is one, and nothing when there is nothing', async () => {
    expect((await test.call('tool:pets/text')).value).toEqual({ content: [{ type: 'text', text: 'plain words' }] });
    expect((await test.call('tool:pets/image')).value['content']).toEqual([
      { type: 'image', mimeType: 'image/png', data: 'iVAAAQ==' },
    ]);
    expect((await test.call('tool:pets/nothing')).value).toEqual({ content: [{ type: 'text', text: '' }] });
    expect((await test.call('tool:pets/not-json')).value).toEqual({ content: [{ type: 'text', text: '<html>' }] });
  });

  it.each([
    ['an error with its status and body', 'error', /^HTTP 422\.\n\{"problem":"no such day"\}$/],
    ['one that is too large', 'large', /^HTTP 200; the answer of 50\d\d bytes is larger than the limit of 1000/],
    ['one that breaks the promise', 'promise', /not the JSON that this API promises/],
  ])('is an error that the model can read: %s', async (_, tool, message) => {
    const { value, error } = await test.call(`tool:pets/${tool}`);
    expect(error).toMatchObject({ code: 'TOOL_FAILED' });
    expect(value).toMatchObject({ isError: true, content: [{ text: expect.stringMatching(message) }] });
  });

  it('is not followed to a private address', async () => {
    const { error } = await test.call('tool:pets/redirect');
    expect(error).toMatchObject({ code: 'ADDRESS_BLOCKED' });
  });

  it('has to come in time', async () => {
    expect((await test.call('tool:pets/slow')).error).toMatchObject({ code: 'TIMEOUT' });
  });
});

describe('what happened outside when a call ends without an answer', () => {
  const paths = { '/it': { post: { operationId: 'it' }, get: { operationId: 'look' } } };

  it('is unknown once it was sent, and nothing when nobody was there', async () => {
    const folder = documentFolder({ openapi: '3.1.0', paths });
    await using cut = await startTestApi((app) => {
      app.all('/it', (request) => void request.raw.socket.destroy());
    });
    const gone = await startTestApi(() => {});
    await gone[Symbol.asyncDispose]();
    await using it = await openTestSources(
      {
        openapi: {
          cut: { document: 'api.json', base_url: cut.url },
          gone: { document: 'api.json', base_url: gone.url },
        },
      },
      { folder },
    );
    expect(await it.call('tool:cut/it')).toMatchObject({ error: { code: 'UPSTREAM_FAILED' }, effect: 'unknown' });
    expect(await it.call('tool:cut/look')).toMatchObject({ error: { code: 'UPSTREAM_FAILED' }, effect: 'none' });
    expect(await it.call('tool:gone/it')).toMatchObject({ error: { code: 'UPSTREAM_FAILED' }, effect: 'none' });
    expect(cut.requests).toHaveLength(2);
  });
});

const folders: { [Symbol.dispose](): void }[] = [];
afterAll(() => {
  for (const folder of folders) folder[Symbol.dispose]();
});

function documentFolder(content: JsonObject): string {
  const folder = temporaryFolder();
  folders.push(folder);
  writeFileSync(join(folder.path, 'api.json'), JSON.stringify(content));
  return folder.path;
}
