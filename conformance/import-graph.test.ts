import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from './citations.ts';
import { importsOf, layerFaults } from './import-graph.ts';

const platform = 'packages/platform/src';

/** The faults of one planted import, in memory. */
const faultsOf = (file: string, specifier: string): string[] =>
  layerFaults([{ path: file, source: `import { thing } from '${specifier}';\n` }]);

describe('the floors of the house', () => {
  it('hold for every source file', async () => {
    const paths = await Array.fromAsync(glob('packages/*/src/**/*.{ts,tsx}', { cwd: root }));
    const files = paths.map(async (file) => ({ path: file, source: await readFile(path.join(root, file), 'utf8') }));
    expect(paths.length).toBeGreaterThan(0);
    expect(layerFaults(await Promise.all(files))).toEqual([]);
  });
});

describe('a planted violation is caught', () => {
  it.each([
    ['a lower floor importing a higher one', `${platform}/kernel/task.ts`, '../exchange/pipeline.ts'],
    ['a floor importing its neighbour', `${platform}/journal/writer.ts`, '../telemetry/metrics.ts'],
    ['the exchange importing a domain', `${platform}/exchange/pipeline.ts`, '../identity/index.ts'],
    ['a domain importing another', `${platform}/registry/guard.ts`, '../identity/index.ts'],
    ['a domain importing another of its group', `${platform}/governance/policy/guard.ts`, '../killswitch/index.ts'],
    ['a domain importing an edge', `${platform}/memory/index.ts`, '../edges/mcp/index.ts'],
    ['an edge importing another', `${platform}/edges/mcp/server.ts`, '../a2a/index.ts'],
    ['an edge importing a domain', `${platform}/edges/http/server.ts`, '../../governance/audit/index.ts'],
    ['an edge importing the journal', `${platform}/edges/http/server.ts`, '../../journal/index.ts'],
    [
      'an engine importing more of a domain than its port',
      `${platform}/engines/sqlite/store.ts`,
      '../../memory/index.ts',
    ],
    ['a source importing an edge', `${platform}/sources/openapi/index.ts`, '../../edges/mcp/index.ts'],
    ['a source importing a domain', `${platform}/sources/secrets.ts`, '../identity/vault.ts'],
    ['an edge importing a source', `${platform}/edges/mcp/server.ts`, '../../sources/index.ts'],
    ['a source importing an engine', `${platform}/sources/sql/index.ts`, '../../engines/postgres/database.ts'],
    ['an engine importing another', `${platform}/engines/sqlite/store.ts`, '../postgres/store.ts'],
    ['anyone but main importing an engine', `${platform}/cli/up.ts`, '../engines/sqlite/index.ts'],
    ['main importing the command', `${platform}/main/compose.ts`, '../cli/main.ts'],
    ['wire importing what is ours', 'packages/wire/src/card.ts', '@aip/platform'],
    ['wire doing input and output', 'packages/wire/src/card.ts', 'node:fs'],
    ['wire importing a package', 'packages/wire/src/card.ts', 'zod'],
    ['the SDK importing the platform', 'packages/sdk/src/agent.ts', '@aip/platform'],
    ['the SDK reaching into the platform', 'packages/sdk/src/agent.ts', '../../platform/src/kernel/task.ts'],
    ['an exporter outside telemetry', `${platform}/exchange/pipeline.ts`, '@opentelemetry/exporter-prometheus'],
    ['code importing what is made for tests', `${platform}/exchange/pipeline.ts`, './testing.ts'],
    ['a file in no room', `${platform}/helpers/things.ts`, 'node:path'],
  ])('%s', (_, file, specifier) => {
    expect(faultsOf(file, specifier)).toHaveLength(1);
  });
});

describe('an import in order is left alone', () => {
  it.each([
    ['within a room', `${platform}/governance/policy/cedar/parse.ts`, '../index.ts'],
    ['downwards', `${platform}/economy/ledger/guard.ts`, '../../kernel/guard.ts'],
    ['an engine and its port', `${platform}/engines/sqlite/memory.ts`, '../../memory/store.ts'],
    ['an engine and the port of the journal', `${platform}/engines/sqlite/journal.ts`, '../../journal/store.ts'],
    ['an engine and the port of a source', `${platform}/engines/postgres/database.ts`, '../../sources/sql/store.ts'],
    ['what edges share', `${platform}/edges/mcp/stream.ts`, '../server-sent-events.ts'],
    ['main and an engine', `${platform}/main/compose.ts`, '../engines/sqlite/index.ts'],
    ['a test', `${platform}/kernel/task.test.ts`, '../cli/main.ts'],
    ['what tests share', `${platform}/exchange/testing.ts`, '../engines/sqlite/store.ts'],
    ['wire and cryptography', 'packages/wire/src/card.ts', 'node:crypto'],
    ['the SDK and wire', 'packages/sdk/src/agent.ts', '@aip/wire'],
  ])('%s', (_, file, specifier) => {
    expect(faultsOf(file, specifier)).toEqual([]);
  });
});

describe('the imports of a file', () => {
  it('are the static, dynamic, type, re-exported and worker ones, not those in comments', () => {
    const source = [
      `import './side.ts';`,
      `import type {\n  One,\n  Two,\n} from './types.ts';`,
      `export * from './all.ts';`,
      `export { three } from "./three.ts";`,
      `const late = await import('./late.ts');`,
      `new Worker(new URL('./worker.ts', import.meta.url));`,
      ` * import { x } from '@aip/example';`,
    ].join('\n');
    expect(importsOf(source).toSorted()).toEqual(
      ['./side.ts', './types.ts', './all.ts', './three.ts', './late.ts', './worker.ts'].toSorted(),
    );
  });
});
