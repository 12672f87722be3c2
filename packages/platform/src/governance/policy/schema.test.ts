import { describe, expect, it } from 'vitest';
import { loadCedar, parseSchema } from './cedar.ts';
import { AIP_SCHEMA, AIP_SCHEMA_JSON } from './schema.ts';

describe('the built-in schema', () => {
  it('says the same in its JSON form as in its text', async () => {
    const json = parseSchema(await loadCedar(), AIP_SCHEMA);
    expect(AIP_SCHEMA_JSON, `schema.json should be:\n${JSON.stringify(json)}\n`).toEqual(json);
  });
});
