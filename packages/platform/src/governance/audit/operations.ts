import { AipError, inclusionPath, parseCheckpoint, toBase64Url } from '@aip/wire';
import { z } from 'zod';
import type { Exchange } from '../../exchange/index.ts';
import type { JournalReader } from '../../kernel/journal.ts';
import { operation, type Operation } from '../../kernel/operation.ts';
import { createTree, type Tree } from './tree.ts';

/** The log, offered to those who want to check it themselves: heads, leaves, checkpoints and proofs. */
export function auditOperations(
  exchange: () => Exchange,
  gateway: string,
  originOf: (tenant: string) => string,
): Operation[] {
  const trees = new Map<string, Tree>();
  const read = (): JournalReader => exchange().journal.read;

  function tree(tenant: string): Tree {
    const known = trees.get(tenant) ?? createTree(read(), tenant);
    trees.set(tenant, known);
    return known;
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
        const last = read().checkpoints(tenant).at(-1);
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
      output: z.object({ entries: z.array(z.any()), size: z.number() }),
      handler({ principal: { tenant } }, { from, limit, kind }) {
        const entries = read()
          .entries(tenant, { from, limit })
          .filter((entry) => kind === undefined || entry.kind === kind);
        const size = read().size(tenant);
        return {
          output: {
            size,
            entries: entries.map(({ seq, at, text, leaf, task, n, ...entry }) => ({
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
        const last = read().checkpoints(tenant).at(-1);
        const entry = read().entry(tenant, seq);
        if (!entry || !last || seq >= last.size)
          throw new AipError(
            'NOT_FOUND',
            `Entry ${seq} is not covered by a checkpoint yet; the last one covers ${last?.size ?? 0} entries.`,
          );
        const { size } = parseCheckpoint(last.note).checkpoint;
        const path = inclusionPath(seq, size, tree(tenant).hashAt).map(toBase64Url);
        return { output: { seq, size, leaf: toBase64Url(entry.leaf), path, checkpoint: last.note } };
      },
    }),
  ];
}
