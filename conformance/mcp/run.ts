import { runClientLeg } from './run-client.ts';
import { runServerLeg } from './server-legs.ts';
import { failed, type LegResult } from './suite.ts';

/** `npm run conformance:mcp`: every leg, as a table; fails when a scored scenario fails. */
const legs: readonly (readonly [string, () => Promise<LegResult>])[] = [
  ['server 2026-07-28, with a modern upstream', () => runServerLeg('2026-07-28', 'modern')],
  ['server 2025-11-25, with a legacy upstream', () => runServerLeg('2025-11-25', 'legacy')],
  ['server 2025-11-25, with a modern upstream', () => runServerLeg('2025-11-25', 'modern')],
  ['client 2026-07-28', () => runClientLeg('2026-07-28')],
  ['client 2025-11-25', () => runClientLeg('2025-11-25')],
];

for (const [leg, run] of legs) {
  const result = await run();
  if (result.exitCode !== 0) process.exitCode = 1;
  report(leg, result);
}

function report(leg: string, { scenarios, exitCode, output }: LegResult): void {
  print(`\n${leg}`);
  for (const scenario of scenarios) {
    const wrong = failed(scenario);
    const verdict =
      wrong.length === 0 ? 'passed' : wrong.some(({ status }) => status === 'FAILURE') ? 'FAILED' : 'warned';
    print(`  ${verdict}  ${scenario.scored ? 'scored' : '      '}  ${scenario.scenario}`);
    for (const { id, status, errorMessage } of wrong) print(`                  ${status} ${id}: ${errorMessage ?? ''}`);
  }
  const scored = scenarios.filter((scenario) => scenario.scored);
  const passed = scored.filter((scenario) => !failed(scenario).some(({ status }) => status === 'FAILURE'));
  print(`  ${passed.length} of ${scored.length} scored scenarios passed, ${scenarios.length - scored.length} more ran`);
  if (exitCode !== 0) print(output.slice(-2_000));
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
