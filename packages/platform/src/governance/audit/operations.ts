import { AipError, consistencyPath, inclusionPath, toBase64Url } from '@aip/wire';
import { z } from 'zod';
import type { Exchange } from '../../exchange/index.ts';
import type { JournalReader, StoredEntry } from '../../kernel/journal.ts';
import { operation, type Operation } from '../../kernel/operation.ts';
import { treeOf } from './tree.ts';

/** Entries that one request looks through for those of a kind, so that a rare kind does not hold up everybody. */
const MAX_SCANNED = 5_000;

/** The log, offered to those who want to check it themselves: heads, leaves, checkpoints and proofs. */
export function auditOperations(
  exchange: () => Exchange,
  gateway: string,
  originOf: (tenant: string) => string,
): Operation[] {
  const read = (): JournalReader => exchange().journal.read;

  function scan(tenant: string, from: number, limit: number, kind: string | undefined) {
    const end = Math.min(read().size(tenant), from + MAX_SCANNED);
    const found: StoredEntry[] = [];
    let at = from;
    while (at < end && found.length < limit) {
      const page = read().entries(tenant, { from: at, limit: Math.min(limit, end - at) });
      for (const entry of page) {
        if (found.length === limit) break;
        at = entry.seq + 1;
        if (kind === undefined || entry.kind === kind) found.push(entry);
      }
      if (page.length === 0) break;
    }
    return { found, next: at };
  }

  /** The last signed checkpoint, if it covers `size` entries. */
  function covering(tenant: string, size: number): { size: number; note: string } {
    const last = read().lastCheckpoint(tenant);
    if (last && last.size >= size) return last;
    throw new AipError(
      'NOT_FOUND',
      `No checkpoint covers ${size} entries yet; the last one covers ${last?.size ?? 0}. One is signed every second.`,
    );
  }

  return [
    operation({
      name: 'audit.head',
      summary: 'How far the log goes: its size and its last signed checkpoint.',
      effect: 'read',
      plane: 'control',
      input: z.object({}),
      output: z.object({
        tenant: z.string(),
        origin: z.string(),
        gateway: z.string(),
        size: z.number(),
        checkpoint: z.string().optional(),
        checkpoint_size: z.number(),
      }),
      handler({ principal: { tenant } }) {
        const last = read().lastCheckpoint(tenant);
        return {
          output: {
            tenant,
            origin: originOf(tenant),
            gateway,
            size: read().size(tenant),
            checkpoint_size: last?.size ?? 0,
            ...(last ? { checkpoint: last.note } : {}),
          },
        };
      },
    }),
    operation({
      name: 'audit.entries',
      summary: 'Entries as they are hashed: text and leaf, without the content they commit to.',
      effect: 'read',
      plane: 'control',
      input: z.object({
        from: z.coerce.number().int().min(0).default(0),
        limit: z.coerce.number().int().min(1).max(1_000).default(200),
        kind: z.string().max(64).optional(),
      }),
      output: z.object({
        entries: z.array(
          z.object({
            seq: z.number(),
            /** Milliseconds since the Unix epoch. */
            at: z.number(),
            kind: z.string(),
            task: z.string().optional(),
            n: z.number().optional(),
            /** The canonical text that the leaf hashes. */
            text: z.string(),
            /** base64url. */
            leaf: z.string(),
          }),
        ),
        size: z.number(),
        /** Where to go on; absent at the end of the log. */
        next: z.number().optional(),
      }),
      handler({ principal: { tenant } }, { from, limit, kind }) {
        const { found, next } = scan(tenant, from, limit, kind);
        const size = read().size(tenant);
        return {
          output: {
            size,
            ...(next < size ? { next } : {}),
            entries: found.map(({ seq, at, text, leaf, task, n, ...entry }) => ({
              seq,
              at,
              kind: entry.kind,
              task,
              n,
              text,
              leaf: toBase64Url(leaf),
            })),
          },
        };
      },
    }),
    operation({
      name: 'audit.proof',
      summary: 'An inclusion proof (RFC 6962) of one entry in the last signed checkpoint.',
      effect: 'read',
      plane: 'control',
      input: z.object({ seq: z.coerce.number().int().min(0) }),
      output: z.object({
        seq: z.number(),
        size: z.number(),
        leaf: z.string(),
        path: z.array(z.string()),
        checkpoint: z.string(),
      }),
      handler({ principal: { tenant } }, { seq }) {
        const { size, note } = covering(tenant, seq + 1);
        const tree = treeOf(read(), tenant);
        const path = inclusionPath(seq, size, tree).map(toBase64Url);
        return { output: { seq, size, leaf: toBase64Url(tree(0, seq)), path, checkpoint: note } };
      },
    }),
    operation({
      name: 'audit.consistency',
      summary: 'Proves (RFC 6962) that the last signed checkpoint continues the log that an older one has signed.',
      effect: 'read',
      plane: 'control',
      input: z.object({ from: z.coerce.number().int().min(0) }),
      output: z.object({ from: z.number(), size: z.number(), path: z.array(z.string()), checkpoint: z.string() }),
      handler({ principal: { tenant } }, { from }) {
        const { size, note } = covering(tenant, from);
        const path = consistencyPath(from, size, treeOf(read(), tenant)).map(toBase64Url);
        return { output: { from, size, path, checkpoint: note } };
      },
    }),
  ];
}
