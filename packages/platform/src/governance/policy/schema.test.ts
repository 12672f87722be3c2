import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadCedar, parseSchema } from './cedar.ts';
import { AIP_SCHEMA, AIP_SCHEMA_JSON } from './schema.ts';

describe('the built-in schema', () => {
  it('says the same in its JSON form as in its text', async () => {
    const json = parseSchema(await loadCedar(), AIP_SCHEMA);
    expect(AIP_SCHEMA_JSON, `schema.json should be:\n${JSON.stringify(json)}\n`).toEqual(json);
  });
});

/** Rows of the tables of docs/policies.md, by what their first cell names. */
function documented(): Map<string, string[][]> {
  const page = readFileSync(new URL('../../../../../docs/policies.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  const namesIn = (cell = ''): string[] =>
    Array.from(cell.matchAll(/`([^`]+)`(\??)/g), ([, name, may]) => `${name}${may}`);
  return new Map(
    rows.flatMap((row) => {
      const cells = row.split('|').slice(1, -1);
      return namesIn(cells[0]).map((name) => [name, cells.slice(1).map(namesIn)] as const);
    }),
  );
}

describe('docs/policies.md', () => {
  const { entityTypes, actions } = AIP_SCHEMA_JSON['']!;
  const page = documented();

  it('has every type and action of the schema, and nothing else', () => {
    expect([...page.keys()].toSorted()).toEqual([...Object.keys(entityTypes), ...Object.keys(actions)].toSorted());
  });

  it.each(Object.entries(entityTypes))('says of %s what it has and what it is in', (type, entry) => {
    const { memberOfTypes = [], shape } = entry as {
      memberOfTypes?: string[];
      shape?: { attributes: Record<string, { required?: boolean }> };
    };
    const attributes = Object.entries(shape?.attributes ?? {}).map(
      ([name, { required = true }]) => `${name}${required ? '' : '?'}`,
    );
    const [, shown, parents] = page.get(type) ?? [];
    expect(shown?.toSorted()).toEqual(attributes.toSorted());
    expect(parents?.toSorted()).toEqual(memberOfTypes.toSorted());
  });

  it.each(Object.entries(actions))('says of %s what it is on', (name, { appliesTo }) => {
    expect(page.get(name)?.[0]?.toSorted()).toEqual([...(appliesTo?.resourceTypes ?? [])].toSorted());
  });
});
