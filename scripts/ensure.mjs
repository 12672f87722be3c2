// Makes a fresh clone ready: installs the packages when they are missing or differ from the lock; with `--test-programs`
// the Debian packages that the tests use instead. Does nothing, quickly, when all is there. Runs on Node 20.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { inRoot, node24, readJson, root } from './repository.mjs';

export function ensurePackages() {
  if (packagesMatchLock()) return;
  console.error('Installing packages (npm ci), about 15 seconds…');
  const npm = process.env.npm_execpath;
  const [command, ...prefix] = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm'];
  run(command, [...prefix, 'ci', '--no-audit', '--no-fund', '--loglevel=error']);
  if (!existsSync(node24)) {
    throw new Error(
      `${node24} is missing: npm did not run the install script of the package "node" (ignore-scripts?).`,
    );
  }
}

/** Every package the lock names is installed in that very version; those for other platforms may be absent. */
function packagesMatchLock() {
  if (!existsSync(node24) || !existsSync(inRoot('node_modules', '.package-lock.json'))) return false;
  const installed = readJson('node_modules', '.package-lock.json').packages;
  return Object.entries(readJson('package-lock.json').packages).every(([place, locked]) => {
    if (!place.startsWith('node_modules/') || locked.optional || locked.devOptional) return true;
    const found = installed[place];
    return found !== undefined && found.version === locked.version && found.integrity === locked.integrity;
  });
}

/** Debian packages the tests use: the package, and the program that shows it is there. */
const debianPackages = [
  { name: 'chromium', program: process.env.CHROME_BIN ?? '/usr/bin/chromium' },
  { name: 'postgresql', program: process.env.POSTGRES_BIN ?? '/usr/lib/postgresql' },
];

function ensureTestPrograms() {
  const missing = debianPackages.filter(({ program }) => !existsSync(program)).map(({ name }) => name);
  if (missing.length === 0) return;
  const names = missing.join(' ');
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) {
    console.error(
      `The tests need ${names}, and this is not a Debian machine with root. Install it yourself, for example:\n` +
        `  sudo apt-get install ${names}\nor set CHROME_BIN to a Chromium, POSTGRES_BIN to the folder of initdb and postgres. Until then some fail.`,
    );
    return;
  }
  console.error(`Installing ${names} for the tests (apt-get)…`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update', '-qq'], environment);
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], environment, 'ignore');
}

// Standard output belongs to whatever runs next, `npm run claims -- --json` for one: theirs goes to standard error.
/** @param {string} command @param {string[]} args */
function run(command, args, environment = process.env, output = process.stderr) {
  const result = spawnSync(command, args, {
    cwd: root,
    env: environment,
    stdio: ['ignore', output, 'inherit'],
  });
  if (result.status !== 0) {
    throw new Error(`${command} ${args.join(' ')} failed${result.error ? `: ${result.error.message}` : ''}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--test-programs')) ensureTestPrograms();
  else ensurePackages();
}
