import { statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { JOURNAL_NAME } from './data-folder.ts';

/** Bytes that the log takes, and that are free on its disk and there at all. */
export interface DiskUse {
  readonly log: number;
  readonly free: number;
  readonly total: number;
}

const GIB = 1024 ** 3;

/** Throws when the folder is not there. */
export function diskUse(folder: string): DiskUse {
  const { bavail, blocks, bsize } = statfsSync(folder);
  const sizeOf = (name: string): number => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
  return {
    log: sizeOf(JOURNAL_NAME) + sizeOf(`${JOURNAL_NAME}-wal`),
    free: bavail * bsize,
    total: blocks * bsize,
  };
}

/** Less than 1 GiB is free, or less than a tenth of the disk; ten are enough however large it is. */
export const isNearlyFull = ({ free, total }: Pick<DiskUse, 'free' | 'total'>): boolean =>
  free < Math.max(GIB, Math.min(total / 10, 10 * GIB));
