// `npm start -- <flags>`: a ready clone, a fresh dashboard, then `aip up <flags>`. Runs on Node 20; the command itself
// moves on to Node 24.
import process from 'node:process';
import { ensureDashboard } from './dashboard.mjs';
import { ensurePackages } from './ensure.mjs';

ensurePackages();
ensureDashboard();
process.argv.splice(2, 0, 'up');
await import('../packages/platform/bin/aip.mjs');
