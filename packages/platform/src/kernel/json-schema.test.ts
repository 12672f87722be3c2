import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { jsonSchemaOf } from './json-schema.ts';

/** What the schema accepts as JSON Schema, by a validator that knows nothing of zod. */
const accepts = (schema: z.ZodType, value: unknown): boolean =>
  new Ajv2020({ formats: { uri: true } }).validate(jsonSchemaOf(schema, 'input'), value);

describe('a schema means the same in JSON Schema', () => {
  test.each<[string, z.ZodType, readonly string[], readonly string[]]>([
    [
      'letters of either case',
      z.string().regex(/^[a-z0-9][a-z0-9._-]{0,3}$/i),
      ['a', 'Ab', '0B.c'],
      ['', '-a', 'abcde'],
    ],
    ['words of either case', z.string().regex(/^(?:get|set)-x$/i), ['get-x', 'SET-X', 'Get-X'], ['got-x', 'get_x']],
    [
      'with a description',
      z
        .string()
        .regex(/^[a-f]+$/i)
        .describe('hex'),
      ['aF'],
      ['g'],
    ],
    ['escapes stay what they are', z.string().regex(/^\d\w\sé$/i), ['1a é'], ['da é']],
    ['several at once', z.string().regex(/^a/i).regex(/z$/), ['Az', 'a-z'], ['AZ', 'bz']],
    ['a beginning', z.string().startsWith('did:'), ['did:x'], ['DID:x']],
  ])('%s', (_what, schema, good, bad) => {
    for (const text of good)
      expect([text, accepts(schema, text), schema.safeParse(text).success]).toEqual([text, true, true]);
    for (const text of bad)
      expect([text, accepts(schema, text), schema.safeParse(text).success]).toEqual([text, false, false]);
  });
});

test('formats are those that JSON Schema knows', () => {
  const schema = z.object({ did: z.string().startsWith('did:'), part: z.string().includes('x'), url: z.url() });
  expect(jsonSchemaOf(schema, 'input')['properties']).toEqual({
    did: { type: 'string', pattern: '^did:.*' },
    part: { type: 'string', pattern: 'x' },
    url: { type: 'string', format: 'uri' },
  });
});
