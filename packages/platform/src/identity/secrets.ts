import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AipError, exportSeed, generateKeyPair, importSeed, makeToken, type KeyPair } from '@aip/wire';

/** What the platform keeps secret, each in a file of mode 0600 in the data folder, made on the first start. */
export interface Secrets {
  /** The gateway's identity: signs checkpoints, cards and IoAP frames. */
  readonly gateway: KeyPair;
  /** Admin token: from the setting, else the one kept in the data folder. */
  readonly adminToken: string;
  /** Keyed hash of stored tokens, so that the database alone opens nothing. */
  readonly pepper: Buffer;
}

export const ADMIN_TOKEN_FILE = 'admin.token';
/** Characters that an admin token has at least. */
const MIN_ADMIN_TOKEN = 16;
const PEPPER_BYTES = 32;

/**
 * Throws CONFIG_INVALID when the folder cannot be used, a secret in it is damaged, or a log is there (`hasLog`) whose
 * key is not: a new key would be another gateway.
 */
export function openSecrets(folder: string, adminToken: string | undefined, hasLog: boolean): Secrets {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const key = join(folder, 'gateway.key');
  if (hasLog && !existsSync(key))
    throw new AipError(
      'CONFIG_INVALID',
      `${key} is missing beside the log that it has signed; restore it from a backup, or start with a new data folder.`,
    );
  const gateway = readKey(key);
  const pepper = readPepper(join(folder, 'pepper.key'));
  const file = join(folder, ADMIN_TOKEN_FILE);
  if (adminToken !== undefined) writeSecret(file, adminToken);
  const token = keptSecret(file, () => makeToken('admin').token);
  // Whoever sends an empty token must not be taken for the administrator.
  if (token.length < MIN_ADMIN_TOKEN)
    throw new AipError(
      'CONFIG_INVALID',
      `${file} does not hold an admin token; remove it, and the next start makes a new one.`,
    );
  return { gateway, pepper, adminToken: token };
}

/** The gateway's DID, for whoever verifies a log offline. Throws CONFIG_INVALID when the folder has no key. */
export function readGatewayDid(folder: string): string {
  const file = join(folder, 'gateway.key');
  if (!existsSync(file))
    throw new AipError(
      'CONFIG_INVALID',
      `There is no gateway key in ${folder}; name a platform's data folder with --data-dir.`,
    );
  return readKey(file).did;
}

function readKey(file: string): KeyPair {
  const seed = keptSecret(file, () => exportSeed(generateKeyPair()));
  try {
    return importSeed(seed);
  } catch (cause) {
    throw new AipError(
      'CONFIG_INVALID',
      `${file} does not hold a key; restore it from a backup. Without it the log cannot be continued.`,
      { cause },
    );
  }
}

function readPepper(file: string): Buffer {
  const pepper = Buffer.from(
    keptSecret(file, () => randomBytes(PEPPER_BYTES).toString('base64url')),
    'base64url',
  );
  if (pepper.length === PEPPER_BYTES) return pepper;
  throw new AipError(
    'CONFIG_INVALID',
    `${file} is damaged; restore it from a backup, or remove it and make every token anew.`,
  );
}

/** What the file holds; made on the first start. Throws CONFIG_INVALID when it cannot be read, made or written. */
export function keptSecret(file: string, make: () => string): string {
  try {
    if (!existsSync(file)) writeSecret(file, make());
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new AipError('CONFIG_INVALID', `${file} cannot be read or written: ${(cause as Error).message}.`, { cause });
  }
}

/** Never visible half-written, never readable by others. */
function writeSecret(file: string, content: string): void {
  const draft = `${file}.${process.pid}.tmp`;
  writeFileSync(draft, `${content}\n`, { mode: 0o600, flush: true });
  chmodSync(draft, 0o600);
  renameSync(draft, file);
}
