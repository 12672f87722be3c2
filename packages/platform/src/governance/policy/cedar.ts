import { setImmediate as nextTurn } from 'node:timers/promises';
import { AipError } from '@aip/wire';
import type * as Wasm from '@cedar-policy/cedar-wasm/nodejs';
import type { DetailedError, PolicyJson, SchemaJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { PolicyFile, PolicySource } from './source.ts';
import { problemAt, splitPolicies } from './source.ts';
import type { PolicyProblem } from './types.ts';

/** The official Cedar implementation, compiled to WebAssembly. */
export type Cedar = typeof Wasm;

let loading: Promise<Cedar> | undefined;

/** Loads cedar-wasm at first use: 15 ms and 4 MB that a process without policies does not spend. */
export function loadCedar(): Promise<Cedar> {
  loading ??= import('@cedar-policy/cedar-wasm/nodejs');
  return loading;
}

/** One policy as its author wrote it and as Cedar understood it. */
export interface ParsedPolicy {
  readonly source: PolicySource;
  /** Counts from 1 within the file. */
  readonly number: number;
  readonly json: PolicyJson;
}

export interface ParsedFile {
  readonly policies: ParsedPolicy[];
  readonly problems: PolicyProblem[];
}

/** How many policies are parsed or validated before other work gets its turn: some ten milliseconds' worth. */
const BATCH = 128;

/** Parses every policy of a file, going on after errors. */
export async function parsePolicies(cedar: Cedar, file: PolicyFile): Promise<ParsedFile> {
  const parsed: ParsedFile = { policies: [], problems: [] };
  for (const [at, source] of splitPolicies(file).entries()) {
    if (at % BATCH === BATCH - 1) await nextTurn();
    const answer = cedar.policyToJson(source.text);
    if (answer.type === 'success') parsed.policies.push({ source, number: at + 1, json: answer.json });
    else parsed.problems.push(...answer.errors.flatMap((error) => explainError(source, error)));
  }
  return parsed;
}

export interface Validation {
  readonly problems: PolicyProblem[];
  /** What is allowed but hardly meant: a policy that can never apply. */
  readonly warnings: PolicyProblem[];
}

/** Checks policies against a schema, with Cedar's strict validator. */
export async function validatePolicies(
  cedar: Cedar,
  policies: readonly ParsedPolicy[],
  schema: SchemaJson<string>,
): Promise<Validation> {
  const found: Validation = { problems: [], warnings: [] };
  for (let from = 0; from < policies.length; from += BATCH) {
    if (from > 0) await nextTurn();
    validateBatch(cedar, policies.slice(from, from + BATCH), schema, found);
  }
  return found;
}

function validateBatch(
  cedar: Cedar,
  policies: readonly ParsedPolicy[],
  schema: SchemaJson<string>,
  found: Validation,
): void {
  const staticPolicies = Object.fromEntries(policies.map(({ source }, at) => [String(at), source.text]));
  const answer = cedar.validate({ schema, policies: { staticPolicies } });
  if (answer.type === 'failure') throw schemaError(answer.errors);
  const explain = ({ policyId, error }: Wasm.ValidationError): PolicyProblem[] => {
    const policy = policies[Number(policyId)];
    return policy === undefined ? [] : explainError(policy.source, error);
  };
  found.problems.push(...answer.validationErrors.flatMap(explain));
  found.warnings.push(...answer.validationWarnings.flatMap(explain));
}

/** A schema in Cedar's JSON form. Throws POLICY_INVALID for one that cannot be read. */
export function parseSchema(cedar: Cedar, schema: string): SchemaJson<string> {
  const answer = cedar.schemaToJson(schema);
  if (answer.type === 'failure') throw schemaError(answer.errors);
  return answer.json;
}

function schemaError(errors: readonly DetailedError[]): AipError {
  return new AipError('POLICY_INVALID', `The policy schema has errors: ${errors.map((e) => e.message).join('; ')}`);
}

/** A policy file in Cedar's canonical layout. Throws POLICY_INVALID when it does not parse. */
export async function formatPolicies(file: PolicyFile): Promise<string> {
  const cedar = await loadCedar();
  const answer = cedar.formatPolicies({ policyText: file.text, lineWidth: 100, indentWidth: 2 });
  if (answer.type === 'success') return answer.formatted_policy;
  const { problems } = await parsePolicies(cedar, file);
  throw policyInvalid(problems);
}

/** The error for policy files that must not come into force. */
export function policyInvalid(problems: readonly PolicyProblem[]): AipError {
  const [first] = problems;
  const where = first === undefined ? '' : ` ${first.file}:${first.line}:${first.column}: ${first.message}`;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new AipError('POLICY_INVALID', `The policies have errors.${where}${more}`, {
    details: { errors: problems.map((problem) => ({ ...problem })) },
  });
}

/** Cedar's error and those related to it, placed in the file. Cedar counts in bytes of UTF-8. */
function explainError(source: PolicySource, error: DetailedError): PolicyProblem[] {
  const [place] = error.sourceLocations ?? [];
  const offset = Buffer.from(source.text)
    .subarray(0, place?.start ?? 0)
    .toString().length;
  const text = error.message.replace(/^failed to parse policy from string: |^for policy `\d+`, /, '');
  const expected = place?.label?.startsWith('expected') === true ? `: ${place.label}` : '';
  const hint = error.help?.replace(/^for policy `\d+`, /, '');
  return [
    problemAt(source, offset, text + expected, hint),
    ...(error.related ?? []).flatMap((related) => explainError(source, related)),
  ];
}

/** A condition as Cedar text. */
export function showExpression(cedar: Cedar, expr: Wasm.Expr): string {
  const all = { op: 'All' } as const;
  const conditions: PolicyJson['conditions'] = [{ kind: 'when', body: expr }];
  const answer = cedar.policyToText({ effect: 'permit', principal: all, action: all, resource: all, conditions });
  return answer.type === 'success' ? answer.text.replace(/^[^]*?when \{\s*([^]*?)\s*\};\s*$/, '$1') : '…';
}
