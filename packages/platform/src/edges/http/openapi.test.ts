import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, describe, it } from 'vitest';
import { z } from 'zod';
import { operationEntries } from '../../exchange/operation-route.ts';
import { operation } from '../../kernel/operation.ts';
import { openApiDocument } from './openapi.ts';
import { createTestEdge, sampleOperations } from './testing.ts';

const tree: z.ZodType = z.object({ name: z.string(), children: z.array(z.lazy(() => tree)) });
const recursive = operation({
  name: 'samples.tree',
  summary: 'A tree.',
  effect: 'read',
  plane: 'data',
  input: z.object({ root: tree }),
  output: tree,
  handler: () => ({ output: {} }),
});

const document = openApiDocument(operationEntries([...sampleOperations, recursive]), '1.0.0') as unknown as {
  paths: Record<string, Record<string, JsonObject & { operationId: string; parameters?: JsonObject[] }>>;
  components: { schemas: Record<string, JsonObject> };
};

const references = (value: unknown): string[] =>
  typeof value !== 'object' || value === null
    ? []
    : Object.entries(value).flatMap(([key, item]) => (key === '$ref' ? [String(item)] : references(item)));

const resolves = (reference: string): boolean =>
  reference
    .slice(2)
    .split('/')
    .reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], document) !== undefined;

describe(`the OpenAPI document ${claim('D-DOCS.openapi')}`, () => {
  it('has every operation: POST for all, GET with query parameters for those that read', () => {
    expect(Object.keys(document.paths['/v1/samples/count']!)).toEqual(['post']);
    expect(Object.keys(document.paths['/v1/samples/echo']!)).toEqual(['get', 'post']);
    expect(document.paths['/v1/samples/echo']!['get']!.parameters!.map((parameter) => parameter['name'])).toEqual([
      'text',
      'count',
      'flag',
      'tags',
      'filter',
    ]);
  });

  it('has the calls and streams that are no operations', () => {
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/v1/invoke', '/v1/tasks/{id}/events', '/v1/events', '/v1/login']),
    );
  });

  it('names every operation once', () => {
    const ids = Object.values(document.paths).flatMap((path) =>
      Object.values(path).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('has no reference into nowhere', () => {
    const broken = references(document).filter((reference) => !resolves(reference));
    expect(broken).toEqual([]);
  });

  it('has schemas that validate, those that contain themselves too', () => {
    const ajv = new Ajv2020({ strict: false });
    ajv.addSchema(document, 'doc');
    const validate = ajv.getSchema('doc#/components/schemas/samples.tree.input')!;
    expect(validate({ root: { name: 'a', children: [{ name: 'b', children: [] }] } })).toBe(true);
    expect(validate({ root: { name: 'a', children: [{ name: 1, children: [] }] } })).toBe(false);
  });

  it('names the server when it is known under a public URL', async () => {
    expect(document).not.toHaveProperty('servers');
    await using edge = await createTestEdge({ http: { publicUrl: 'https://aip.example.org' } });
    expect((await edge.app.inject('/openapi.json')).json()).toMatchObject({
      servers: [{ url: 'https://aip.example.org' }],
    });
  });

  it('is served', async () => {
    await using edge = await createTestEdge();
    const answer = await edge.app.inject('/openapi.json');
    expect(answer.json()).toMatchObject({
      openapi: '3.1.0',
      paths: { '/v1/tasks/list': { get: { operationId: 'tasks.list' } } },
    });
  });
});
