// Finds what a broken lock hides until the next clean install: dropped platform binaries, loose versions, packages
// from elsewhere, a lock that does not belong to the manifests.
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { readJson } from './repository.mjs';

const EXACT = /^(?:npm:.+@)?\d+\.\d+\.\d+(?:-[\w.]+)?$/;

/** @returns {string[]} one sentence for each fault */
export function lockfileFaults() {
  const { packages } = readJson('package-lock.json');
  return Object.entries(packages).flatMap(([place, locked]) => [
    ...(place.includes('node_modules') ? [] : manifestFaults(place, locked)),
    ...droppedOptionals(place, locked, packages),
    ...(locked.integrity || locked.link || locked.inBundle || !place.includes('node_modules/')
      ? []
      : [`${place} has no integrity hash.`]),
  ]);
}

/** @param {string} place @param {Record<string, Record<string, string>>} locked */
function manifestFaults(place, locked) {
  const manifest = readJson(place, 'package.json');
  const named = { ...manifest.dependencies, ...manifest.devDependencies };
  const inLock = { ...locked.dependencies, ...locked.devDependencies };
  const file = path.join(place, 'package.json');
  return [
    ...Object.entries(named)
      .filter(([, version]) => !EXACT.test(version))
      .map(([name, version]) => `${file}: ${name}@${version} is not an exact version.`),
    ...[...new Set([...Object.keys(named), ...Object.keys(inLock)])]
      .filter((name) => named[name] !== inLock[name])
      .map((name) => `${file} and package-lock.json disagree about ${name}: run npm install.`),
  ];
}

/**
 * npm silently leaves out an optional dependency that it could not resolve, and `npm ci` then fails elsewhere.
 * @param {string} place @param {Record<string, any>} locked @param {Record<string, unknown>} packages
 */
function droppedOptionals(place, locked, packages) {
  return Object.keys(locked.optionalDependencies ?? {})
    .filter((name) => !ancestors(place).some((folder) => packages[`${folder}node_modules/${name}`]))
    .map((name) => `package-lock.json lacks ${name}, an optional dependency of ${place}.`);
}

/** The places node looks for a dependency of the package at `place`, nearest first. @param {string} place */
function ancestors(place) {
  const parts = place.split(/(?<=\/)(?=node_modules\/)/);
  return [`${place}/`, ...parts.map((_, end) => parts.slice(0, end).join('')).toReversed()];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const faults = lockfileFaults();
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
