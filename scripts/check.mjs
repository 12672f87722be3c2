// `npm test`: every check there is, one after the other. All of them run even when one fails; the last line counts
// tests and checks together.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { ensurePackages } from './ensure.mjs';
import { inRoot, root } from './repository.mjs';
import { runTests } from './tests.mjs';

// Only the tests need these programs; until then the network can be slow beside the other checks.
const programs = once(
  spawn(process.execPath, [inRoot('scripts', 'ensure.mjs'), '--test-programs'], { stdio: 'inherit' }),
  'exit',
);
ensurePackages();

const scratch = mkdtempSync(path.join(tmpdir(), 'aip-check-'));
const bin = inRoot('node_modules', '.bin');
const environment = { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH ?? ''}` };

/** Heading and command; commands are found in node_modules/.bin first, `node` being Node 24 there. */
const sections = [
  ['Lockfile', 'node', 'scripts/lockfile.mjs'],
  ['Types (tsc)', 'tsc', '-p', 'tsconfig.json'],
  ['Types of the dashboard (tsc)', 'tsc', '-p', 'apps/dashboard/tsconfig.json'],
  ['Lint (oxlint)', 'oxlint'],
  ['Format (oxfmt)', 'oxfmt', '--check'],
  ['Unused code and packages (knip)', 'knip', '--no-progress'],
  ['Dashboard build (vite)', 'node', 'scripts/dashboard.mjs'],
];

const results = sections.map(([heading, command, ...args]) => check(heading, () => ran(command, args)));
if ((await programs)[0] !== 0) throw new Error('What the tests need could not be installed.');
/** @type {import('./tests.mjs').TestOutcome} */
let tests = { ok: false, passed: 0, failed: 0, unsteady: [] };
const tested = check('Tests (vitest)', () => (tests = runTests((args) => ran('vitest', args), scratch)).ok);

console.log(`\n── Summary ${'─'.repeat(69)}`);
for (const { heading, ok, seconds } of [...results, tested]) {
  console.log(`${ok ? 'passed' : 'FAILED'}  ${heading.padEnd(36)} ${seconds.toFixed(1).padStart(6)} s`);
}
for (const name of tests.unsteady) console.log(`UNSTEADY, passed only when run again: ${name}`);

// What failed outside of any test, or before the first, counts as one check.
const others = tested.ok || tests.failed > 0 ? results : [...results, tested];
const passed = tests.passed + others.filter(({ ok }) => ok).length;
const failed = tests.failed + others.filter(({ ok }) => !ok).length;
console.log(`${tests.passed + tests.failed} tests and ${results.length} checks.`);
console.log(`${passed} passed, ${failed} failed`);
rmSync(scratch, { recursive: true, force: true });
process.exitCode = failed === 0 ? 0 : 1;

/** @param {string} heading @param {() => boolean} work */
function check(heading, work) {
  console.log(`\n── ${heading} ${'─'.repeat(Math.max(3, 76 - heading.length))}`);
  const begun = performance.now();
  const ok = work();
  return { heading, ok, seconds: (performance.now() - begun) / 1000 };
}

/** @param {string} command @param {string[]} args */
function ran(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, env: environment, stdio: 'inherit' });
  if (error) console.error(error.message);
  return status === 0;
}
