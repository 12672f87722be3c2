import type { JsonObject } from '@aip/wire';
import { startTestApi, type TestApi } from '../testing.ts';

/** The document of {@link startPetsApi}. */
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

/** An API that its document describes, and that answers in every way. */
export const startPetsApi = (): Promise<TestApi> =>
  startTestApi((app) => {
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
