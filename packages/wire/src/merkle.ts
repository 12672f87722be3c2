import { sha256 } from '#crypto';
import { equalBytes } from './bytes.ts';
import { AipError } from './errors.ts';

/**
 * The Merkle tree of RFC 6962 §2.1. Level 0 holds the leaf hashes; the node at (level, index) covers the leaves
 * [index·2^level, (index+1)·2^level) and exists once all of them do. Sizes are exact up to 2^53 − 1, therefore
 * arithmetic and no 32-bit operators.
 */

/** Reads the hash of a complete node. */
export type HashAt = (level: number, index: number) => Uint8Array;

export const HASH_BYTES = 32;

/** Hash of a leaf; a text is taken as UTF-8. */
export function leafHash(data: Uint8Array | string): Uint8Array {
  // U+0000 is the byte 0x00 in UTF-8, so a text needs no copy.
  if (typeof data === 'string') return sha256(`\0${data}`);
  const input = new Uint8Array(1 + data.length);
  input.set(data, 1);
  return sha256(input);
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  const input = new Uint8Array(1 + left.length + right.length);
  input[0] = 1;
  input.set(left, 1);
  input.set(right, 1 + left.length);
  return sha256(input);
}

/** Root of the tree without leaves. */
export function emptyRoot(): Uint8Array {
  return sha256(new Uint8Array(0));
}

/** Root of the tree of the first `size` leaves. */
export function rootAt(size: number, hashAt: HashAt): Uint8Array {
  checkSize(size);
  return size === 0 ? emptyRoot() : rangeHash(0, size, hashAt);
}

/**
 * Proof that leaf `index` is in the tree of the first `size` leaves (RFC 6962 §2.1.1), sibling of the leaf first.
 *
 * @throws AipError INVALID_ARGUMENT unless 0 ≤ index < size
 */
export function inclusionPath(index: number, size: number, hashAt: HashAt): Uint8Array[] {
  checkSize(size);
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new AipError('INVALID_ARGUMENT', `Leaf ${index} is not in a tree of ${size} leaves.`);
  }
  const path: Uint8Array[] = [];
  let begin = 0;
  let end = size;
  while (end - begin > 1) {
    const middle = begin + splitOf(end - begin);
    if (index < middle) {
      path.push(rangeHash(middle, end, hashAt));
      end = middle;
    } else {
      path.push(rangeHash(begin, middle, hashAt));
      begin = middle;
    }
  }
  return path.toReversed();
}

/**
 * Proof that the tree of `newSize` leaves begins with the tree of `oldSize` leaves (RFC 6962 §2.1.2).
 *
 * @throws AipError INVALID_ARGUMENT unless 0 ≤ oldSize ≤ newSize
 */
export function consistencyPath(oldSize: number, newSize: number, hashAt: HashAt): Uint8Array[] {
  checkSize(oldSize);
  checkSize(newSize);
  if (oldSize > newSize) {
    throw new AipError('INVALID_ARGUMENT', `A tree of ${newSize} leaves cannot begin with ${oldSize} leaves.`);
  }
  if (oldSize === 0 || oldSize === newSize) return [];
  const path: Uint8Array[] = [];
  let begin = 0;
  let end = newSize;
  while (end !== oldSize) {
    const middle = begin + splitOf(end - begin);
    if (oldSize <= middle) {
      path.push(rangeHash(middle, end, hashAt));
      end = middle;
    } else {
      path.push(rangeHash(begin, middle, hashAt));
      begin = middle;
    }
  }
  // The verifier knows the old root; it needs the old tree's last subtree only where that is not the root itself.
  if (begin > 0) path.push(rangeHash(begin, end, hashAt));
  return path.toReversed();
}

/** Checks an {@link inclusionPath}. False for any path, index or size that does not lead to `root`. */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!isSize(index) || !isSize(size) || index >= size) return false;
  let node = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of path) {
    if (last === 0 || sibling.length !== HASH_BYTES) return false;
    if (isOdd(node) || node === last) {
      hash = nodeHash(sibling, hash);
      while (!isOdd(node) && node > 0) {
        node = half(node);
        last = half(last);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    node = half(node);
    last = half(last);
  }
  return last === 0 && equalBytes(hash, root);
}

/** Checks a {@link consistencyPath}. False for anything that does not lead to both roots. */
export function verifyConsistency(
  oldSize: number,
  newSize: number,
  oldRoot: Uint8Array,
  newRoot: Uint8Array,
  path: readonly Uint8Array[],
): boolean {
  if (!isSize(oldSize) || !isSize(newSize) || oldSize > newSize) return false;
  if (oldSize === newSize) return path.length === 0 && equalBytes(oldRoot, newRoot);
  if (oldSize === 0) return path.length === 0 && equalBytes(oldRoot, emptyRoot());
  if (path.some((hash) => hash.length !== HASH_BYTES)) return false;

  let node = oldSize - 1;
  let last = newSize - 1;
  while (isOdd(node)) {
    node = half(node);
    last = half(last);
  }
  // A complete old tree is itself the first subtree, so its root starts the way and is not in the path.
  const [first, ...rest] = node === 0 ? [oldRoot, ...path] : path;
  if (first === undefined) return false;
  let oldHash = first;
  let newHash = first;
  for (const sibling of rest) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      oldHash = nodeHash(sibling, oldHash);
      newHash = nodeHash(sibling, newHash);
      while (!isOdd(node) && node > 0) {
        node = half(node);
        last = half(last);
      }
    } else {
      newHash = nodeHash(newHash, sibling);
    }
    node = half(node);
    last = half(last);
  }
  return last === 0 && equalBytes(oldHash, oldRoot) && equalBytes(newHash, newRoot);
}

/** Hash of the leaves [begin, end), where `begin` is a multiple of the largest power of two ≤ end − begin. */
function rangeHash(begin: number, end: number, hashAt: HashAt): Uint8Array {
  const count = end - begin;
  const level = Math.log2(count);
  if (Number.isInteger(level) && 2 ** level === count) return hashAt(level, begin / count);
  const middle = begin + splitOf(count);
  return nodeHash(rangeHash(begin, middle, hashAt), rangeHash(middle, end, hashAt));
}

/** The largest power of two below `count` (RFC 6962: k < n ≤ 2k), for count ≥ 2. */
function splitOf(count: number): number {
  let split = 2 ** Math.floor(Math.log2(count));
  // log2 rounds near 2^53, in either direction.
  if (split >= count) split /= 2;
  else if (split * 2 < count) split *= 2;
  return split;
}

function half(n: number): number {
  return Math.floor(n / 2);
}

function isOdd(n: number): boolean {
  return n % 2 === 1;
}

function isSize(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0;
}

function checkSize(size: number): void {
  if (!isSize(size)) throw new AipError('INVALID_ARGUMENT', `${size} is not a tree size.`);
}
