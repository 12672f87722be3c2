import { AipError } from '@aip/wire';
import type { JsonObject } from '@aip/wire';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { entitySlice, ownersOf } from './entity-slice.ts';
import { EvaluationError } from './evaluation.ts';
import { fromJson } from './json-value.ts';
import type { PolicySet } from './policy-set.ts';
import type { Decision, Entity, PolicyRequest } from './types.ts';
import type { CedarRecord } from './value.ts';
import { entity, parseEntity } from './value.ts';

/** An entity of a case: `Agent::"did:…"`, or with its attributes and what it is in. */
const caseEntity = z.union([
  z.string(),
  z.strictObject({
    entity: z.string(),
    in: z.array(z.string()).default([]),
    attrs: z.record(z.string(), z.json()).default({}),
  }),
]);

const caseSchema = z.strictObject({
  name: z.string().optional(),
  principal: caseEntity,
  /** `call` or `Action::"call"`. */
  action: z.string(),
  resource: caseEntity,
  /** `arguments` is part of it. `protocol` is `http` and `depth` 0 unless told. */
  context: z.record(z.string(), z.json()).default({}),
  expect: z.enum(['permit', 'deny', 'approve']),
});

/** A question to a set of policies with the answer that its author expects; `approve` is a permit that asks first. */
export type PolicyCase = z.infer<typeof caseSchema>;

export interface CaseResult {
  readonly name: string;
  readonly expected: PolicyCase['expect'];
  readonly actual: PolicyCase['expect'];
  readonly passed: boolean;
  readonly decision: Decision;
}

/** Most cases in one table. */
const MAX_CASES = 10_000;

/**
 * Reads a table of cases: a YAML or JSON list.
 *
 * @throws AipError INVALID_ARGUMENT that names the case and the field that is wrong.
 */
export function parseCases(text: string): PolicyCase[] {
  let table: unknown;
  try {
    table = parseYaml(text, { maxAliasCount: 100 });
  } catch (error) {
    throw new AipError('INVALID_ARGUMENT', `The policy cases are not YAML: ${(error as Error).message}`);
  }
  const read = z.array(caseSchema).max(MAX_CASES).safeParse(table);
  if (read.success) return read.data;
  throw new AipError('INVALID_ARGUMENT', `The policy cases have errors:\n${z.prettifyError(read.error)}`);
}

/** Decides every case. Throws INVALID_ARGUMENT when a case names something that is not an entity. */
export function runCases(set: PolicySet, cases: readonly PolicyCase[]): CaseResult[] {
  return cases.map((one, at) => {
    const request = caseRequest(one);
    const decision = set.decide(request);
    const actual = outcome(decision);
    const name = one.name ?? `case ${at + 1}`;
    return { name, expected: one.expect, actual, passed: actual === one.expect, decision };
  });
}

function outcome({ effect, obligations }: Decision): PolicyCase['expect'] {
  if (effect === 'deny') return 'deny';
  return obligations.some(({ kind }) => kind === 'approve') ? 'approve' : 'permit';
}

/** The request that a case stands for. */
function caseRequest({ principal, action, resource, context }: PolicyCase): PolicyRequest {
  const [actor, target] = [readEntity(principal), readEntity(resource)];
  const { arguments: args, ...rest } = context;
  return {
    principal: actor.ref,
    action: action.includes('::') ? parseEntity(action) : entity('Action', action),
    resource: target.ref,
    context: readRecord({ protocol: 'http', depth: 0, ...rest }, 'context'),
    arguments: args,
    entities: entitySlice([actor, target]),
  };
}

function readEntity(given: PolicyCase['principal']): Entity {
  const { entity: uid, in: parents, attrs } = typeof given === 'string' ? { entity: given, in: [], attrs: {} } : given;
  const ref = parseEntity(uid);
  return {
    ref,
    attrs: readRecord(attrs, uid),
    parents: [...ownersOf(ref), ...parents.map(parseEntity)],
  };
}

function readRecord(json: JsonObject, name: string): CedarRecord {
  try {
    return fromJson(json, [name]) as CedarRecord;
  } catch (error) {
    if (error instanceof EvaluationError) throw new AipError('INVALID_ARGUMENT', error.message);
    throw error;
  }
}
