import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isClaimed } from './data-folder.ts';

const ADDRESS_FILE = 'address';

/** An address that means every interface is not one to connect to. */
export const reachable = (host: string): string => (host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host);

/** Whether others than this machine reach what listens there. */
export const isExposed = (host: string): boolean =>
  host !== 'localhost' && host !== '::1' && !/^127(?:\.\d{1,3}){3}$/.test(host);

export const urlOf = (host: string, port: number): string =>
  `http://${host.includes(':') ? `[${host}]` : host}:${port}`;

/** Leaves the operator's address in the data folder, so that the `aip` command finds the platform there. */
export function publishAddress(folder: string, url: string): () => void {
  const file = join(folder, ADDRESS_FILE);
  // Whoever reads it meanwhile finds the one before or this one, never half of it.
  writeFileSync(`${file}.new`, `${url}\n`);
  renameSync(`${file}.new`, file);
  return () => rmSync(file, { force: true });
}

/**
 * Where the platform on this data folder is reached; undefined when none runs there. What a platform has left
 * behind that was killed is not believed: something else may listen there now, and it would be sent the token.
 */
export function runningAddress(folder: string): string | undefined {
  try {
    const url = readFileSync(join(folder, ADDRESS_FILE), 'utf8').trim();
    return URL.canParse(url) && isClaimed(folder) ? url : undefined;
  } catch {
    return undefined;
  }
}
