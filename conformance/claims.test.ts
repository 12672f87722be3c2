import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { citations, citedIn, registryFaults, root } from './citations.ts';
import type { ClaimStatus } from './claim-table.ts';
import { claim } from './claim.ts';
import { claimsDocument } from './claims-document.ts';
import { claims } from './claims.ts';

// Put together, so that the examples below do not count as citations themselves.
const call = (list: string): string => ['it(`works ${claim', `(${list})`, '}`)'].join('');
const entry = (id: string, status: ClaimStatus) => ({
  id,
  area: 'protocols',
  source: 'mission',
  behaviour: '',
  status,
});

describe('the claims registry', () => {
  it('agrees with the tests that cite it', async () => {
    expect(registryFaults(claims, await citations())).toEqual([]);
  });

  it('names every claim once', () => {
    const ids = claims.map(({ id }) => id);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  });

  it('is the page docs/claims.md; `npm run claims -- --write` renews it', async () => {
    const page = await readFile(path.join(root, 'docs', 'claims.md'), 'utf8');
    expect(page).toBe(claimsDocument(await citations()));
  });
});

describe('citing a claim', () => {
  it('puts the ids into the title', () => {
    const cite: (...ids: string[]) => string = claim as never;
    expect(cite('T-LOGS', 'T-DASH')).toBe('[T-LOGS][T-DASH]');
    expect(() => cite('T-NOTHING')).toThrow(/No such claim: T-NOTHING/);
  });

  it('is found in the source of a test, over several lines and with several ids', () => {
    expect(citedIn(call("'A-B', 'C-D.e'") + call("\n  'F-G',\n") + call("'A-B'"))).toEqual(['A-B', 'C-D.e', 'F-G']);
  });
});

describe('a fault in the registry', () => {
  it('is a citation of a claim that does not exist', () => {
    const faults = registryFaults([], new Map([['A-B', ['a.test.ts']]]));
    expect(faults).toEqual(['a.test.ts cites A-B, which is not in the registry.']);
  });

  it('is a claim said to be done that no test cites', () => {
    expect(registryFaults([entry('A-B', 'done')], new Map())).toEqual(['A-B is done, but no test cites it.']);
    expect(registryFaults([entry('A-B', 'done')], new Map([['A-B', ['a.test.ts']]]))).toEqual([]);
    expect(registryFaults([entry('A-B', 'planned'), entry('C-D', 'partial')], new Map())).toEqual([]);
  });

  it('is a claim said to be done before its parts are', () => {
    const faults = registryFaults([entry('A-B', 'done'), entry('A-B.c', 'partial')], new Map([['A-B', ['a.test.ts']]]));
    expect(faults).toEqual(['A-B is done, but its part A-B.c is partial.']);
  });

  it('is a part without a whole', () => {
    expect(registryFaults([entry('A-B.c', 'planned')], new Map())).toEqual([
      'A-B.c is a part of nothing in the registry.',
    ]);
  });
});
