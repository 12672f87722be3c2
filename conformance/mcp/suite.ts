import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The revisions whose requirements the official suite has frozen. */
export type Revision = '2026-07-28' | '2025-11-25';

export interface Check {
  readonly id: string;
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
  readonly errorMessage?: string;
}

export interface ScenarioResult {
  readonly scenario: string;
  /** Whether the requirements of the revision count it. */
  readonly scored: boolean;
  readonly checks: readonly Check[];
}

export interface LegResult {
  readonly scenarios: readonly ScenarioResult[];
  /** 0 when every scored scenario has passed, in the suite's own judgement. */
  readonly exitCode: number | null;
  readonly output: string;
}

const PACKAGE = path.dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json'));
const COMMAND = path.join(PACKAGE, 'dist/index.js');
/** Failures that are expected, each with its reason. It is empty, and a scored one may not be added. */
const EXPECTED_FAILURES = path.join(import.meta.dirname, 'expected-failures.yaml');

export const failed = ({ checks }: ScenarioResult): readonly Check[] =>
  checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING');

/** Runs one leg of the official suite, `server` or `client`, with these arguments besides. */
export async function runSuite(
  leg: 'server' | 'client',
  revision: Revision,
  args: readonly string[],
): Promise<LegResult> {
  const results = mkdtempSync(path.join(tmpdir(), 'aip-conformance-'));
  try {
    const common = ['--requirements', revision, '--expected-failures', EXPECTED_FAILURES, '--output-dir', results];
    const child = spawn(process.execPath, [COMMAND, leg, ...args, ...common], {
      cwd: results,
      env: { PATH: process.env['PATH'] ?? '', HOME: results, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    const [exitCode] = (await once(child, 'close')) as [number | null];
    return { scenarios: readResults(results, leg, scoredIn(revision, leg)), exitCode, output };
  } finally {
    rmSync(results, { recursive: true, force: true });
  }
}

/** The scenarios that count, by the suite's own list: YAML, a list for each leg. */
function scoredIn(revision: Revision, leg: 'server' | 'client'): ReadonlySet<string> {
  const requirements = readFileSync(path.join(PACKAGE, 'requirements', `${revision}.yaml`), 'utf8');
  const list = requirements.split(/^(?=\w+:)/m).find((section) => section.startsWith(`${leg}:`)) ?? '';
  return new Set([...list.matchAll(/^ {2}- (\S+)$/gm)].flatMap(([, scenario]) => scenario ?? []));
}

/** A folder for each scenario: `<leg>-<scenario>-<time>/checks.json`. */
function readResults(folder: string, leg: string, scored: ReadonlySet<string>): ScenarioResult[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => path.basename(file) === 'checks.json')
    .map((file) => {
      const scenario = path
        .dirname(file)
        .replace(new RegExp(`^${leg}-`), '')
        .replace(/-\d{4}-\d{2}-\d{2}T[\dZ-]+$/, '');
      const checks = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Check[];
      return { scenario, scored: scored.has(scenario), checks };
    })
    .toSorted((a, b) => Number(b.scored) - Number(a.scored) || a.scenario.localeCompare(b.scenario));
}
