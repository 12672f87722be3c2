import { AipError, nodeHash, type HashAt } from '@aip/wire';
import { TILE_HEIGHT } from '../../journal/store.ts';
import type { JournalReader } from '../../kernel/journal.ts';

/**
 * The Merkle tree of a tenant's log. Every eighth level is kept, and what lies between is computed from at most
 * 128 hashes, so that a proof costs a few hundred hashes however long the log is.
 */
export function treeOf(read: JournalReader, tenant: string): HashAt {
  return (level, index) => {
    const kept = level - (level % TILE_HEIGHT);
    const width = 2 ** (level - kept);
    let hashes = read.hashes(tenant, kept, index * width, width);
    if (hashes.length < width)
      throw new AipError('NOT_FOUND', `The log has no whole subtree of ${2 ** level} entries at ${index}.`);
    while (hashes.length > 1) hashes = pairs(hashes);
    return hashes[0] as Uint8Array;
  };
}

const pairs = (hashes: readonly Uint8Array[]): Uint8Array[] =>
  Array.from({ length: hashes.length / 2 }, (_, at) =>
    nodeHash(hashes[at * 2] as Uint8Array, hashes[at * 2 + 1] as Uint8Array),
  );
