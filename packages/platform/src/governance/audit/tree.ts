import { nodeHash, type HashAt } from '@aip/wire';
import type { JournalReader } from '../../kernel/journal.ts';

/** Complete subtrees of this many levels are remembered, so that a proof reads a few hundred leaves, not all. */
const TILE = 8;
const MAX_TILES = 100_000;

/** The Merkle tree over a tenant's leaves, computed on demand. Complete subtrees never change, so they can be kept. */
export interface Tree {
  readonly hashAt: HashAt;
}

export function createTree(read: JournalReader, tenant: string): Tree {
  const tiles = new Map<string, Uint8Array>();

  function hashAt(level: number, index: number): Uint8Array {
    if (level > TILE)
      return kept(level, index, () => nodeHash(hashAt(level - 1, index * 2), hashAt(level - 1, index * 2 + 1)));
    if (level === TILE) return kept(level, index, () => subtree(level, index));
    return subtree(level, index);
  }

  function subtree(level: number, index: number): Uint8Array {
    const width = 2 ** level;
    let hashes = read.entries(tenant, { from: index * width, limit: width }).map((entry) => entry.leaf);
    while (hashes.length > 1)
      hashes = Array.from({ length: hashes.length / 2 }, (_, at) =>
        nodeHash(hashes[at * 2] as Uint8Array, hashes[at * 2 + 1] as Uint8Array),
      );
    return hashes[0] as Uint8Array;
  }

  function kept(level: number, index: number, compute: () => Uint8Array): Uint8Array {
    const key = `${level}/${index}`;
    const known = tiles.get(key);
    if (known) return known;
    const hash = compute();
    if (tiles.size >= MAX_TILES) tiles.delete(tiles.keys().next().value as string);
    tiles.set(key, hash);
    return hash;
  }

  return { hashAt };
}
