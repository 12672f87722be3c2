import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AipError, toAipError } from '@aip/wire';
import { requireFormatOf } from '../engines/sqlite/format.ts';

/** The one folder that holds a platform's state. */
export interface DataFolder {
  readonly path: string;
  readonly journal: string;
  readonly policies: string;
  release(): void;
}

/** Another connection holds the lock (https://www.sqlite.org/rescode.html#busy). */
const SQLITE_BUSY = 5;

export const JOURNAL_NAME = 'aip.db';
const LOCK_NAME = 'lock.db';
/** Made on the first start, and kept from then on. */
const KEY_NAME = 'gateway.key';
/** How long a start waits for whoever only looks at the lock, in milliseconds. */
const LOCK_PATIENCE = 200;

/**
 * Makes the folder usable and ours alone: a lock that the operating system drops with the process, however it
 * ends. Throws CONFIG_INVALID when it cannot be written, CONFLICT when another platform runs on it.
 */
export function claimDataFolder(path: string): DataFolder {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.W_OK);
  } catch (cause) {
    throw unusable(path, cause);
  }
  const lock = claim(join(path, LOCK_NAME), path);
  return {
    path,
    journal: join(path, JOURNAL_NAME),
    policies: join(path, 'policies'),
    release: () => lock.close(),
  };
}

/**
 * Why a folder has no log though its platform has been started before, as a sentence; undefined when there is nothing to
 * say. Who wants to hide what has happened takes the log away; who has lost it wants to know at once.
 */
export function lostLog(path: string): string | undefined {
  const [key, journal] = [join(path, KEY_NAME), join(path, JOURNAL_NAME)];
  const size = statSync(journal, { throwIfNoEntry: false })?.size;
  if (size || !existsSync(key)) return undefined;
  return `${journal} ${size === 0 ? 'is empty' : 'is missing'}, though the platform of ${key} has been started before: its tasks, its agents, its tokens and what is stopped are not there any more`;
}

/** Why the log of a folder cannot be used by this version, as sentences; undefined when it can, or there is none. */
export function foreignLog(path: string): string | undefined {
  try {
    requireFormatOf(join(path, JOURNAL_NAME));
    return undefined;
  } catch (error) {
    return toAipError(error).message;
  }
}

/** Of what SQLite says alone nobody knows which file it means, nor what to do. Returns whatever else was thrown. */
export function unreadableLog(path: string, cause: unknown): unknown {
  if ((cause as NodeJS.ErrnoException).code !== 'ERR_SQLITE_ERROR') return cause;
  return new AipError(
    'CONFIG_INVALID',
    `The log ${join(path, JOURNAL_NAME)} cannot be read: ${(cause as Error).message}. Restore it from a backup.`,
    { cause },
  );
}

/** Whether a platform runs on the folder. */
export function isClaimed(path: string): boolean {
  try {
    using lock = new DatabaseSync(join(path, LOCK_NAME), { readOnly: true });
    lock.prepare('SELECT count(*) FROM sqlite_schema').get();
    return false;
  } catch (cause) {
    return (cause as { errcode?: number }).errcode === SQLITE_BUSY;
  }
}

function claim(file: string, folder: string): DatabaseSync {
  const lock = open(file, folder);
  try {
    lock.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock.close();
    if ((cause as { errcode?: number }).errcode !== SQLITE_BUSY) throw unusable(folder, cause);
    throw new AipError(
      'CONFLICT',
      `Another platform already runs on the data folder ${folder}. Stop it first, or use another folder with --data-dir.`,
      { cause },
    );
  }
}

function open(file: string, folder: string): DatabaseSync {
  try {
    return new DatabaseSync(file, { timeout: LOCK_PATIENCE });
  } catch (cause) {
    throw unusable(folder, cause);
  }
}

const unusable = (folder: string, cause: unknown): AipError =>
  new AipError(
    'CONFIG_INVALID',
    `The data folder ${folder} cannot be used: ${(cause as Error).message}. Choose another with --data-dir, or mend it.`,
    { cause },
  );
