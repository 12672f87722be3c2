// Where things are in this repository, for the scripts beside this file. Plain JavaScript: runs on Node 20 as well.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** @param {string[]} parts */
export const inRoot = (...parts) => path.join(root, ...parts);

/** The Node 24 that the `node` package installed, whichever Node runs this script. */
export const node24 = inRoot('node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

/** @param {string[]} parts */
export const readJson = (...parts) => JSON.parse(readFileSync(inRoot(...parts), 'utf8'));

/**
 * The latest modification time under a file or folder, in milliseconds since the epoch; 0 when it does not exist.
 * @param {string} file
 * @returns {number}
 */
export function newestChange(file) {
  if (!existsSync(file)) return 0;
  const stats = statSync(file);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(0, ...readdirSync(file).map((name) => newestChange(path.join(file, name))));
}
