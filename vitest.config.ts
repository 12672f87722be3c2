import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';

const everyTest = ['packages/**/src/**/*.test.ts', 'apps/**/src/**/*.test.ts', 'conformance/**/*.test.ts'];
const processTests = '**/*.proc.test.ts';
const browserTests = '**/*.browser.test.ts';

/** The same for all projects, so that they are one queue. Tests wait half of their time: one more than there are cores. */
const maxWorkers = availableParallelism() + 1;
/** Ends what hangs, also on a busy machine; what is waited for comes much earlier. */
const patience = { testTimeout: 60_000, hookTimeout: 60_000, expect: { poll: { timeout: 20_000 } } };

// Without isolation: shared modules are evaluated once per worker, not once per file. In processes of their own, because
// V8 sometimes crashes when a thread ends that has used WebAssembly.
const workers = {
  pool: 'forks',
  isolate: false,
  maxWorkers,
  globalSetup: 'scripts/warm-compile-cache.mjs',
  ...patience,
} as const;

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...workers,
          name: 'unit',
          include: everyTest,
          exclude: [...configDefaults.exclude, processTests, browserTests],
        },
      },
      // Tests that start real processes.
      { test: { ...workers, name: 'process', include: [processTests] } },
      { test: { ...workers, name: 'browser', include: [browserTests] } },
    ],
  },
});
