import { claim } from '@aip/conformance';
import { describe, expect, it } from 'vitest';
import { runClientLeg } from './run-client.ts';
import { failed } from './suite.ts';

/** Each leg takes about a minute: they run where AIP_TEST_CONFORMANCE_CLIENT is set, and in `npm run conformance:mcp`. */
const isWanted = process.env['AIP_TEST_CONFORMANCE_CLIENT'] !== undefined;

describe.skipIf(!isWanted)('the official suite, with this gateway as the client', () => {
  it.each([
    ['2026-07-28', 32],
    ['2025-11-25', 18],
  ] as const)(
    `%s: all %i scored scenarios pass ${claim('P-MCP-GW.client-conformance')}`,
    async (revision, scored) => {
      const { scenarios, exitCode, output } = await runClientLeg(revision);
      const counted = scenarios.filter((scenario) => scenario.scored);
      expect(counted.filter((scenario) => failed(scenario).length > 0)).toEqual([]);
      expect(counted).toHaveLength(scored);
      expect(exitCode, output.slice(-2_000)).toBe(0);
    },
    600_000,
  );
});
