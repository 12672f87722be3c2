import type { Json, JsonObject } from '@aip/wire';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { child, type ApiDocument, type Place } from './document.ts';
import { createSchemaBundle, type Direction } from './schema.ts';
import { testDocument } from './testing.ts';

async function translated(version: string, schemas: JsonObject, direction: Direction = 'input'): Promise<JsonObject> {
  const api: ApiDocument = await testDocument({ openapi: version, components: { schemas } });
  const bundle = createSchemaBundle(api, direction);
  const place = child(api.root, 'components', 'schemas', 'It') as Place;
  return { ...(bundle.translate(place) as JsonObject), ...bundle.definitions() };
}

/** An independent validator of JSON Schema 2020-12 is the judge. */
const accepts = (schema: JsonObject, value: Json): boolean => new Ajv2020({ strict: false }).compile(schema)(value);

describe('schemas of OpenAPI 3.0 become JSON Schema 2020-12', () => {
  it('nullable is a type', async () => {
    const schema = await translated('3.0.3', { It: { type: 'string', nullable: true, enum: ['a', 'b'] } });
    expect(schema).toEqual({ type: ['string', 'null'], enum: ['a', 'b', null] });
    expect([null, 'a', 'c'].map((value) => accepts(schema, value))).toEqual([true, true, false]);
  });

  it('nullable beside allOf is an alternative', async () => {
    const It = { nullable: true, allOf: [{ $ref: '#/components/schemas/Other' }] };
    const schema = await translated('3.0.3', { It, Other: { type: 'object', required: ['a'] } });
    expect([null, { a: 1 }, {}, 3].map((value) => accepts(schema, value))).toEqual([true, true, false, false]);
  });

  it('exclusive bounds are numbers', async () => {
    const schema = await translated('3.0.3', {
      It: { type: 'number', minimum: 1, exclusiveMinimum: true, maximum: 3, exclusiveMaximum: false },
    });
    expect([1, 1.1, 3, 3.1].map((value) => accepts(schema, value))).toEqual([false, true, true, false]);
  });

  it('files are base64', async () => {
    expect(await translated('3.0.3', { It: { type: 'string', format: 'binary' } })).toEqual({
      type: 'string',
      contentEncoding: 'base64',
    });
  });

  it('nothing beside a reference counts, while in 3.1 it does', async () => {
    const schemas = { It: { $ref: '#/components/schemas/Other', maxLength: 2 }, Other: { type: 'string' } };
    expect(accepts(await translated('3.0.3', schemas), 'long')).toBe(true);
    expect(accepts(await translated('3.1.0', schemas), 'long')).toBe(false);
  });
});

describe('a schema is complete in itself', () => {
  it('also one that contains itself', async () => {
    const schema = await translated('3.1.0', {
      It: { type: 'object', properties: { next: { $ref: '#/components/schemas/It' }, value: { type: 'integer' } } },
    });
    expect(accepts(schema, { value: 1, next: { value: 2, next: { value: 3 } } })).toBe(true);
    expect(accepts(schema, { value: 1, next: { value: 2, next: { value: 'x' } } })).toBe(false);
  });

  it('and two of one name stay two', async () => {
    const schema = await translated('3.1.0', {
      It: {
        type: 'object',
        properties: {
          a: { $ref: '#/components/schemas/Deep/properties/x' },
          b: { $ref: '#/components/schemas/Other/properties/x' },
        },
      },
      Deep: { properties: { x: { type: 'string' } } },
      Other: { properties: { x: { type: 'integer' } } },
    });
    expect(accepts(schema, { a: 'a', b: 1 })).toBe(true);
    expect(accepts(schema, { a: 1, b: 1 })).toBe(false);
    expect(accepts(schema, { a: 'a', b: 'b' })).toBe(false);
  });

  it('properties may be called like keywords, and examples may hold anything', async () => {
    const schema = await translated('3.0.3', {
      It: {
        type: 'object',
        example: { $ref: 'nowhere.yaml' },
        properties: { nullable: { type: 'string' }, example: { type: 'string' }, $ref: { type: 'string' } },
        required: ['nullable'],
      },
    });
    expect(Object.keys(schema['properties'] as JsonObject)).toEqual(['nullable', 'example', '$ref']);
    expect(accepts(schema, { $ref: 'x' })).toBe(false);
  });

  it('what only an answer has is not asked for, and the reverse', async () => {
    const It = {
      type: 'object',
      properties: { id: { type: 'integer', readOnly: true }, password: { type: 'string', writeOnly: true } },
      required: ['id', 'password'],
    };
    expect(await translated('3.1.0', { It })).toEqual({
      type: 'object',
      properties: { password: { type: 'string' } },
      required: ['password'],
    });
    expect(await translated('3.1.0', { It }, 'output')).toMatchObject({ required: ['id'] });
  });

  it('a wide web of schemas ends at a bound, with schemas that take anything', async () => {
    const names = Array.from({ length: 60 }, (_, i) => `S${i}`);
    const all = Object.fromEntries(names.map((name) => [name, { $ref: `#/components/schemas/${name}` }]));
    const schemas = Object.fromEntries(names.map((name) => [name, { type: 'object', properties: all }]));
    const schema = await translated('3.1.0', { It: { type: 'object', properties: all }, ...schemas });
    expect(JSON.stringify(schema).length).toBeLessThan(100_000);
    expect(accepts(schema, { S1: { S2: { S3: {} } } })).toBe(true);
  });

  it('a reference that leads nowhere is named where it stands', async () => {
    await expect(
      translated('3.1.0', { It: { type: 'object', properties: { a: { $ref: '#/components/schemas/No' } } } }),
    ).rejects.toThrow(/#\/components\/schemas\/It\/properties\/a: #\/components\/schemas\/No does not exist/);
  });
});
