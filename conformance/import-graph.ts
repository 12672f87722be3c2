import { posix } from 'node:path';

/** A source file, its path relative to the repository. */
export interface SourceFile {
  path: string;
  source: string;
}

const PLATFORM = 'packages/platform/src/';

/** Rooms whose folders are domains of their own, and houses of several domains. */
const DOMAINS = new Set(['registry', 'identity', 'memory', 'orchestration', 'compute']);
const DOMAIN_GROUPS = new Set(['governance', 'economy']);
/** Folders that hold one room for each folder inside; files directly in them are shared by those rooms. */
const FAMILIES = new Set(['edges', 'engines']);

type Floor =
  | 'wire'
  | 'sdk'
  | 'kernel'
  | 'journal'
  | 'telemetry'
  | 'exchange'
  | 'domain'
  | 'edge'
  | 'source'
  | 'engine'
  | 'main'
  | 'cli';

interface Room {
  floor: Floor;
  /** Two files of the same room may always import each other. */
  name: string;
}

/** What each floor may import besides its own room. */
const MAY_IMPORT: Record<Floor, readonly Floor[]> = {
  wire: [],
  sdk: ['wire'],
  kernel: ['wire'],
  journal: ['wire', 'kernel'],
  telemetry: ['wire', 'kernel'],
  exchange: ['wire', 'kernel', 'journal', 'telemetry'],
  domain: ['wire', 'kernel', 'journal', 'telemetry', 'exchange'],
  edge: ['wire', 'kernel', 'telemetry', 'exchange'],
  source: ['wire', 'kernel', 'exchange'],
  engine: ['wire', 'kernel'],
  main: ['wire', 'sdk', 'kernel', 'journal', 'telemetry', 'exchange', 'domain', 'edge', 'source', 'engine'],
  cli: ['wire', 'sdk', 'kernel', 'journal', 'telemetry', 'exchange', 'domain', 'edge', 'source', 'main'],
};

/** Packages of others that a floor may import; a floor not listed may import any. */
const PACKAGES: Partial<Record<Floor, readonly string[]>> = { wire: ['node:crypto'], sdk: ['node:*', 'ws'] };

/** The room a source file belongs to; undefined outside the house. */
function roomOf(path: string): Room | undefined {
  if (path.startsWith('packages/wire/src/')) return { floor: 'wire', name: 'wire' };
  if (path.startsWith('packages/sdk/src/')) return { floor: 'sdk', name: 'sdk' };
  if (!path.startsWith(PLATFORM)) return undefined;
  const [folder = '', inner = ''] = path.slice(PLATFORM.length).split('/');
  // The package's face shows what main has composed.
  if (folder === 'index.ts') return { floor: 'main', name: 'main' };
  if (folder === 'sources') return { floor: 'source', name: folder };
  if (DOMAINS.has(folder)) return { floor: 'domain', name: folder };
  const family = inner.endsWith('.ts') ? folder : `${folder}/${inner}`;
  if (DOMAIN_GROUPS.has(folder)) return { floor: 'domain', name: family };
  if (FAMILIES.has(folder)) return { floor: folder === 'edges' ? 'edge' : 'engine', name: family };
  if (folder in MAY_IMPORT) return { floor: folder as Floor, name: folder };
  return undefined;
}

// Static imports stand at the start of a line, so that examples in comments do not count.
const IMPORTS = [
  /^(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  /^import\s*['"]([^'"]+)['"]/gm,
  /\bimport\(\s*['"]([^'"]+)['"]/g,
  /\bnew URL\(\s*['"](\.[^'"]+\.ts)['"]/g,
];

/** The specifiers a file imports, statically, dynamically or as a worker. */
export const importsOf = (source: string): string[] =>
  IMPORTS.flatMap((pattern) => [...source.matchAll(pattern)].map(([, specifier = '']) => specifier));

/** Tests, and the `testing.ts` that several of them share. They may import what they like. */
const isTest = (path: string): boolean => /(?:\.test\.tsx?|\btesting\.ts)$/.test(path);

/** Every import that breaks the order of the floors, one sentence for each. */
export function layerFaults(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => !isTest(path))
    .flatMap(({ path, source }) => {
      const room = roomOf(path);
      if (room === undefined) return [`${path} is in no room of the house.`];
      return importsOf(source).flatMap((specifier) => {
        const reason = importFault(room, path, specifier);
        return reason === undefined ? [] : [`${path} imports ${specifier}: ${reason}.`];
      });
    });
}

function importFault(from: Room, path: string, specifier: string): string | undefined {
  const target = targetPath(path, specifier);
  if (target === undefined) return packageFault(from, specifier);
  if (isTest(target)) return 'only tests use what is made for tests';
  const to = roomOf(target);
  if (to === undefined) return target.startsWith('packages/') ? `${target} is in no room of the house` : undefined;
  if (to.name === from.name || MAY_IMPORT[from.floor].includes(to.floor)) return undefined;
  if (from.floor === to.floor && FAMILIES.has(to.name)) return undefined;
  if (from.floor === 'engine' && isPort(to, target)) return undefined;
  return `${from.name} must not know ${to.name}`;
}

/** An engine may import the port it implements: a `store.ts`, or what the journal asks of its store. */
const isPort = (room: Room, target: string): boolean =>
  (room.floor === 'domain' || room.floor === 'journal' || room.floor === 'source') &&
  posix.basename(target) === 'store.ts';

/** The file in this repository that a specifier means; undefined for a package of others or a built-in. */
function targetPath(path: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return posix.normalize(posix.join(posix.dirname(path), specifier));
  const [, name] = /^@aip\/([^/]+)/.exec(specifier) ?? [];
  return name === undefined ? undefined : `packages/${name}/src/index.ts`;
}

function packageFault({ floor, name }: Room, specifier: string): string | undefined {
  // `#name` is a file of the package itself, chosen by a condition.
  if (specifier.startsWith('#')) return undefined;
  const allowed = PACKAGES[floor];
  const fits = (pattern: string): boolean =>
    pattern.endsWith('*') ? specifier.startsWith(pattern.slice(0, -1)) : specifier === pattern;
  if (allowed !== undefined && !allowed.some(fits)) return `${name} may use ${allowed.join(', ')} only`;
  if (floor !== 'telemetry' && floor !== 'main' && /^@opentelemetry\/(?:sdk|exporter)/.test(specifier)) {
    return 'only telemetry knows exporters; the rest speaks to @opentelemetry/api';
  }
  return undefined;
}
