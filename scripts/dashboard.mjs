// Builds the dashboard when it is missing or older than its source. Runs on Node 20.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { inRoot, newestChange, node24 } from './repository.mjs';

const dashboard = inRoot('apps', 'dashboard');
const sources = ['src', 'public', 'index.html', 'vite.config.ts', 'package.json', '../../packages/wire/src'];

export function ensureDashboard() {
  const built = newestChange(inRoot('apps', 'dashboard', 'dist', 'index.html'));
  if (sources.every((source) => newestChange(inRoot('apps', 'dashboard', source)) < built)) return;
  buildDashboard();
}

export function buildDashboard() {
  if (!existsSync(inRoot('apps', 'dashboard', 'index.html'))) {
    console.log('The dashboard has no index.html: nothing to build.');
    return;
  }
  const vite = inRoot('node_modules', 'vite', 'bin', 'vite.js');
  const result = spawnSync(node24, [vite, 'build', '--logLevel', 'warn'], { cwd: dashboard, stdio: 'inherit' });
  if (result.status !== 0) throw new Error('The dashboard does not build.');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) buildDashboard();
