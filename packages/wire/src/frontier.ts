import { AipError } from './errors.ts';
import { HASH_BYTES, emptyRoot, nodeHash } from './merkle.ts';

/**
 * The right edge of a growing Merkle tree: all that appending needs, at most 53 hashes. For each bit set in the
 * size it holds the root of one complete subtree, largest first.
 */
export class Frontier {
  #size = 0;
  #subtrees: Uint8Array[] = [];

  get size(): number {
    return this.#size;
  }

  /**
   * Adds a leaf hash.
   *
   * @param onNode is told every node that this leaf completes, the leaf itself (level 0) first
   */
  append(leaf: Uint8Array, onNode?: (level: number, index: number, hash: Uint8Array) => void): void {
    let hash = leaf;
    let index = this.#size;
    onNode?.(0, index, hash);
    for (let level = 1; index % 2 === 1; level++) {
      hash = nodeHash(this.#subtrees.pop() as Uint8Array, hash);
      index = (index - 1) / 2;
      onNode?.(level, index, hash);
    }
    this.#subtrees.push(hash);
    this.#size++;
  }

  /** Root of the tree of all leaves so far. */
  root(): Uint8Array {
    const right = this.#subtrees.at(-1);
    if (right === undefined) return emptyRoot();
    let root = right;
    for (let at = this.#subtrees.length - 2; at >= 0; at--) root = nodeHash(this.#subtrees[at] as Uint8Array, root);
    return root;
  }

  clone(): Frontier {
    const copy = new Frontier();
    copy.#size = this.#size;
    copy.#subtrees = [...this.#subtrees];
    return copy;
  }

  /** The size as 64-bit big-endian, then the hashes of the subtrees, largest first. */
  serialise(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(8 + this.#subtrees.length * HASH_BYTES);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(this.#size));
    this.#subtrees.forEach((hash, at) => bytes.set(hash, 8 + at * HASH_BYTES));
    return bytes;
  }

  /** @throws AipError INVALID_ARGUMENT for bytes that {@link serialise} did not write */
  static restore(bytes: Uint8Array): Frontier {
    const size = bytes.length < 8 ? NaN : Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0));
    if (!Number.isSafeInteger(size) || bytes.length !== 8 + bitsSet(size) * HASH_BYTES) {
      throw new AipError('INVALID_ARGUMENT', 'These bytes are not a serialised Merkle frontier.');
    }
    const frontier = new Frontier();
    frontier.#size = size;
    for (let at = 8; at < bytes.length; at += HASH_BYTES) frontier.#subtrees.push(bytes.slice(at, at + HASH_BYTES));
    return frontier;
  }
}

function bitsSet(n: number): number {
  let count = 0;
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}
