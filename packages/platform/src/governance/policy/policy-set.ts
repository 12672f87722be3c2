import type { SchemaJson } from '@cedar-policy/cedar-wasm/nodejs';
import { schemaWithArguments } from './argument-types.ts';
import type { Cedar, ParsedPolicy, Validation } from './cedar.ts';
import { loadCedar, parsePolicies, parseSchema, policyInvalid, validatePolicies } from './cedar.ts';
import type { CompiledPolicy } from './compile.ts';
import { compilePolicy } from './compile.ts';
import { denial } from './denial.ts';
import type { Evaluation } from './evaluation.ts';
import { ancestorsOf, EvaluationError, startEvaluation } from './evaluation.ts';
import { AIP_SCHEMA_JSON } from './schema.ts';
import { indexByScope } from './scope-index.ts';
import type { PolicyFile } from './source.ts';
import { annotationOffset, problemAt } from './source.ts';
import type { Decision, Entity, PolicyFailure, PolicyProblem, PolicyRequest } from './types.ts';
import { entity } from './value.ts';

/** Policies in force together, ready to decide. Nothing in it changes. */
export interface PolicySet {
  /** In the order of the files. */
  readonly policies: readonly CompiledPolicy[];
  /** What is allowed but hardly meant, such as a policy that can never apply. */
  readonly warnings: readonly PolicyProblem[];
  readonly cedar: Cedar;
  /** The actions of the schema, with their groups. */
  readonly actions: ReadonlyMap<string, Entity>;
  /** Permits only what a policy permits, no policy forbids and every policy in question could be evaluated for. */
  decide(request: PolicyRequest): Decision;
  evaluate(request: PolicyRequest): Outcome;
}

/** Which policies apply to a request, before anything follows from it. In the order of the files. */
export interface Outcome {
  readonly permits: readonly CompiledPolicy[];
  readonly forbids: readonly CompiledPolicy[];
  readonly failures: readonly { readonly policy: CompiledPolicy; readonly message: string }[];
}

/**
 * Parses, validates and compiles policy files. Takes about half a millisecond per policy, in short turns;
 * deciding is fast.
 *
 * @param schema text of a Cedar schema other than the built-in; null leaves out validation and action groups.
 * @throws AipError POLICY_INVALID; `details.errors` lists every problem as `{file, line, column, message, hint?}`.
 */
export async function compilePolicies(files: readonly PolicyFile[], schema?: string | null): Promise<PolicySet> {
  const cedar = await loadCedar();
  const problems: PolicyProblem[] = [];
  const parsed: ParsedPolicy[] = [];
  for (const file of files) {
    const read = await parsePolicies(cedar, file);
    parsed.push(...read.policies);
    problems.push(...read.problems);
  }
  const schemaJson = schema == null ? AIP_SCHEMA_JSON : parseSchema(cedar, schema);
  const validation = schema === null ? undefined : await validate(cedar, parsed, schemaJson);
  if (validation !== undefined) problems.push(...validation.problems);
  const policies = parsed.map((policy, order) => compilePolicy(cedar, policy, order, problems));
  problems.push(...repeatedIds(parsed, policies));
  if (problems.length > 0) throw policyInvalid(inReadingOrder(problems, files));
  return policySet(cedar, policies, actionEntities(schema === null ? {} : schemaJson), validation?.warnings ?? []);
}

function policySet(
  cedar: Cedar,
  policies: readonly CompiledPolicy[],
  actions: ReadonlyMap<string, Entity>,
  warnings: readonly PolicyProblem[],
): PolicySet {
  const index = indexByScope(policies);
  const evaluate = (request: PolicyRequest): Outcome => {
    const evaluation = startEvaluation(request, actions);
    const subject = (ref: PolicyRequest['principal']) => ({ ref, ancestors: ancestorsOf(evaluation, ref.uid) });
    return evaluateAll(
      index.find(subject(request.principal), subject(request.action), subject(request.resource)),
      evaluation,
    );
  };
  return { policies, warnings, cedar, actions, evaluate, decide: (request) => judge(evaluate(request), request) };
}

function evaluateAll(candidates: readonly CompiledPolicy[], evaluation: Evaluation): Outcome {
  const permits: CompiledPolicy[] = [];
  const forbids: CompiledPolicy[] = [];
  const failures: { policy: CompiledPolicy; message: string }[] = [];
  for (const policy of candidates) {
    try {
      if (policy.holds(evaluation)) (policy.effect === 'permit' ? permits : forbids).push(policy);
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      failures.push({ policy, message: error.message });
    }
  }
  permits.sort(inOrder);
  forbids.sort(inOrder);
  failures.sort((a, b) => inOrder(a.policy, b.policy));
  return { permits, forbids, failures };
}

const inOrder = (a: CompiledPolicy, b: CompiledPolicy): number => a.order - b.order;

/** Forbid overrides permit, nothing permitted is denied, and – beyond Cedar – a policy that fails denies. */
function judge({ permits, forbids, failures }: Outcome, request: PolicyRequest): Decision {
  const [forbid] = forbids;
  const [failure] = failures;
  if (forbid === undefined && failure === undefined && permits.length > 0) {
    return {
      effect: 'permit',
      message: `Permitted by ${permits[0]?.citation}.`,
      reasons: permits.map(({ reason }) => reason),
      errors: [],
      obligations: permits.flatMap(({ obligations }) => obligations),
    };
  }
  const errors = failures.map(({ policy, message }): PolicyFailure => ({ ...policy.reason, message }));
  const reasons = forbids.map(({ reason }) => reason);
  return { effect: 'deny', message: denial(forbid, failure, request), reasons, errors, obligations: [] };
}

/** Validates together what can be validated against the same schema. */
async function validate(
  cedar: Cedar,
  policies: readonly ParsedPolicy[],
  schema: SchemaJson<string>,
): Promise<Validation> {
  const schemaFor = schemaWithArguments(schema);
  const groups = new Map<string, { schema: SchemaJson<string>; policies: ParsedPolicy[] }>();
  for (const policy of policies) {
    const own = schemaFor(policy.json);
    const key = own === schema ? '' : JSON.stringify(own['']?.commonTypes);
    const group = groups.get(key) ?? { schema: own, policies: [] };
    groups.set(key, group);
    group.policies.push(policy);
  }
  const found: Validation = { problems: [], warnings: [] };
  for (const group of groups.values()) {
    const { problems, warnings } = await validatePolicies(cedar, group.policies, group.schema);
    found.problems.push(...problems);
    found.warnings.push(...warnings);
  }
  return found;
}

function repeatedIds(parsed: readonly ParsedPolicy[], policies: readonly CompiledPolicy[]): PolicyProblem[] {
  const first = new Map<string, CompiledPolicy>();
  return policies.flatMap((policy, at) => {
    const { id } = policy.reason;
    const earlier = first.get(id);
    const source = parsed[at]?.source;
    first.set(id, earlier ?? policy);
    if (earlier === undefined || source === undefined) return [];
    const message = `the id "${id}" is already that of ${earlier.citation}`;
    return [problemAt(source, annotationOffset(source, 'id'), message, 'give each policy an id of its own')];
  });
}

/** By file, line and column; of several at one place (one per entity type, say) the first. */
function inReadingOrder(problems: readonly PolicyProblem[], files: readonly PolicyFile[]): PolicyProblem[] {
  const rank = new Map(files.map(({ name }, at) => [name, at]));
  const rankOf = ({ file }: PolicyProblem): number => rank.get(file) ?? 0;
  const place = ({ file, line, column }: PolicyProblem): string => `${line}:${column}:${file}`;
  const perPlace = new Map(problems.toReversed().map((problem) => [place(problem), problem]));
  return [...perPlace.values()].toSorted((a, b) => rankOf(a) - rankOf(b) || a.line - b.line || a.column - b.column);
}

/** The actions of a schema as entities, so that `action in Action::"group"` works. */
function actionEntities(schema: SchemaJson<string>): Map<string, Entity> {
  const actions = Object.entries(schema).flatMap(([namespace, space]) => {
    const type = namespace === '' ? 'Action' : `${namespace}::Action`;
    return Object.entries(space.actions).map(([name, { memberOf }]): Entity => {
      const parents = (memberOf ?? []).map((group) => entity(group.type ?? type, group.id));
      return { ref: entity(type, name), attrs: new Map(), parents };
    });
  });
  return new Map(actions.map((action) => [action.ref.uid, action]));
}
