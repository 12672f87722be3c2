import { existsSync } from 'node:fs';
import { diskUse, isNearlyFull, type DiskUse } from '../main/disk.ts';
import type { Check } from './local.ts';

/** The log only grows: whether its disk has room for it. Nothing to say of a data folder that is not there yet. */
export function diskChecks(dataDir: string, use: (folder: string) => DiskUse = diskUse): Check[] {
  if (!existsSync(dataDir)) return [];
  const { log, free, total } = use(dataDir);
  const ok = !isNearlyFull({ free, total });
  const detail = `the log has ${bytes(log)}; ${bytes(free)} of ${bytes(total)} are free`;
  const remedy = 'free space, or move the data folder to a larger disk: when it is full, nothing runs';
  return [{ name: 'disk', ok, detail, ...(ok ? {} : { remedy }) }];
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

function bytes(count: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, count)) / 10));
  return `${(count / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power]}`;
}
