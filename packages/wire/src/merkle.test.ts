import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Frontier } from './frontier.ts';
import {
  type HashAt,
  consistencyPath,
  emptyRoot,
  inclusionPath,
  leafHash,
  nodeHash,
  rootAt,
  verifyConsistency,
  verifyInclusion,
} from './merkle.ts';
import { fromHex, refusal, toHex } from './testing.ts';

/** A tree with all its nodes in memory. */
function treeOf(leaves: readonly Uint8Array[]): { frontier: Frontier; hashAt: HashAt } {
  const nodes = new Map<string, Uint8Array>();
  const frontier = new Frontier();
  for (const leaf of leaves) frontier.append(leaf, (level, index, hash) => nodes.set(`${level}/${index}`, hash));
  return {
    frontier,
    hashAt: (level, index) => {
      const hash = nodes.get(`${level}/${index}`);
      if (hash === undefined) throw new Error(`node ${level}/${index} is not complete`);
      return hash;
    },
  };
}

/** The definition of the tree hash in RFC 6962 §2.1, word for word. */
function treeHash(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return emptyRoot();
  if (leaves.length === 1) return leaves[0]!;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return nodeHash(treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)));
}

// The reference data of the Certificate Transparency implementations.
const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(
  (hex) => leafHash(fromHex(hex)),
);
const roots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
const reference = treeOf(leaves);

it('hashes a text as its bytes in UTF-8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(toHex(leafHash(text))).toBe(toHex(leafHash(new TextEncoder().encode(text))));
    }),
  );
});

describe('the Merkle tree of RFC 6962', () => {
  it.each([...roots.entries()])('has the root of the reference at size %i', (size, root) => {
    expect(toHex(rootAt(size, reference.hashAt))).toBe(root);
    expect(toHex(treeOf(leaves.slice(0, size)).frontier.root())).toBe(root);
  });

  it('gives the inclusion paths of the reference', () => {
    const path = (index: number, size: number) => inclusionPath(index, size, reference.hashAt).map(toHex);
    expect(path(0, 1)).toEqual([]);
    expect(path(0, 8)).toEqual([
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ]);
    expect(path(5, 8)).toEqual([
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
    expect(path(2, 3)).toEqual(['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']);
  });

  it('gives the consistency paths of the reference', () => {
    const path = (from: number, to: number) => consistencyPath(from, to, reference.hashAt).map(toHex);
    expect(path(1, 1)).toEqual([]);
    expect(path(1, 8)).toEqual([
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ]);
    expect(path(6, 8)).toEqual([
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
    expect(path(2, 5)).toEqual([
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ]);
  });

  it('has the root of the definition at every size, and a frontier that survives storage at each', () => {
    const many = Array.from({ length: 140 }, (_, index) => leafHash(`leaf ${index}`));
    const tree = treeOf(many);
    let restored = new Frontier();
    many.forEach((leaf, index) => {
      restored.append(leaf);
      restored = Frontier.restore(restored.serialise());
      expect(toHex(restored.root())).toBe(toHex(treeHash(many.slice(0, index + 1))));
      expect(toHex(rootAt(index + 1, tree.hashAt))).toBe(toHex(restored.root()));
    });
  });
});

describe('proofs', () => {
  const many = Array.from({ length: 300 }, (_, index) => leafHash(`leaf ${index}`));
  const tree = treeOf(many);
  const sizes = fc.integer({ min: 1, max: many.length });

  it('of inclusion hold for every leaf of every small tree', () => {
    for (let size = 1; size <= 65; size++) {
      for (let index = 0; index < size; index++) {
        const path = inclusionPath(index, size, tree.hashAt);
        expect(verifyInclusion(many[index]!, index, size, path, rootAt(size, tree.hashAt))).toBe(true);
      }
    }
  });

  it('of consistency hold for every pair of small trees', () => {
    for (let newer = 0; newer <= 65; newer++) {
      for (let older = 0; older <= newer; older++) {
        const path = consistencyPath(older, newer, tree.hashAt);
        const [oldRoot, newRoot] = [rootAt(older, tree.hashAt), rootAt(newer, tree.hashAt)];
        expect(verifyConsistency(older, newer, oldRoot, newRoot, path)).toBe(true);
      }
    }
  });

  it('of inclusion fail for another leaf, index, size, root or path', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (size, at, pick, flip) => {
        const index = at % size;
        const root = rootAt(size, tree.hashAt);
        const leaf = many[index]!;
        const path = inclusionPath(index, size, tree.hashAt);
        const ok = (l: Uint8Array, i: number, s: number, p: Uint8Array[], r: Uint8Array) =>
          verifyInclusion(l, i, s, p, r);
        expect(ok(leaf, index, size, path, root)).toBe(true);
        expect(ok(damaged(leaf, pick, flip), index, size, path, root)).toBe(false);
        expect(ok(leaf, index, size, path, damaged(root, pick, flip))).toBe(false);
        expect(ok(leaf, size, size, path, root)).toBe(false);
        expect(ok(leaf, index, size, [...path, root], root)).toBe(false);
        const other = pick % size;
        if (other !== index) expect(ok(leaf, other, size, path, root)).toBe(false);
        if (path.length === 0) return;
        const hit = pick % path.length;
        expect(ok(leaf, index, size, path.with(hit, damaged(path[hit]!, pick, flip)), root)).toBe(false);
        expect(ok(leaf, index, size, path.toSpliced(hit, 1), root)).toBe(false);
        expect(ok(leaf, index, size, path.with(hit, path[hit]!.slice(1)), root)).toBe(false);
      }),
    );
  });

  it('of consistency fail for another size, root or path', () => {
    fc.assert(
      fc.property(sizes, sizes, fc.nat(), fc.integer({ min: 1, max: 255 }), (a, b, pick, flip) => {
        const [older, newer] = [Math.min(a, b), Math.max(a, b)];
        const [oldRoot, newRoot] = [rootAt(older, tree.hashAt), rootAt(newer, tree.hashAt)];
        const path = consistencyPath(older, newer, tree.hashAt);
        expect(verifyConsistency(older, newer, damaged(oldRoot, pick, flip), newRoot, path)).toBe(false);
        expect(verifyConsistency(older, newer, oldRoot, damaged(newRoot, pick, flip), path)).toBe(false);
        expect(verifyConsistency(older, newer, oldRoot, newRoot, [...path, newRoot])).toBe(false);
        expect(verifyConsistency(newer + 1, newer, oldRoot, newRoot, path)).toBe(false);
        if (path.length === 0) return;
        const hit = pick % path.length;
        const wrong = path.with(hit, damaged(path[hit]!, pick, flip));
        expect(verifyConsistency(older, newer, oldRoot, newRoot, wrong)).toBe(false);
        expect(verifyConsistency(older, newer, oldRoot, newRoot, path.toSpliced(hit, 1))).toBe(false);
      }),
    );
  });

  it('catch a log that rewrote an old entry', () => {
    const forged = treeOf(many.with(7, leafHash('forged')));
    const path = consistencyPath(100, 200, forged.hashAt);
    expect(verifyConsistency(100, 200, rootAt(100, tree.hashAt), rootAt(200, forged.hashAt), path)).toBe(false);
  });

  it.each([
    ['a leaf beyond the tree', () => inclusionPath(8, 8, reference.hashAt)],
    ['a negative leaf', () => inclusionPath(-1, 8, reference.hashAt)],
    ['half a leaf', () => inclusionPath(0.5, 8, reference.hashAt)],
    ['a tree that shrinks', () => consistencyPath(8, 7, reference.hashAt)],
    ['a size beyond exactness', () => rootAt(2 ** 53, reference.hashAt)],
  ])('are not made for %s', (_, ask) => {
    expect(refusal(ask).code).toBe('INVALID_ARGUMENT');
  });

  it.each([2 ** 31, 2 ** 32 + 5, 2 ** 40 + 1, 2 ** 52 - 1, 2 ** 52 + 1, 2 ** 53 - 1])(
    'are right for sizes that no 32-bit number holds: %i',
    (size) => {
      // All leaves equal: then a complete node depends on its level alone, and huge trees can be had.
      const levels = [leafHash('same')];
      for (let level = 1; level <= 53; level++) levels.push(nodeHash(levels[level - 1]!, levels[level - 1]!));
      const hashAt: HashAt = (level) => levels[level]!;
      const root = rootAt(size, hashAt);
      for (const index of [0, 1, 2 ** 31 - 1, Math.floor(size / 2), size - 2, size - 1]) {
        expect(verifyInclusion(levels[0]!, index, size, inclusionPath(index, size, hashAt), root)).toBe(true);
      }
      for (const older of [1, 2 ** 31 - 1, Math.floor(size / 3), size - 1]) {
        const path = consistencyPath(older, size, hashAt);
        expect(verifyConsistency(older, size, rootAt(older, hashAt), root, path)).toBe(true);
        expect(path.length).toBeLessThanOrEqual(54);
      }
    },
  );
});

describe('Frontier', () => {
  it('keeps a clone apart', () => {
    const frontier = treeOf(leaves.slice(0, 5)).frontier;
    const copy = frontier.clone();
    copy.append(leaves[5]!);
    expect(toHex(frontier.root())).toBe(roots[5]);
    expect(toHex(copy.root())).toBe(roots[6]);
    expect([frontier.size, copy.size]).toEqual([5, 6]);
  });

  it('is as large as the logarithm of the tree', () => {
    const frontier = new Frontier();
    for (let index = 0; index < 1023; index++) frontier.append(leaves[0]!);
    expect(frontier.serialise()).toHaveLength(8 + 10 * 32);
  });

  it.each([
    ['nothing', new Uint8Array(0)],
    ['a size without its hashes', Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 3)],
    ['a hash too many', new Uint8Array(40)],
    ['a size beyond exactness', new Uint8Array(8 + 53 * 32).fill(0xff)],
  ])('does not come back from %s', (_, bytes) => {
    expect(refusal(() => Frontier.restore(bytes)).code).toBe('INVALID_ARGUMENT');
  });
});

function damaged(bytes: Uint8Array, pick: number, flip: number): Uint8Array {
  const at = pick % bytes.length;
  return bytes.with(at, bytes[at]! ^ flip);
}
