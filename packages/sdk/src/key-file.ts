import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  AipError,
  exportSeed,
  generateKeyPair,
  importSeed,
  isJsonObject,
  parseJson,
  type Json,
  type KeyPair,
} from '@aip/wire';

/**
 * The key in `file`, made on first use. The file holds the agent's identity: it is created with mode 0600, and one
 * that others may read is refused.
 *
 * @throws AipError CONFIG_INVALID that says what to do
 */
export function loadKey(file: string): KeyPair {
  try {
    const key = generateKeyPair();
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify({ did: key.did, seed: exportSeed(key) })}\n`, { mode: 0o600, flag: 'wx' });
    // The mode above is subject to the umask, which could take away our own right to read.
    chmodSync(file, 0o600);
    return key;
  } catch (error) {
    if (existsSync(file)) return readKey(file);
    throw new AipError('CONFIG_INVALID', `The key file ${file} cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function readKey(file: string): KeyPair {
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) {
    throw new AipError('CONFIG_INVALID', `Others can read the key file ${file}; run "chmod 600 ${file}".`);
  }
  const { did, seed } = fields(file);
  if (typeof seed !== 'string')
    throw new AipError('CONFIG_INVALID', `${file} is not a key file; move it away to have a new one made.`);
  const key = importSeed(seed);
  if (key.did !== did) throw new AipError('CONFIG_INVALID', `The key in ${file} does not belong to the DID in it.`);
  return key;
}

function fields(file: string): { did?: Json; seed?: Json } {
  try {
    const value = parseJson(readFileSync(file));
    return isJsonObject(value) ? value : {};
  } catch (cause) {
    throw new AipError('CONFIG_INVALID', `The key file ${file} cannot be read.`, { cause });
  }
}
