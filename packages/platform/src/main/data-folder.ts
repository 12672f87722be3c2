import { accessSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AipError } from '@aip/wire';

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
