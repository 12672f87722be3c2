import { watch, type FSWatcher } from 'node:fs';
import { basename, resolve } from 'node:path';
import { AipError } from '@aip/wire';
import { argumentsOf } from '../../kernel/body.ts';
import { jsonContents, mediaTypeOf, resourceContents } from '../content.ts';
import { MAX_NAME, resourceEntry } from '../entry.ts';
import type { FilesSettings } from '../settings.ts';
import type { Offer, Source } from '../source.ts';
import { fileTree } from './tree.ts';

/** A path is percent-encoded within these URIs, slash by slash. They begin at the root of the source, not of the machine. */
const SCHEME = 'file:///';

/** The files of a folder as resources: each that is listed, and by a template any other and the folders. */
export function filesSource(name: string, settings: FilesSettings, folder: string): Source {
  const root = resolve(folder, settings.root);
  const tree = fileTree(root, settings.include, settings.max_bytes);
  let known: readonly string[] = [];
  let watched: ((folders: readonly string[]) => void) | undefined;

  async function read(uri: string): Promise<{ type: 'mcp'; value: { contents: ReturnType<typeof jsonContents>[] } }> {
    const path = pathIn(uri);
    // A name that ends in a slash, or none at all, asks for what is in the folder.
    const contents =
      path === '' || path.endsWith('/')
        ? jsonContents(
            uri,
            (await tree.list(path.replace(/\/$/, ''))).map((item) => ({
              name: basename(item.path),
              kind: item.kind,
              uri: uriOf(item.path) + (item.kind === 'folder' ? '/' : ''),
            })),
          )
        : resourceContents(uri, await tree.read(path), mediaTypeOf(path));
    return { type: 'mcp', value: { contents: [contents] } };
  }

  return {
    kind: 'files',
    async load() {
      const { files, folders, cut } = await tree.scan().catch(() => {
        throw new AipError('CONFIG_INVALID', `sources.files.${name}.root: ${root} is no folder that can be read.`);
      });
      known = files;
      watched?.(folders.map((path) => resolve(root, path)));
      const listed = files.map(uriOf).filter((uri) => uri.length <= MAX_NAME);
      const offers = listed.map((uri): Offer => {
        const path = pathIn(uri);
        const mimeType = mediaTypeOf(path);
        const entry = resourceEntry(name, { uri, name: path, ...(mimeType === undefined ? {} : { mimeType }) });
        return { entry, perform: () => read(uri) };
      });
      const any: Offer = {
        entry: resourceEntry(name, {
          uri: `${SCHEME}{+path}`,
          name: `Files of ${name}`,
          description: `Any file of ${name}; a path that ends in a slash lists that folder.`,
        }),
        perform: ({ message }) => {
          const { uri } = argumentsOf(message.body);
          return read(typeof uri === 'string' ? uri : SCHEME);
        },
        complete: async (_, begun) => known.filter((path) => path.startsWith(begun)),
      };
      return {
        offers: [...offers, any],
        problems: cut ? ['there are more files than are listed; the rest is read by path'] : [],
      };
    },
    watch(changed) {
      const watchers = new Map<string, FSWatcher>();
      watched = (folders) => {
        for (const [path, watcher] of watchers) if (!folders.includes(path)) drop(path, watcher);
        for (const path of folders) if (!watchers.has(path)) add(path);
      };
      function add(path: string): void {
        try {
          const watcher = watch(path, { persistent: false }, changed);
          watcher.on('error', () => drop(path, watcher));
          watchers.set(path, watcher);
        } catch {
          // Gone again, or too many are watched already: its files can still be read.
        }
      }
      function drop(path: string, watcher: FSWatcher): void {
        watcher.close();
        watchers.delete(path);
      }
      return () => {
        for (const [path, watcher] of watchers) drop(path, watcher);
        watched = undefined;
      };
    },
  };
}

const uriOf = (path: string): string => SCHEME + path.split('/').map(encodeURIComponent).join('/');

function pathIn(uri: string): string {
  try {
    const path = uri.slice(SCHEME.length);
    // A path has one URI: what would only lead to the same file in a second spelling is no name of it.
    if (uri.startsWith(SCHEME) && !/[?#\\]|%2f|%5c|^\/|\/\//i.test(path)) return decodeURIComponent(path);
  } catch {
    // Told below.
  }
  throw new AipError('NOT_FOUND', `${uri.slice(0, 200)} is no file of this source; they begin with ${SCHEME}.`);
}
