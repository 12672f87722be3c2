import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { AipError } from '@aip/wire';
import type { Vault } from '../kernel/vault.ts';
import { keptSecret } from './secrets.ts';

/** The folder of the encrypted files in the data folder, and the key to them beside it. */
const FOLDER = 'vault';
export const VAULT_KEY_FILE = 'vault.key';

const KEY_BYTES = 32;
/** NIST SP 800-38D: 96-bit nonce, drawn at random for each write, and a 128-bit tag. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = 1;

/** Longest secret and longest name, in characters; secrets of one owner. */
const MAX_SECRET = 64 * 1024;
const MAX_NAME = 512;
const MAX_SECRETS = 1_000;

/**
 * The vault of a data folder: one file for each owner, AES-256-GCM under a key of its own (mode 0600, made on the
 * first start). A file is replaced as a whole, so whatever ends the process, it holds what was there before or after.
 * Each is bound to its owner: moved to another's place it does not open.
 *
 * Throws CONFIG_INVALID when the key is damaged, or missing while there are files that only it opens.
 */
export function openVault(dataFolder: string): Vault {
  const folder = join(dataFolder, FOLDER);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = readdirSync(folder);
  // What a crash has left half-written was never part of it.
  for (const file of files) if (file.endsWith('.tmp')) rmSync(join(folder, file));
  const key = readKey(
    join(dataFolder, VAULT_KEY_FILE),
    files.some((file) => file.endsWith('.vault')),
  );
  const turns = new Map<string, Promise<unknown>>();

  /** One change of a file at a time. */
  function inTurn<T>(file: string, change: () => Promise<T>): Promise<T> {
    const turn = (turns.get(file) ?? Promise.resolve()).then(change, change);
    turns.set(file, turn);
    const forget = (): void => void (turns.get(file) === turn && turns.delete(file));
    turn.then(forget, forget);
    return turn;
  }

  const fileOf = (owner: string): string =>
    join(folder, `${createHash('sha256').update(owner).digest('hex').slice(0, 40)}.vault`);

  async function load(owner: string): Promise<Map<string, string>> {
    const sealed = await readFile(fileOf(owner)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (!sealed) return new Map();
    try {
      return new Map(JSON.parse(unseal(key, sealed, owner)) as [string, string][]);
    } catch {
      throw new AipError('CONFIG_INVALID', `${fileOf(owner)} is damaged; restore it from a backup, or remove it.`);
    }
  }

  const store = (owner: string, secrets: ReadonlyMap<string, string>): Promise<void> =>
    replaceFile(folder, fileOf(owner), seal(key, JSON.stringify([...secrets]), owner));

  return {
    read: async (tenant, owner, name) => (await load(ownerKey(tenant, owner))).get(name),
    write(tenant, owner, name, secret) {
      const whose = ownerKey(tenant, owner);
      return inTurn(whose, async () => {
        const secrets = await load(whose);
        checkBounds(name, secret, secrets);
        await store(whose, secrets.set(name, secret));
      });
    },
    remove(tenant, owner, name) {
      const whose = ownerKey(tenant, owner);
      return inTurn(whose, async () => {
        const secrets = await load(whose);
        if (!secrets.delete(name)) return false;
        await store(whose, secrets);
        return true;
      });
    },
    names: async (tenant, owner) => [...(await load(ownerKey(tenant, owner))).keys()].toSorted(),
  };
}

const ownerKey = (tenant: string, owner: string): string => JSON.stringify([tenant, owner]);

function checkBounds(name: string, secret: string, secrets: ReadonlyMap<string, string>): void {
  const refuse = (what: string): never => {
    throw new AipError('INVALID_ARGUMENT', what);
  };
  if (name === '' || name.length > MAX_NAME) refuse(`The name of a secret has 1 to ${MAX_NAME} characters.`);
  if (secret.length > MAX_SECRET) refuse(`A secret has at most ${MAX_SECRET} characters.`);
  if (secrets.size >= MAX_SECRETS && !secrets.has(name)) refuse(`Nobody may keep more than ${MAX_SECRETS} secrets.`);
}

function readKey(file: string, needed: boolean): Buffer {
  const text = keptSecret(file, () => {
    if (needed)
      throw new Error('it is missing beside the vault that it opens; restore it from a backup, or remove that folder');
    return randomBytes(KEY_BYTES).toString('base64url');
  });
  const key = Buffer.from(text, 'base64url');
  if (key.length === KEY_BYTES) return key;
  throw new AipError('CONFIG_INVALID', `${file} is damaged; restore it from a backup, or the vault cannot be opened.`);
}

/** version (1 byte) · nonce · tag · ciphertext; version and owner are authenticated with it. */
function seal(key: Buffer, text: string, owner: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(boundTo(owner));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), sealed]);
}

/** Throws for anything but what `seal` has made for this owner. */
function unseal(key: Buffer, file: Buffer, owner: string): string {
  if (file[0] !== VERSION) throw new Error('unknown version');
  const nonce = file.subarray(1, 1 + NONCE_BYTES);
  const tag = file.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(boundTo(owner))
    .setAuthTag(tag);
  return decipher.update(file.subarray(1 + NONCE_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
}

const boundTo = (owner: string): Buffer => Buffer.from(`aip-vault-v${VERSION}\n${owner}`);

/** Never half-written, and not forgotten by the disk afterwards: the folder is synced too. */
async function replaceFile(folder: string, file: string, content: Buffer): Promise<void> {
  const draft = `${file}.tmp`;
  const handle = await open(draft, 'w', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
  if (process.platform === 'win32') return;
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
