import { z } from 'zod';

/** What the operations on policies answer, as schemas; the types they show are in `types.ts` and `explain.ts`. */
const reason = z.object({
  id: z.string(),
  file: z.string(),
  /** Counted from 1. */
  line: z.number(),
  annotations: z.record(z.string(), z.string()),
});

const effect = z.enum(['permit', 'forbid']);

export const policySchema = z.object({ ...reason.shape, effect });

export const problemSchema = z.object({
  file: z.string(),
  /** Line and column count from 1, columns in UTF-16 units. */
  line: z.number(),
  column: z.number(),
  message: z.string(),
  hint: z.string().optional(),
});

const policy = z.string();
const obligation = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('approve'), policy, by: z.string(), expiresMs: z.number().optional() }),
  z.object({ kind: z.literal('rate'), policy, limit: z.number(), windowMs: z.number() }),
  z.object({ kind: z.literal('log'), policy, note: z.string() }),
  z.object({ kind: z.literal('redact'), policy, fields: z.array(z.string()) }),
]);

const decision = z.object({
  effect: z.enum(['permit', 'deny']),
  message: z.string(),
  reasons: z.array(reason),
  errors: z.array(reason.extend({ message: z.string() })),
  obligations: z.array(obligation),
});

export const explanationSchema = z.object({
  decision,
  policies: z.array(
    reason.extend({ effect, outcome: z.enum(['applies', 'does not apply', 'fails']), unmet: z.array(z.string()) }),
  ),
  omitted: z.number(),
  wouldPermit: z.array(z.string()),
});

const answer = z.enum(['permit', 'deny', 'approve']);

export const caseResultSchema = z.object({
  name: z.string(),
  expected: answer,
  actual: answer,
  passed: z.boolean(),
  decision,
});
