#!/usr/bin/env node
// The `aip` command. The platform runs from its TypeScript source, which needs Node 24; started by an older Node it
// runs itself again under the Node 24 that the `node` package brought along.
import { spawn } from 'node:child_process';
import module from 'node:module';
import { constants } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const REQUIRED_MAJOR = 24;

if (Number.parseInt(process.versions.node, 10) >= REQUIRED_MAJOR) {
  module.enableCompileCache();
  await import('../src/cli/main.ts');
} else {
  runUnderRequiredNode();
}

function runUnderRequiredNode() {
  const node = bundledNode();
  if (node === undefined) {
    console.error(`aip needs Node ${REQUIRED_MAJOR} or newer; this is Node ${process.versions.node}.`);
    process.exitCode = 1;
    return;
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.on('SIGHUP', () => child.kill('SIGHUP'));
  // A terminal sends Ctrl-C to the whole process group; passing it on would count as a second one.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  child.on('error', (error) => {
    console.error(`Cannot run ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 128 + constants.signals[signal];
  });
}

function bundledNode() {
  try {
    const manifest = module.createRequire(import.meta.url).resolve('node/package.json');
    return path.join(path.dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  } catch {
    return undefined;
  }
}
