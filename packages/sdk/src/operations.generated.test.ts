import { readFileSync } from 'node:fs';
import { claim } from '@aip/conformance';
import { expect, it } from 'vitest';
import { currentDocument, generate, GENERATED } from '../../../scripts/generate-sdk.ts';

it(`is what the platform offers now; "node scripts/generate-sdk.ts" renews it ${claim('D-SDK.aip-client')}`, async () => {
  expect(readFileSync(GENERATED, 'utf8')).toBe(await generate(await currentDocument()));
}, 30_000);

it('turns JSON Schema into types', async () => {
  const schema = (input: object) => ({
    paths: {
      '/v1/a/b': { post: { operationId: 'a.b', summary: 'Does it.', 'x-aip-effect': 'write' } },
      '/v1/invoke': { post: { operationId: 'invoke' } },
    },
    components: { schemas: { 'a.b.input': input, 'a.b.output': {} } },
  });
  const source = await generate(
    schema({
      type: 'object',
      required: ['id'],
      properties: {
        id: { type: 'integer' },
        kind: { enum: ['x', 'y'] },
        list: { type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'null' }] } },
        'odd-name': { type: 'object', additionalProperties: { type: 'boolean' } },
        any: {},
      },
    }) as never,
  );
  expect(source.replaceAll(/\s+/g, ' ')).toContain(
    "/** Does it. Effect: write. */ 'a.b': { input: { id: number; kind?: 'x' | 'y'; list?: (string | null)[]; 'odd-name'?: { [name: string]: boolean }; any?: Json; }; output: Json; };",
  );
  expect(source).not.toContain('invoke');
});
