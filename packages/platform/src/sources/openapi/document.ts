import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AipError, isJsonObject, type Json } from '@aip/wire';
import { parse } from 'yaml';

/** A node of a document and where it stands, so that whatever is wrong with it can be named. */
export interface Place {
  /** URL of the document. */
  readonly document: string;
  /** JSON Pointer (RFC 6901) within it. */
  readonly pointer: string;
  readonly node: Json;
}

export interface ApiDocument {
  readonly root: Place;
  readonly version: '3.0' | '3.1';
  /** The place that a Reference Object means, through all of a chain; any other place itself. Throws CONFIG_INVALID. */
  follow(place: Place): Place;
  /** URLs of all documents that it consists of. */
  readonly files: readonly string[];
}

/** Largest document, in bytes; documents that one may consist of. */
const MAX_DOCUMENT = 16 * 1024 * 1024;
const MAX_DOCUMENTS = 50;
/** References that may lead on to the next one. */
const MAX_CHAIN = 20;

/**
 * Reads an OpenAPI 3.0 or 3.1 document with everything it refers to: in files within its own folder, or at its own
 * origin. Throws CONFIG_INVALID that says where what is wrong, UPSTREAM_FAILED when a URL gives no document.
 */
export async function readApiDocument(
  url: string,
  fetch: typeof globalThis.fetch,
  signal: AbortSignal,
): Promise<ApiDocument> {
  const documents = new Map<string, Json | AipError>();
  await load(url);
  const content = documents.get(url);
  if (content === undefined || content instanceof AipError) throw content ?? new AipError('CONFIG_INVALID');

  async function load(target: string): Promise<void> {
    documents.set(target, null);
    let read: Json | AipError;
    try {
      read = await readOne(url, target, fetch, signal);
    } catch (error) {
      // What nobody refers to in the end does no harm: examples may hold anything.
      read =
        error instanceof AipError
          ? error
          : new AipError('CONFIG_INVALID', `${shown(target)}: ${(error as Error).message}`);
    }
    documents.set(target, read);
    if (read instanceof AipError) return;
    for (const next of references(read, target)) {
      if (documents.has(next)) continue;
      if (documents.size < MAX_DOCUMENTS) await load(next);
      else
        documents.set(
          next,
          new AipError('CONFIG_INVALID', `${shown(url)} consists of more than ${MAX_DOCUMENTS} documents.`),
        );
    }
  }

  function follow(place: Place): Place {
    let at = place;
    for (let hops = 0; isJsonObject(at.node) && typeof at.node['$ref'] === 'string'; hops++) {
      if (hops === MAX_CHAIN) throw fault(place, 'its reference leads in a circle');
      at = placeOf(at, at.node['$ref']);
    }
    return at;
  }

  function placeOf(from: Place, reference: string): Place {
    const to = URL.parse(reference, from.document);
    if (!to) throw fault(from, `"${reference}" is no reference`);
    let pointer: string;
    try {
      pointer = decodeURIComponent(to.hash.slice(1));
    } catch {
      throw fault(from, `"${reference}" is no reference`);
    }
    to.hash = '';
    const found = documents.get(to.href);
    if (found instanceof AipError) throw found;
    if (found === undefined) throw fault(from, `${reference} is not part of the document`);
    if (pointer !== '' && !pointer.startsWith('/'))
      throw fault(from, `"${reference}" is not a JSON Pointer; anchors are not followed`);
    let at: Place = { document: to.href, pointer: '', node: found };
    for (const token of pointer.split('/').slice(1)) {
      const next = child(at, token.replaceAll('~1', '/').replaceAll('~0', '~'));
      if (!next) throw fault(from, `${reference} does not exist`);
      at = next;
    }
    return at;
  }

  const root: Place = { document: url, pointer: '', node: content };
  return { root, version: versionOf(root), follow, files: [...documents.keys()] };
}

function versionOf(root: Place): '3.0' | '3.1' {
  const said = isJsonObject(root.node) ? root.node['openapi'] : undefined;
  const version = typeof said === 'string' ? /^3\.[01](?=\.)/.exec(said)?.[0] : undefined;
  if (version === '3.0' || version === '3.1') return version;
  const other = isJsonObject(root.node) ? (said ?? root.node['swagger']) : undefined;
  throw fault(
    root,
    other === undefined
      ? 'this is no OpenAPI document'
      : `version ${JSON.stringify(other)} is not read; 3.0 and 3.1 are`,
  );
}

async function readOne(
  rootUrl: string,
  url: string,
  fetch: typeof globalThis.fetch,
  signal: AbortSignal,
): Promise<Json> {
  const text = url.startsWith('file:') ? await readLocal(rootUrl, url) : await readRemote(rootUrl, url, fetch, signal);
  try {
    // YAML 1.2 takes JSON as well, but takes its time.
    return (/^\s*\{/.test(text) ? JSON.parse(text) : parse(text, { maxAliasCount: 100 })) as Json;
  } catch (error) {
    const [reason = ''] = (error as Error).message.split('\n', 1);
    throw new AipError('CONFIG_INVALID', `${shown(url)} is neither JSON nor YAML: ${reason}`);
  }
}

async function readLocal(rootUrl: string, url: string): Promise<string> {
  if (!rootUrl.startsWith('file:'))
    throw new AipError('CONFIG_INVALID', `${rootUrl} refers to a file of this machine.`);
  const path = await realpath(fileURLToPath(url)).catch(() => {
    throw new AipError('CONFIG_INVALID', `${shown(url)} does not exist.`);
  });
  const folder = dirname(await realpath(fileURLToPath(rootUrl)));
  if (!path.startsWith(folder + sep))
    throw new AipError('CONFIG_INVALID', `${shown(url)} lies outside of the folder of its document.`);
  if ((await stat(path)).size > MAX_DOCUMENT) throw tooLarge(url);
  return readFile(path, 'utf8');
}

async function readRemote(
  rootUrl: string,
  url: string,
  fetch: typeof globalThis.fetch,
  signal: AbortSignal,
): Promise<string> {
  if (new URL(url).origin !== new URL(rootUrl).origin)
    throw new AipError('CONFIG_INVALID', `${shown(rootUrl)} refers to another origin: ${shown(url)}.`);
  try {
    const response = await fetch(url, {
      headers: { accept: 'application/json, application/yaml;q=0.9, */*;q=0.1' },
      signal,
    });
    if (!response.ok) throw new AipError('UPSTREAM_FAILED', `${shown(url)} answers with HTTP ${response.status}.`);
    return await response.text();
  } catch (error) {
    if (error instanceof AipError) throw error.code === 'PAYLOAD_TOO_LARGE' ? tooLarge(url) : error;
    throw new AipError('UPSTREAM_FAILED', `${shown(url)} cannot be read.`, { cause: error });
  }
}

export const DOCUMENT_LIMITS = { maxBytes: MAX_DOCUMENT, timeout: 30_000 };

const tooLarge = (url: string): AipError =>
  new AipError('CONFIG_INVALID', `${shown(url)} is larger than ${MAX_DOCUMENT} bytes.`);

/** Other documents that anything in this one refers to. */
function references(node: Json, base: string): Set<string> {
  const found = new Set<string>();
  const open: Json[] = [node];
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    if (Array.isArray(part)) for (const item of part) open.push(item);
    else if (isJsonObject(part)) {
      const reference = part['$ref'];
      const url = typeof reference === 'string' && !reference.startsWith('#') ? URL.parse(reference, base) : null;
      if (url) {
        url.hash = '';
        found.add(url.href);
      }
      for (const value of Object.values(part)) open.push(value);
    }
  }
  return found;
}

// ── places ───────────────────────────────────────────────────────────────────────────────────────────

/** What stands there under these names, or indices; undefined when nothing does. */
export function child(place: Place, ...names: readonly (string | number)[]): Place | undefined {
  let { node, pointer } = place;
  for (const name of names) {
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, name)) return undefined;
    node = (node as Record<string, Json>)[name] ?? null;
    pointer += `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;
  }
  return { document: place.document, pointer, node };
}

/** Everything directly below, in its order. */
export function children(place: Place): { name: string; place: Place }[] {
  if (typeof place.node !== 'object' || place.node === null) return [];
  return Object.keys(place.node).flatMap((name) => {
    const below = child(place, name);
    return below ? [{ name, place: below }] : [];
  });
}

export function textAt(place: Place, name: string): string | undefined {
  const node = child(place, name)?.node;
  return typeof node === 'string' ? node : undefined;
}

/** `petstore.yaml#/paths/~1pets/get: what is wrong` */
export const fault = (place: Place, what: string): AipError =>
  new AipError('CONFIG_INVALID', `${shown(place.document)}#${place.pointer}: ${what}.`);

/** A user name or a query in a URL may be a secret. */
function shown(url: string): string {
  const { protocol, origin, pathname } = new URL(url);
  return protocol === 'file:' ? fileURLToPath(url) : origin + pathname;
}
