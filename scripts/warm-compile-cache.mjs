// Before the tests: has Node keep what the writer's thread compiles, so that no thread loads the compiler of types,
// which is WebAssembly. V8 sometimes crashes the whole process when a thread ends that has used WebAssembly.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const cache = new URL('../node_modules/.cache/node-compile', import.meta.url);
const writer = new URL('../packages/platform/src/main/writer.ts', import.meta.url);

export function setup() {
  process.env['NODE_COMPILE_CACHE'] = fileURLToPath(cache);
  execFileSync(process.execPath, ['--input-type=module', '--eval', `await import(${JSON.stringify(writer.href)})`]);
}
