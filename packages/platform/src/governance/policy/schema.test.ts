import { describe, expect, it } from 'vitest';
import { loadCedar, parseSchema } from './cedar.ts';
import { AIP_SCHEMA } from './schema.ts';

describe('the built-in schema', () => {
  it('has a JSON form derived from its text', async () => {
    const json = parseSchema(await loadCedar(), AIP_SCHEMA);
    await expect(`${JSON.stringify(json, null, 1)}\n`).toMatchFileSnapshot('./schema.json');
  });
});
