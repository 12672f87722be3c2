import { claim } from '@aip/conformance';
import {
  AipError,
  consistencyPath,
  fromBase64Url,
  inclusionPath,
  leafHash,
  nodeHash,
  publicKeyOfDid,
  rootAt,
  verifyCheckpoint,
  verifyConsistency,
  verifyInclusion,
  type Checkpoint,
  type HashAt,
} from '@aip/wire';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { data } from '../../kernel/body.ts';
import { rounds, until } from '../../kernel/testing.ts';
import { openTestCore, temporaryFolder, type TestCore } from '../../main/testing.ts';
import { treeOf } from './tree.ts';

interface Head {
  readonly origin: string;
  readonly gateway: string;
  readonly size: number;
  readonly checkpoint: string;
  readonly checkpoint_size: number;
}
interface Proof {
  readonly size: number;
  readonly leaf: string;
  readonly path: string[];
  readonly checkpoint: string;
}
interface Page {
  readonly entries: { seq: number; kind: string; text: string; leaf: string }[];
  readonly size: number;
  readonly next?: number;
}

let core: TestCore;
let folder: ReturnType<typeof temporaryFolder>;
beforeAll(async () => {
  folder = temporaryFolder();
  core = await openTestCore(folder.path);
  core.tool('search', { effect: 'read' });
  const caller = await core.service('caller', 'caller');
  const call = (n: number) =>
    core.exchange.send(caller, { to: 'tool:notes/search', action: 'call', body: data({ n }) });
  const calls = await Promise.all(Array.from({ length: 400 }, (_, n) => call(n)));
  await Promise.all(calls.map(({ ended }) => ended));
  await core.operate('kills.kill', { scope: 'server:notes', reason: 'drill' });
});
afterAll(async () => {
  await core[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** The root that the gateway's own key has signed, checked as a stranger would. */
async function signed(head: Head, note: string): Promise<Checkpoint> {
  const key = { name: head.origin, publicKey: publicKeyOfDid(head.gateway) };
  return (await verifyCheckpoint(note, key)).checkpoint;
}

/** The head of the log once everything up to entry `seq` is signed. */
async function headBeyond(seq: number): Promise<Head> {
  await until(async () => ((await core.operate<unknown>('audit.head')) as Head).checkpoint_size > seq);
  return core.operate<unknown>('audit.head') as Promise<Head>;
}

describe(`a proof ${claim('G-AUDIT.proofs')}`, () => {
  it('of inclusion leads from the text of any signed entry to the signed root', async () => {
    const head = await headBeyond(800);
    for (const seq of [0, 1, 255, 256, 511, 512, 700, head.checkpoint_size - 1]) {
      const { entries } = (await core.operate<unknown>('audit.entries', { from: seq, limit: 1 })) as Page;
      const proof = (await core.operate<unknown>('audit.proof', { seq })) as Proof;
      const { size, root } = await signed(head, proof.checkpoint);
      const leaf = leafHash(entries[0]!.text);
      expect(leaf).toEqual(fromBase64Url(proof.leaf));
      expect(verifyInclusion(leaf, seq, size, proof.path.map(fromBase64Url), root)).toBe(true);
      expect(verifyInclusion(leaf, seq + 1, size, proof.path.map(fromBase64Url), root)).toBe(false);
    }
  });

  it('of consistency leads from an older signed root to the present one', async () => {
    const old = await headBeyond(800);
    const { root: oldRoot, size: from } = await signed(old, old.checkpoint);
    await headBeyond(old.size);
    const { size, path, checkpoint } = (await core.operate<unknown>('audit.consistency', { from })) as Proof;
    const { root } = await signed(old, checkpoint);
    expect(size).toBeGreaterThan(from);
    expect(verifyConsistency(from, size, oldRoot, root, path.map(fromBase64Url))).toBe(true);
    expect(verifyConsistency(from, size, root, root, path.map(fromBase64Url))).toBe(false);
  });

  it('is not given beyond what has been signed', async () => {
    const size = core.exchange.journal.read.size('default') + 1_000;
    await expect(core.operate('audit.proof', { seq: size })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(core.operate('audit.consistency', { from: size })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('is the same from the nodes that are kept as from all leaves', () => {
    const { read } = core.exchange.journal;
    const size = read.size('default');
    const leaves = read.hashes('default', 0, 0, size);
    const known = new Map<string, Uint8Array>();
    const computed: HashAt = (level, index) => {
      if (level === 0) return leaves[index]!;
      const name = `${level}/${index}`;
      const hash = known.get(name) ?? nodeHash(computed(level - 1, index * 2), computed(level - 1, index * 2 + 1));
      known.set(name, hash);
      return hash;
    };
    const tree = treeOf(read, 'default');
    const places = fc.tuple(fc.integer({ min: 1, max: size }), fc.nat()).map(([end, at]) => [at % end, end] as const);
    fc.assert(
      fc.property(places, ([index, end]) => {
        expect(rootAt(end, tree)).toEqual(rootAt(end, computed));
        expect(inclusionPath(index, end, tree)).toEqual(inclusionPath(index, end, computed));
        expect(consistencyPath(index, end, tree)).toEqual(consistencyPath(index, end, computed));
      }),
      { numRuns: rounds(60) },
    );
    expect(() => tree(20, 0)).toThrow(AipError);
  });
});

describe('the entries of the log', () => {
  it('are read page by page to the end, all of them or those of one kind', async () => {
    const pages = async (input: { limit: number; kind?: string }): Promise<Page['entries']> => {
      const found: Page['entries'] = [];
      for (let from: number | undefined = 0; from !== undefined && from < 1_000;) {
        const page = (await core.operate<unknown>('audit.entries', { ...input, from })) as Page;
        found.push(...page.entries);
        from = page.next;
      }
      return found.filter(({ seq }) => seq < 800);
    };
    expect((await pages({ limit: 130 })).map(({ seq }) => seq)).toEqual(Array.from({ length: 800 }, (_, seq) => seq));
    const accepts = await pages({ limit: 7, kind: 'accept' });
    expect(accepts.length).toBe(core.entries(['accept']).filter(({ seq }) => seq < 800).length);
    expect(accepts.every(({ kind }) => kind === 'accept')).toBe(true);
    const kills = (await core.operate<unknown>('audit.entries', { kind: 'kill' })) as Page;
    expect(kills.entries.map(({ kind }) => kind)).toEqual(['kill']);
  });
});
