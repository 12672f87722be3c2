import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { claims } from './claims.ts';

export const root = path.dirname(import.meta.dirname);

/** Test files by the id of the claim they cite, paths relative to the repository. */
export type Citations = Map<string, string[]>;

const CITATION = /\bclaim\(([^)]*)\)/g;
const LITERAL = /['"`]([^'"`]+)['"`]/g;

/** The claim ids cited in the source of a test. */
export function citedIn(source: string): string[] {
  const ids = [...source.matchAll(CITATION)].flatMap(([, list = '']) => [...list.matchAll(LITERAL)]);
  return [...new Set(ids.map(([, id = '']) => id))];
}

/** Reads every test of the repository. A test that proves a part of a claim counts for the whole as well. */
export async function citations(): Promise<Citations> {
  const found: Citations = new Map();
  const pattern = '{packages,apps,conformance,examples}/**/*.test.{ts,tsx}';
  const files = await Array.fromAsync(glob(pattern, { cwd: root, exclude: ['**/node_modules/**', '**/dist/**'] }));
  for (const file of files.toSorted()) {
    const cited = citedIn(await readFile(path.join(root, file), 'utf8'));
    for (const id of new Set(cited.flatMap(withWholes))) found.set(id, [...(found.get(id) ?? []), file]);
  }
  return found;
}

/** What is wrong between the registry and the tests, one sentence for each fault. */
export function registryFaults(registry: typeof claims, cited: Citations): string[] {
  const byId = new Map(registry.map((entry) => [entry.id, entry]));
  const unknown = [...cited].filter(([id]) => !byId.has(id));
  return [
    ...unknown.map(([id, files]) => `${files.join(', ')} cites ${id}, which is not in the registry.`),
    ...registry
      .filter(({ id, status }) => status === 'done' && !cited.has(id))
      .map(({ id }) => `${id} is done, but no test cites it.`),
    ...registry.flatMap(({ id, status }) => {
      if (!id.includes('.')) return [];
      const whole = byId.get(id.slice(0, id.lastIndexOf('.')));
      if (whole === undefined) return [`${id} is a part of nothing in the registry.`];
      return whole.status === 'done' && status !== 'done'
        ? [`${whole.id} is done, but its part ${id} is ${status}.`]
        : [];
    }),
  ];
}

/** `A-B.c.d` with the claims it is a part of: `A-B.c` and `A-B`. */
const withWholes = (id: string): string[] => id.split('.').map((_, end, parts) => parts.slice(0, end + 1).join('.'));
