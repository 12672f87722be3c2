import { Frontier } from '@aip/wire';
import { expect, test } from 'vitest';
import type { Decider } from '../../kernel/entry.ts';
import { createReplay } from './replay.ts';
import { compareState } from './state.ts';

/** Writes one row, which expires at 50. */
const passing: Decider = {
  name: 'passing',
  kinds: ['pass'],
  keys: () => ['row'],
  decide: () => [{ key: 'row', value: 1, expires: 50 }],
};

test.for([
  ['before its time is missed', 49, ['the row "row" is missing']],
  ['after it, by the time of the log, is not, though the clock has been set back since', 51, []],
] as const)('a row that is gone %s', ([, at, problems]) => {
  const replay = createReplay([passing]);
  replay.next({ tenant: 't', seq: 0, at, kind: 'pass', head: {} });
  const frontier = new Frontier();
  frontier.append(new Uint8Array(32));
  const kept = {
    head: () => ({ tenant: 't', size: 1, at, frontier: frontier.serialise() }),
    filedRows: () => [],
    nodes: () => [],
  };
  const found = compareState(kept, 't', { replay, frontier, nodes: new Map(), at }, 10);
  expect(found.map(({ what }) => what)).toEqual(problems);
});
