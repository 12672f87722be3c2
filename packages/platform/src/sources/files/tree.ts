import { constants } from 'node:fs';
import { lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import { join, matchesGlob, sep } from 'node:path';
import { AipError } from '@aip/wire';

/** A folder that is shown, read-only. Paths are relative to it, with slashes. */
export interface FileTree {
  /** Everything that may be seen, up to the bounds. */
  scan(): Promise<Scan>;
  /** Throws NOT_FOUND for what is not there or not shown, PAYLOAD_TOO_LARGE. */
  read(path: string): Promise<Uint8Array>;
  /** What is directly in a folder. Throws NOT_FOUND. */
  list(path: string): Promise<readonly Listed[]>;
}

export interface Scan {
  readonly files: readonly string[];
  readonly folders: readonly string[];
  /** There is more than the bounds take. */
  readonly cut: boolean;
}

export interface Listed {
  readonly path: string;
  readonly kind: 'file' | 'folder';
}

/** Files and folders that are listed; what is beyond can still be read by its path. */
const MAX_FILES = 1_000;
const MAX_FOLDERS = 500;
/** Entries of one folder that are looked at. */
const MAX_IN_FOLDER = 10_000;

export function fileTree(root: string, include: readonly string[], maxBytes: number): FileTree {
  // Globs do not reach names that begin with a dot, unless they name one themselves.
  const isShown = (path: string): boolean => include.some((pattern) => matchesGlob(path, pattern));

  async function list(path: string): Promise<readonly Listed[]> {
    const folder = await inside(path);
    if (folder.path !== '' && !mayHold(include, folder.path)) throw missing(path);
    const found = await readdir(folder.real, { withFileTypes: true }).catch(() => {
      throw missing(path);
    });
    const listed: Listed[] = [];
    for (const item of found.slice(0, MAX_IN_FOLDER).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const below = within(path, item.name);
      const real = within(folder.path, item.name);
      if (item.isSymbolicLink() ? await leadsToFile(below) : item.isFile() && isShown(real)) {
        if (isShown(below)) listed.push({ path: below, kind: 'file' });
      } else if (item.isDirectory() && mayHold(include, below) && mayHold(include, real))
        listed.push({ path: below, kind: 'folder' });
    }
    return listed;
  }

  /** Whether a link leads to a file inside that is shown itself. */
  async function leadsToFile(path: string): Promise<boolean> {
    try {
      const target = await inside(path);
      return isShown(target.path) && (await stat(target.real)).isFile();
    } catch {
      return false;
    }
  }

  /**
   * Where a path really leads, and that as a path of the tree. Throws NOT_FOUND when that is outside: what is there is
   * nobody's to know.
   */
  async function inside(path: string): Promise<{ readonly real: string; readonly path: string }> {
    if (path.includes('\0') || path.split(/[/\\]/).some((part) => part === '..' || part === '.')) throw missing(path);
    const [top, real] = await Promise.all([realpath(root), realpath(join(root, path))]).catch(() => {
      throw missing(path);
    });
    if (real === top) return { real, path: '' };
    const above = top.endsWith(sep) ? top : top + sep;
    if (!real.startsWith(above)) throw missing(path);
    return { real, path: real.slice(above.length).replaceAll(sep, '/') };
  }

  return {
    list,
    async scan() {
      const files: string[] = [];
      const folders = [''];
      let cut = false;
      // Grows while it is walked.
      for (const folder of folders) {
        for (const item of await list(folder)) {
          const into = item.kind === 'file' ? files : folders;
          if (into.length < (item.kind === 'file' ? MAX_FILES : MAX_FOLDERS)) into.push(item.path);
          else cut = true;
        }
      }
      return { files, folders, cut };
    },
    async read(path) {
      if (!isShown(path)) throw missing(path);
      // A pipe that nobody writes to must not hold the platform up.
      const handle = await open(join(root, path), constants.O_RDONLY | constants.O_NONBLOCK).catch(() => {
        throw missing(path);
      });
      try {
        const opened = await handle.stat();
        const target = await inside(path);
        const real = await lstat(target.real);
        // What was opened is what lies inside and is shown there, whatever has happened to the links meanwhile.
        if (!isShown(target.path) || !opened.isFile() || opened.ino !== real.ino || opened.dev !== real.dev)
          throw missing(path);
        if (opened.size > maxBytes)
          throw new AipError('PAYLOAD_TOO_LARGE', `${path} has ${opened.size} bytes; at most ${maxBytes} are read.`);
        const buffer = Buffer.alloc(Math.min(maxBytes, opened.size));
        let length = 0;
        while (length < buffer.length) {
          const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
          if (bytesRead === 0) break;
          length += bytesRead;
        }
        return buffer.subarray(0, length);
      } finally {
        await handle.close();
      }
    },
  };
}

/** Whether a pattern may match something within a folder: hidden ones are left alone unless one is named. */
function mayHold(include: readonly string[], folder: string): boolean {
  const parts = folder.split('/');
  return include.some((pattern) => {
    const wanted = pattern.split('/');
    return parts.every((part, i) => {
      const deep = wanted.slice(0, i + 1).includes('**');
      const own = wanted[i];
      if (deep) return !part.startsWith('.') || wanted.includes(part);
      return own !== undefined && i < wanted.length - 1 && matchesGlob(part, own);
    });
  });
}

const within = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`);

const missing = (path: string): AipError => new AipError('NOT_FOUND', `There is no file "${path.slice(0, 200)}" here.`);
