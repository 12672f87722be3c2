import { claims } from './claims.ts';
import type { ClaimId } from './claims.ts';

export type { ClaimId } from './claims.ts';

const known = new Set<string>(claims.map(({ id }) => id));

/**
 * Cites claims in the title of a test that proves them: `` it(`refuses a replay ${claim('P-IOAP.replay')}`, …) ``.
 * Write the ids as literals: the registry finds its tests by reading their source.
 *
 * @returns the ids in brackets, such as `[P-IOAP.replay]`
 * @throws RangeError for an id the registry does not hold
 */
export function claim(...ids: [ClaimId, ...ClaimId[]]): string {
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length > 0) throw new RangeError(`No such claim: ${unknown.join(', ')}. See conformance/claims/.`);
  return ids.map((id) => `[${id}]`).join('');
}
