import { createHash } from 'node:crypto';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';

/**
 * Names under which MCP clients see what the catalogue holds. Clients take `^[a-zA-Z0-9_-]{1,64}$` at most, and one
 * name must never mean two things, whoever chose the parts of it:
 *
 * - The plain name is `<owner>_<name>`. An underscore in the owner is doubled and a name that begins with one has no
 *   plain form, so the first run of underscores with an odd length separates the two.
 * - What cannot be written so (other characters, too long) goes by its alias: readable parts, then `_x` and 80 bits of
 *   a hash over what the entry is. A plain name that looks like an alias has no plain form either.
 */
type Named = Pick<CatalogueEntry, 'kind' | 'owner' | 'ownerName' | 'name'>;

const MAX_LENGTH = 64;
const LEGAL = /^[a-zA-Z0-9_-]{1,64}$/;
const OWNER = /^[a-zA-Z0-9][a-zA-Z0-9_-]*$/;
const LOCAL = /^[a-zA-Z0-9-][a-zA-Z0-9_-]*$/;
const OPERATION = /^[a-z][a-z0-9]*\.[a-zA-Z0-9-][a-zA-Z0-9_-]*$/;
const ALIAS = /_x[a-z2-7]{16}$/;

/** The owner of the platform's own operations; nobody else gets plain names under it. */
const PLATFORM = 'aip';

export const isLegalName = (name: string): boolean => LEGAL.test(name);

/** `<owner>_<name>`, `aip_<domain>_<verb>`; undefined when the entry has no unambiguous, legal form of it. */
export function plainName(entry: Named): string | undefined {
  const name = entry.kind === 'operation' ? operationName(entry.name) : ownedName(entry.ownerName, entry.name);
  return name !== undefined && name.length <= MAX_LENGTH && !ALIAS.test(name) ? name : undefined;
}

/** The name that always works: unique by its hash, the rest of it is for the reader. */
export function aliasName(entry: Named): string {
  const identity = JSON.stringify([entry.kind, entry.owner, entry.name]);
  const hash = base32(createHash('sha256').update(identity).digest().subarray(0, 10));
  const owner = entry.kind === 'operation' ? PLATFORM : entry.ownerName;
  return `${legible(`${owner}_${entry.name}`, MAX_LENGTH - 18)}_x${hash}`;
}

function operationName(name: string): string | undefined {
  return OPERATION.test(name) ? `${PLATFORM}_${name.replace('.', '_')}` : undefined;
}

function ownedName(owner: string, name: string): string | undefined {
  if (!OWNER.test(owner) || !LOCAL.test(name) || owner.toLowerCase() === PLATFORM) return undefined;
  return `${owner.replaceAll('_', '__')}_${name}`;
}

/** The owner that a plain name speaks of: what stands before the first run of underscores of odd length. */
export function ownerInName(name: string): string | undefined {
  const separator = [...name.matchAll(/_+/g)].find(([run]) => run.length % 2 === 1);
  return separator && name.slice(0, separator.index + separator[0].length - 1).replaceAll('__', '_');
}

const legible = (text: string, length: number): string => text.replaceAll(/[^a-zA-Z0-9_-]+/g, '-').slice(0, length);

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** RFC 4648 section 6, lower case; whole groups of five bytes need no padding. */
function base32(bytes: Uint8Array): string {
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  return Array.from({ length: (bytes.length * 8) / 5 }, (_, i) => {
    const shift = BigInt(bytes.length * 8 - 5 * (i + 1));
    return BASE32[Number((bits >> shift) & 31n)];
  }).join('');
}
