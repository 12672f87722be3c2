import { claim } from '@aip/conformance';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../kernel/testing.ts';
import { policy, request } from './generator.testing.ts';
import { openShadow } from './shadow.ts';
import { unvalidated } from './testing.ts';

/** Multiplies the number of generated cases. */
const ROUNDS = rounds(1);

describe(`closures decide as cedar-wasm does ${claim('N-POLICY')}`, () => {
  it(
    'about any policies and requests: effect, determining policies, failing policies',
    { timeout: 600_000 },
    async () => {
      const seen = { permit: 0, forbidden: 0, unmatched: 0, failing: 0 };
      const sets = fc.array(policy, { minLength: 1, maxLength: 12 }).map((policies) => policies.join('\n'));
      const requests = fc.array(request, { minLength: 1, maxLength: 8 });
      await fc.assert(
        fc.asyncProperty(sets, requests, async (text, asked) => {
          using shadow = openShadow(await unvalidated(text));
          for (const one of asked) {
            const { closures, cedar, agrees } = shadow.compare(one);
            expect(agrees, JSON.stringify({ closures, cedar })).toBe(true);
            seen.failing += Number(cedar.errors.length > 0);
            if (cedar.effect === 'permit') seen.permit += 1;
            else if (cedar.reasons.length > 0) seen.forbidden += 1;
            else seen.unmatched += 1;
          }
        }),
        { numRuns: 600 * ROUNDS },
      );
      // A generator that never gets anywhere proves nothing.
      const total = seen.permit + seen.forbidden + seen.unmatched;
      for (const [outcome, count] of Object.entries(seen)) expect(count / total, outcome).toBeGreaterThan(0.05);
    },
  );
});
