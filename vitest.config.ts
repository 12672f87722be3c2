import { configDefaults, defineConfig } from 'vitest/config';

const everyTest = ['packages/**/src/**/*.test.ts', 'apps/**/src/**/*.test.ts', 'conformance/**/*.test.ts'];
const processTests = '**/*.proc.test.ts';
const browserTests = '**/*.browser.test.ts';

export default defineConfig({
  test: {
    projects: [
      {
        // Without isolation: shared modules are evaluated once per worker, not once per file. In processes of their own,
        // because V8 sometimes crashes when a thread ends that has used WebAssembly.
        test: {
          name: 'unit',
          include: everyTest,
          exclude: [...configDefaults.exclude, processTests, browserTests],
          globalSetup: 'scripts/warm-compile-cache.mjs',
          pool: 'forks',
          isolate: false,
        },
      },
      {
        // Tests that start real processes: isolated, patient, one file at a time.
        test: {
          name: 'process',
          include: [processTests],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'browser',
          include: [browserTests],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
