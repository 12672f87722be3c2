import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { AipError } from '@aip/wire';
import type { World } from './cli.ts';

/** The whole path of a file that the command line names. Throws CONFIG_INVALID when there is none. */
export function givenFile({ cwd }: Pick<World, 'cwd'>, name: string): string {
  const file = path.resolve(cwd, name);
  if (!existsSync(file)) throw new AipError('CONFIG_INVALID', `There is no file ${file}.`);
  return file;
}

/** What stands in it. */
export const readGiven = (world: Pick<World, 'cwd'>, name: string): string =>
  readFileSync(givenFile(world, name), 'utf8');
