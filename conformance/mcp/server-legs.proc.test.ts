import { claim } from '@aip/conformance';
import { describe, expect, it } from 'vitest';
import { runServerLeg } from './server-legs.ts';
import { failed } from './suite.ts';

describe(`the official suite’s server leg, through the gateway ${claim('P-MCP.conformance', 'P-MCP.tasks')}`, () => {
  it.each([
    ['2026-07-28', 'modern', 37],
    ['2025-11-25', 'legacy', 30],
    ['2025-11-25', 'modern', 30],
  ] as const)('%s passes with an upstream that is %s', async (revision, upstream, scored) => {
    const { scenarios, exitCode, output } = await runServerLeg(revision, upstream);
    expect(scenarios.filter((scenario) => scenario.scored)).toHaveLength(scored);
    // What is not scored passes as well, the tasks extension among it.
    const wrong = scenarios.flatMap((scenario) => failed(scenario).map((check) => `${scenario.scenario}: ${check.id}`));
    expect(wrong, output).toEqual([]);
    expect(exitCode).toBe(0);
  });
});
