import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../main/testing.ts';
import { openTestSources, startTestApi, type TestApi, type TestSources } from '../testing.ts';

const SECRET = 'k3y-that-nobody-sees';

const PETS: JsonObject = {
  openapi: '3.0.3',
  info: { title: 'Pets', version: '1' },
  servers: [{ url: '/api' }],
  paths: {
    '/pets': {
      get: {
        operationId: 'listPets',
        summary: 'Pets, by page.',
        tags: ['reading'],
        parameters: [
          { name: 'limit', in: 'query', schema: { type: 'integer' } },
          { name: 'tags', in: 'query', schema: { type: 'array', items: { type: 'string' } } },
          { name: 'filter', in: 'query', style: 'deepObject', explode: true, schema: { type: 'object' } },
          { name: 'api_key', in: 'query', schema: { type: 'string' } },
          { name: 'X-Trace', in: 'header', schema: { type: 'string' } },
          { name: 'Authorization', in: 'header', schema: { type: 'string' } },
          { name: 'session', in: 'cookie', schema: { type: 'string' } },
        ],
        responses: {
          200: { description: 'ok', content: { 'application/json': { schema: { type: 'array', items: {} } } } },
        },
      },
      post: {
        operationId: 'create pet!',
        requestBody: {
          required: true,
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Pet' } } },
        },
        responses: {
          201: {
            description: 'made',
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Pet' } } },
          },
        },
      },
    },
    '/pets/{id}': {
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
      get: {
        operationId: 'getPet',
        parameters: [{ name: 'id', in: 'query', schema: { type: 'string' } }],
        responses: {
          200: { description: 'ok', content: { 'application/json': { schema: { $ref: '#/components/schemas/Pet' } } } },
        },
      },
      delete: { responses: { 204: { description: 'gone' } } },
    },
    '/form': {
      post: {
        operationId: 'sendForm',
        requestBody: {
          content: {
            'application/x-www-form-urlencoded': {
              schema: {
                type: 'object',
                properties: {
                  a: { type: 'string' },
                  b: { type: 'array', items: { type: 'string' } },
                  c: { type: 'object' },
                },
              },
            },
          },
        },
        responses: {},
      },
    },
    '/upload': {
      post: {
        operationId: 'upload',
        requestBody: {
          content: {
            'multipart/form-data': {
              schema: {
                type: 'object',
                properties: { title: { type: 'string' }, file: { type: 'string', format: 'binary' } },
              },
            },
          },
        },
        responses: {},
      },
    },
    '/broken': {
      get: { operationId: 'broken', parameters: [{ $ref: '#/components/parameters/Missing' }], responses: {} },
    },
    ...Object.fromEntries(
      ['image', 'text', 'large', 'error', 'echo-key', 'redirect', 'slow', 'nothing', 'not-json'].map((name) => [
        `/answers/${name}`,
        { get: { operationId: name, responses: {} } },
      ]),
    ),
    '/answers/promise': {
      get: {
        operationId: 'promise',
        responses: { 200: { description: 'ok', content: { 'application/json': { schema: { type: 'object' } } } } },
      },
    },
  },
  components: {
    schemas: {
      Pet: {
        type: 'object',
        required: ['id', 'name'],
        properties: {
          id: { type: 'integer', readOnly: true },
          name: { type: 'string' },
          nickname: { type: 'string', nullable: true },
          mother: { $ref: '#/components/schemas/Pet' },
        },
      },
    },
  },
};

const pets = Array.from({ length: 5 }, (_, id) => ({
  id,
  name: `pet ${id}`,
  owner: { name: 'Ann', mail: 'a@example.org' },
}));

let api: TestApi;
let test: TestSources;
const logged: string[] = [];

beforeAll(async () => {
  api = await startTestApi((app) => {
    app.get('/openapi.json', () => PETS);
    app.get('/api/pets', (_request, reply) => reply.send(pets));
    app.post('/api/pets', (request, reply) => reply.code(201).send({ id: 9, ...(request.body as JsonObject) }));
    app.get('/api/pets/:id', () => pets[0]);
    app.delete('/api/pets/:id', (_request, reply) => reply.code(204).send());
    app.post('/api/form', () => ({ ok: true }));
    app.post('/api/upload', () => ({ ok: true }));
    app.get('/api/answers/image', (_request, reply) => reply.type('image/png').send(Buffer.from([0x89, 0x50, 0, 1])));
    app.get('/api/answers/text', (_request, reply) => reply.type('text/plain').send('plain words'));
    app.get('/api/answers/large', () => ({ text: 'x'.repeat(5_000) }));
    app.get('/api/answers/error', (_request, reply) => reply.code(422).send({ problem: 'no such day' }));
    app.get('/api/answers/echo-key', (request) => ({ headers: request.headers, url: request.url }));
    app.get('/api/answers/redirect', (_request, reply) => reply.redirect('http://127.0.0.2:8099/inside'));
    app.get('/api/answers/slow', async () => new Promise(() => {}));
    app.get('/api/answers/nothing', (_request, reply) => reply.code(204).send());
    app.get('/api/answers/not-json', (_request, reply) => reply.type('application/json').send('<html>'));
    app.get('/api/answers/promise', (_request, reply) => reply.type('text/html').send('<html>'));
  });
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

describe('a document', () => {
  it.each([
    ['{"openapi": "3.1.0", ', /api\.json is neither JSON nor YAML/],
    ['hello', /#: this is no OpenAPI document/],
    ['{"swagger": "2.0"}', /#: version "2.0" is not read; 3.0 and 3.1 are/],
    [
      '{"openapi": "3.1.0", "servers": [{"url": "https://example.org"}], "paths": {}}',
      /#: none of its operations is selected/,
    ],
    [
      '{"openapi": "3.1.0", "servers": [{"url": "/v1"}], "paths": {"/a": {"get": {}}}}',
      /#\/servers\/0: .*set base_url/,
    ],
    [
      JSON.stringify({ openapi: '3.1.0', servers: [{ url: 'https://example.org' }], paths: { '/a/{b}': { get: {} } } }),
      /#\/paths\/~1a~1\{b\}\/get: the path has \{b\}/,
    ],
    [
      JSON.stringify({
        openapi: '3.1.0',
        servers: [{ url: 'https://example.org' }],
        paths: { '/a': { get: { parameters: [{ in: 'query' }] } } },
      }),
      /#\/paths\/~1a\/get\/parameters\/0: a parameter has a name/,
    ],
    [
      JSON.stringify({
        openapi: '3.1.0',
        servers: [{ url: 'https://example.org' }],
        paths: { '/a': { get: { parameters: [{ $ref: '#/components/parameters/A' }] } } },
        components: {
          parameters: { A: { $ref: '#/components/parameters/B' }, B: { $ref: '#/components/parameters/A' } },
        },
      }),
      /its reference leads in a circle/,
    ],
  ])('that cannot be used fails alone, with its place: %s', async (content, message) => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'api.json'), content);
    await using it = await openTestSources(
      { openapi: { bad: { document: 'api.json' } }, files: { good: { root: '.' } } },
      { folder: folder.path },
    );
    expect(it.sources.status()).toMatchObject([
      { name: 'bad', state: 'failed', error: expect.stringMatching(message) },
      { name: 'good', state: 'active' },
    ]);
  });

  it('may be of several files in one folder, but not of what lies outside', async () => {
    using folder = temporaryFolder();
    const inner = join(folder.path, 'inner');
    mkdirSync(inner);
    writeFileSync(join(folder.path, 'secret.yaml'), 'name: secret');
    symlinkSync(join(folder.path, 'secret.yaml'), join(inner, 'link.yaml'));
    writeFileSync(join(inner, 'shared.yaml'), 'Id: { name: id, in: path, required: true, schema: { type: string } }');
    const operation = (reference: string): JsonObject => ({ get: { parameters: [{ $ref: reference }] } });
    writeFileSync(
      join(inner, 'api.yaml'),
      JSON.stringify({
        openapi: '3.1.0',
        paths: {
          '/a/{id}': operation('shared.yaml#/Id'),
          '/b/{id}': operation('../secret.yaml#/'),
          '/c/{id}': operation('link.yaml'),
          '/d/{id}': operation('https://example.org/x.yaml#/Id'),
        },
      }),
    );
    await using it = await openTestSources(
      { openapi: { it: { document: 'inner/api.yaml', base_url: 'https://example.org' } } },
      { folder: folder.path },
    );
    expect(it.offered('it')).toEqual(['tool:it/get_a_id']);
    expect(it.sources.status()[0]!.problems.join('\n')).toMatch(
      /secret\.yaml lies outside.*\n.*link\.yaml lies outside.*\n.*another origin: https:\/\/example\.org\/x\.yaml/,
    );
  });

  it('is read again when its file changes, and keeps what it had while it is broken', async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'api.yaml');
    const yaml = (...names: string[]): string =>
      `openapi: 3.1.0\npaths:\n${names.map((name) => `  /${name}: { get: {} }\n`).join('')}`;
    writeFileSync(file, yaml('a'));
    await using it = await openTestSources(
      { openapi: { it: { document: 'api.yaml', base_url: 'https://example.org' } } },
      { folder: folder.path },
    );
    writeFileSync(file, yaml('a', 'b'));
    await expect.poll(() => it.offered('it')).toEqual(['tool:it/get_a', 'tool:it/get_b']);
    writeFileSync(file, 'openapi: [');
    await expect.poll(() => it.sources.status()[0]!.state).toBe('failed');
    expect(it.offered('it')).toEqual(['tool:it/get_a', 'tool:it/get_b']);
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

  it('names its server, but only the operator names one of this network', async () => {
    const folder = documentFolder({
      openapi: '3.1.0',
      servers: [{ url: '{scheme}://127.0.0.1:8099', variables: { scheme: { default: 'http' } } }],
      paths: { '/a': { get: {} } },
    });
    await using it = await openTestSources({ openapi: { it: { document: 'api.json' } } }, { folder });
    expect((await it.call('tool:it/get_a')).error).toMatchObject({ code: 'ADDRESS_BLOCKED' });
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
