import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { AipError } from '@aip/wire';

/**
 * How the log and the rows beside it are kept, as a number: it goes up whenever an entry would be decided, or a row kept,
 * in another way than before. It stands in the header of the file (https://www.sqlite.org/pragma.html#pragma_user_version);
 * version 0.1.0 of AIP, the first, wrote none.
 */
const FORMAT = 2;

/** Throws CONFIG_INVALID for a log of another format: its rows would not be what this version makes of its entries. */
export function requireFormat(db: DatabaseSync, file: string): void {
  const format = db.prepare('PRAGMA user_version').get()?.['user_version'] as number;
  if (format === FORMAT || (format === 0 && isEmpty(db))) return;
  const [by, advice] =
    format < FORMAT
      ? ['an older', 'Go on with that version, which can also verify and export it, or begin anew with --data-dir.']
      : ['a newer', 'Start that version again, or restore the data folder as it was before the update.'];
  throw new AipError(
    'CONFIG_INVALID',
    `The log ${file} was written by ${by} version of AIP (format ${format === 0 ? 1 : format}, this version has ${FORMAT}) and cannot be used by this one; nothing in it has been changed. ${advice}`,
  );
}

/** The same for a file that is perhaps there. What is no database at all is for whoever opens it. */
export function requireFormatOf(file: string): void {
  if (!existsSync(file)) return;
  try {
    using db = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
    requireFormat(db, file);
  } catch (error) {
    if (error instanceof AipError) throw error;
  }
}

export const markFormat = (db: DatabaseSync): void => db.exec(`PRAGMA user_version = ${FORMAT}`);

function isEmpty(db: DatabaseSync): boolean {
  const isThere = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'entry'").get() !== undefined;
  return !isThere || db.prepare('SELECT 1 FROM entry LIMIT 1').get() === undefined;
}
